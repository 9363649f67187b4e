"""The resolvers of mutations: arguments to writes of the engine, and what came of them to payloads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import FieldNode, get_named_type

from schema.loaders import exact_json
from schema.names import camel
from schema.payloads import IN_PAYLOADS, Payload, WriteStatus, WriteSummary, problem_object, shown_beside
from schema.resolvers import Execution, as_tree
from schema.selections import Selections
from schema.types import Resolver, Types
from schema.write_inputs import Neutral
from services.engine.context import Caller
from services.engine.errors import Problem, bad_request
from services.engine.idempotency import key_of
from services.engine.intent import Select
from services.engine.read import Request
from services.engine.resource import Action, ActionKind, Resource
from services.engine.versions import tag
from services.engine.writing import Item, Outcome, Write, Written

_ANY_ROW = "00000000-0000-4000-8000-000000000000"
"""An id that stands for the row to be written when its selection is judged beforehand."""


class WritingResolvers:
    """Makes the resolvers of one catalogue's mutations."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._neutral = {resource.name: Neutral(resource) for resource in types.catalog}

    def resolver(self, resource: Resource, action: Action, payload: Payload, bulk: bool) -> Resolver:
        """Return what resolves the mutation of `resource` by `action`, of one row or of many."""
        neutral = Neutral(resource, action.inputs) if action.inputs else self._neutral[resource.name]
        mutation = _Mutation(self._types, neutral, resource, action, payload, bulk)

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            return await mutation.answer(info, as_tree(given))

        return resolve


@dataclass(frozen=True, slots=True)
class _Mutation:
    """One field of the mutation type."""

    types: Types
    neutral: Neutral
    resource: Resource
    action: Action
    payload: Payload
    bulk: bool

    async def answer(self, info: Any, given: Mapping[str, Any]) -> Any:
        """Run the mutation and return its payload; raises the problems that no payload tells."""
        execution: Execution = info.context
        try:
            asked = self._write(given, _key(execution, info, given.get("idempotencyKey")))
            outcome = await execution.write(asked, partial(self._permit, execution, info))
        except Problem as problem:
            if problem.kind.status not in IN_PAYLOADS:
                raise
            return self._refused(execution, problem)
        return self._many(execution, outcome) if self.bulk else self._one(outcome)

    # Before the write

    def _permit(self, execution: Execution, info: Any, caller: Caller) -> int:
        """Return the points of what is shown beside the rows; raises the problem of what may not be."""
        values: list[Any] = []
        selections = execution.selections(info, values)
        points = 0
        for nodes in self._selected(selections, info):
            picks = selections.object(self.resource, nodes)
            intent = partial(Select, self.resource.name, _ANY_ROW, picks)
            # The rows themselves are part of the write.
            points += execution.reader.judge(caller, Request(None, intent, values)) - 1
        return points

    def _selected(self, selections: Selections, info: Any) -> Iterable[list[FieldNode]]:
        """Yield the nodes that select the written row, those of each response name together."""
        raw = info._raw_info
        groups = [list(raw.field_nodes)]
        at, names = get_named_type(raw.return_type).name, [camel(self.resource.name)]
        if self.bulk:
            names.insert(0, "results")
        for name in names:
            groups = [
                nodes
                for outer in groups
                for nodes in selections.collect(at, (node.selection_set for node in outer)).values()
                if nodes[0].name.value == name
            ]
            at = self.payload.result.__name__ if self.payload.result is not None else at
        return groups

    def _write(self, given: Mapping[str, Any], key: str | None) -> Write:
        return Write(
            self.resource,
            self.action,
            tuple(self._items(given)),
            bulk=self.bulk,
            atomic=given.get("atomic", True),
            dry_run=given["dryRun"],
            merge=given.get("merge", False),
            key=key,
        )

    def _items(self, given: Mapping[str, Any]) -> Iterable[Item]:
        if not self.bulk:
            values = self.neutral.values(given.get("input") or {})
            yield Item(values, given.get("id"), given.get("ifMatch"))
        elif self.action.kind is ActionKind.DELETE:
            yield from (Item(id=id_) for id_ in given["ids"])
        else:
            for tree in given["items"]:
                values = {name: value for name, value in tree.items() if name != "id"}
                yield Item(self.neutral.values(values), tree.get("id"))

    # After it

    def _refused(self, execution: Execution, problem: Problem) -> Any:
        told = problem_object(problem, execution.caller, execution.origin)
        return self._made(problem=told, replayed=problem.replayed)

    def _one(self, outcome: Outcome) -> Any:
        (written,) = outcome.items
        if self.action.kind is ActionKind.DELETE:
            return self._made(deleted_id=written.id, replayed=outcome.replayed)
        row = exact_json(written.document)
        found = {self.resource.name: self._object(row, written)}
        beside = shown_beside(self.resource, self.action)
        found |= {name: row.get(field.name) for name, field in beside.items()}
        return self._made(**found, replayed=outcome.replayed)

    def _many(self, execution: Execution, outcome: Outcome) -> Any:
        total, failed = len(outcome.items), outcome.failed
        return self._made(
            results=[self._result(execution, *each) for each in enumerate(outcome.items)],
            summary=WriteSummary(total=total, succeeded=total - failed, failed=failed),
            replayed=outcome.replayed,
        )

    def _result(self, execution: Execution, index: int, written: Written) -> Any:
        problem, document = written.problem, written.document
        return self.payload.result(
            index=index,
            id=written.id,
            status=WriteStatus(written.status),
            problem=None if problem is None else problem_object(problem, execution.caller, execution.origin),
            **{self.resource.name: document and self._object(exact_json(document), written)},
        )

    def _object(self, row: Mapping[str, Any], written: Written) -> Any:
        """Return the object of a REST document."""
        values = {field.name: row[field.name] for field in self.resource.shown_fields}
        for field in self.resource.shown_fields:
            if field.enum is not None and values[field.name] is not None:
                values[field.name] = self.types.inputs.enum(field.enum)(values[field.name])
        return self.types.objects[self.resource.name](**values, etag=tag(values["id"], written.version))

    def _made(self, **values: Any) -> Any:
        """Return the payload with these values and null for the others."""
        fields = self.payload.type.__strawberry_definition__.fields
        return self.payload.type(**{each.python_name: values.get(each.python_name) for each in fields})


def _key(execution: Execution, info: Any, sent: str | None) -> str | None:
    """Return the idempotency key, which is the argument's or the header's; raises the 400 problem."""
    header = execution.key
    if header is None:
        return None if sent is None else key_of(sent)
    if not header.alone or execution.mutations(info) > 1:
        raise bad_request(
            "The header Idempotency-Key belongs to a single mutation; give each one an idempotencyKey."
        )
    if sent is not None and sent != header.text:
        raise bad_request("The header Idempotency-Key and the argument idempotencyKey differ; send one.")
    return key_of(header.text)
