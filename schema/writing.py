"""Mutations: arguments to writes of the engine, and what came of them to the data of payloads.

Both ways of execution ask the same `Mutation`; they differ in how a row stands in a payload.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import orjson
from graphql import FieldNode

from schema.deprecation import of_payload, picked
from schema.loaders import exact_json
from schema.names import camel, pascal
from schema.payloads import IN_PAYLOADS, Payload, problem_data, shown_beside
from schema.resolvers import Execution, Writing, as_tree
from schema.selections import Selections
from schema.types import Resolver, Types
from schema.write_inputs import Neutral
from services.engine.context import Caller
from services.engine.deprecation import Deprecated
from services.engine.dispatch import Permit
from services.engine.errors import Problem, bad_request
from services.engine.idempotency import key_of
from services.engine.intent import Select
from services.engine.pricing import FREE, Price
from services.engine.read import Reader, Request
from services.engine.resource import Action, ActionKind, Kind, Resource
from services.engine.versions import tag
from services.engine.writing import Item, Outcome, Write, Written

Row = dict[str, Any]
"""A written row: the members of its REST document, and its `etag`."""

_ANY_ROW = "00000000-0000-4000-8000-000000000000"
"""An id that stands for the row to be written when its selection is judged beforehand."""


def _same(row: Row) -> Any:
    return row


@dataclass(frozen=True, slots=True)
class Mutation:
    """One field of the mutation type."""

    neutral: Neutral
    resource: Resource
    action: Action
    payload: Payload
    bulk: bool

    @property
    def name(self) -> str:
        """Return the name of the field."""
        return camel(self.action.name) + pascal(self.resource.plural if self.bulk else self.resource.name)

    async def answer(
        self,
        writing: Writing,
        given: Mapping[str, Any],
        permit: Permit,
        *,
        alone: bool,
        shown: Callable[[Row], Any] = _same,
    ) -> dict[str, Any]:
        """Run the mutation and return its payload's data; raises the problems that no payload tells.

        `alone` says that the operation has no other mutation, `shown` how a row stands in the payload.
        """
        tell = partial(problem_data, caller=writing.caller, origin=writing.origin)
        try:
            asked = self._write(given, key_for(writing, given.get("idempotencyKey"), alone))
            outcome = await writing.write(asked, permit)
        except Problem as problem:
            if problem.kind.status not in IN_PAYLOADS:
                raise
            return {"problem": tell(problem), "replayed": problem.replayed}
        told = self._many(outcome, shown, tell) if self.bulk else self._one(outcome, shown)
        return {**told, "replayed": outcome.replayed}

    # Before the write

    def selected(self, selections: Selections, nodes: list[FieldNode]) -> list[Select]:
        """Return what is selected of the written row, once for every response name."""
        groups, at, names = [nodes], self.payload.type.__name__, [camel(self.resource.name)]
        if self.bulk:
            names.insert(0, "results")
        for name in names:
            groups = [
                found
                for outer in groups
                for found in selections.collect(at, (node.selection_set for node in outer)).values()
                if found[0].name.value == name
            ]
            at = self.payload.result
        return [
            Select(self.resource.name, _ANY_ROW, selections.object(self.resource, found)) for found in groups
        ]

    def outdated(self, selections: Selections, nodes: list[FieldNode]) -> tuple[Deprecated, ...]:
        """Return what is selected of the payload beside the row that is deprecated."""
        marks = {} if self.bulk else of_payload(self.resource, self.action)
        return tuple(picked(selections, marks, self.payload.type.__name__, nodes))

    def judge(
        self, reader: Reader, caller: Caller, selected: Iterable[Select], values: list[Any], rows: int = 1
    ) -> Price:
        """Return the price of what a payload shows beside the rows; raises the problem of the rest."""
        price = FREE
        for each in selected:
            points, held, lists = reader.judge(
                caller, Request(None, partial(_asked, each), values, self.name), rows
            )
            # The rows themselves are part of the write.
            price = Price(price.points + points - 1, price.held + held, price.lists + lists)
        return price

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
            operation=self.name,
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

    def _one(self, outcome: Outcome, shown: Callable[[Row], Any]) -> dict[str, Any]:
        (written,) = outcome.items
        if self.action.kind is ActionKind.DELETE:
            return {"deleted_id": written.id}
        row = row_of(self.resource, written)
        beside = shown_beside(self.resource, self.action)
        return {self.resource.name: shown(row)} | {name: row.get(each.name) for name, each in beside.items()}

    def _many(
        self, outcome: Outcome, shown: Callable[[Row], Any], tell: Callable[[Problem], Any]
    ) -> dict[str, Any]:
        total, failed = len(outcome.items), outcome.failed
        results = [
            {
                "index": index,
                "id": written.id,
                "status": written.status,
                self.resource.name: written.document and shown(row_of(self.resource, written)),
                "problem": written.problem and tell(written.problem),
            }
            for index, written in enumerate(outcome.items)
        ]
        summary = {"total": total, "succeeded": total - failed, "failed": failed}
        return {"results": results, "summary": summary}


def _asked(asked: Select) -> Select:
    return asked


def row_of(resource: Resource, written: Written) -> Row:
    """Return a written row, every number of which is encoded again as it was."""
    document = written.document or b"{}"
    row: Row = orjson.loads(document)
    if any(_has_fractions(row[name]) for name in _json_fields(resource)):
        row = exact_json(document)
    row["etag"] = tag(row["id"], written.version)
    return row


@cache
def _json_fields(resource: Resource) -> tuple[str, ...]:
    fields = resource.shown_fields
    return tuple(each.name for each in fields if resource.facts[each.name].kind is Kind.JSON)


def _has_fractions(value: Any) -> bool:
    """Tell whether a decoded value holds a float, and so perhaps not all digits that it had."""
    if isinstance(value, dict | list):
        return any(map(_has_fractions, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def key_for(writing: Writing, sent: str | None, alone: bool) -> str | None:
    """Return the idempotency key, which is the argument's or the header's; raises the 400 problem."""
    header = writing.key
    if header is None:
        return None if sent is None else key_of(sent)
    if not header.alone or not alone:
        raise bad_request(
            "The header Idempotency-Key belongs to a single mutation; give each one an idempotencyKey."
        )
    if sent is not None and sent != header.text:
        raise bad_request("The header Idempotency-Key and the argument idempotencyKey differ; send one.")
    return key_of(header.text)


class WritingResolvers:
    """Makes the resolvers of one catalogue's mutations, and keeps the mutations by name."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._neutral = {resource.name: Neutral(resource) for resource in types.catalog}
        self.mutations: dict[str, Mutation] = {}

    def resolver(
        self, name: str, resource: Resource, action: Action, payload: Payload, bulk: bool
    ) -> Resolver:
        """Return what resolves the mutation of `resource` by `action`, of one row or of many."""
        neutral = Neutral(resource, action.inputs) if action.inputs else self._neutral[resource.name]
        mutation = Mutation(neutral, resource, action, payload, bulk)
        self.mutations[name] = mutation
        shown = partial(self._object, resource)

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            execution: Execution = info.context
            alone = execution.mutations(info) == 1
            rows = len(given.get("items") or given.get("ids") or ()) if bulk else 1
            permit, before = partial(_permit, mutation, execution, info, rows), execution.caller.held
            try:
                return await mutation.answer(execution, as_tree(given), permit, alone=alone, shown=shown)
            finally:
                if execution.caller.held == before:
                    # Nothing is given back of what was never taken.
                    execution.prices.pop(str(info._raw_info.path.key), None)

        return resolve

    def _object(self, resource: Resource, row: Row) -> Any:
        names = (*(field.name for field in resource.shown_fields), "etag")
        return self._types.objects[resource.name](**{name: row[name] for name in names})


def _permit(mutation: Mutation, execution: Execution, info: Any, rows: int, caller: Caller) -> Price:
    values: list[Any] = []
    selections, nodes = execution.selections(info, values), list(info._raw_info.field_nodes)
    selected = mutation.selected(selections, nodes)
    caller.notice(mutation.outdated(selections, nodes), mutation.name)
    price = mutation.judge(execution.reader, caller, selected, values, rows)
    execution.prices[str(info._raw_info.path.key)] = price
    return price
