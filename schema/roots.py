"""Root fields: what each asks of the engine, and how its answer stands in the response."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, GraphQLError, InlineFragmentNode, SelectionSetNode

from schema.arguments import scalar
from schema.errors import Failure, Path, again
from schema.selections import InexpressibleError, Selections
from services.engine.access import Permission, allows
from services.engine.context import Caller
from services.engine.errors import Problem, not_found
from services.engine.intent import Intent, Pick, Select, SelectAny, SelectMany
from services.engine.read import Answer
from services.engine.resource import Resource

_NULL = b"null"


@dataclass(eq=False, slots=True)
class Root:
    """One root field of a shape; it is its own key among plans, so hashing it costs nothing."""

    alias: str
    name: str
    locations: list[dict[str, int]]
    many: bool = False
    asked: Intent | None = None
    problem: Problem | None = None
    candidates: tuple[tuple[Resource, str, tuple[Pick, ...], bool], ...] = ()
    ids: Any = None

    def intent(self, caller: Caller) -> Intent:
        """Return what this field asks for; raises its Problem."""
        if self.problem is not None:
            raise again(self.problem)
        return self._any_of(caller) if self.asked is None else self.asked

    def _any_of(self, caller: Caller) -> Intent:
        """Return the candidates the caller may read, and those it names, which it then must be allowed to."""
        chosen = tuple(
            (resource.name, type_, picks)
            for resource, type_, picks, named in self.candidates
            if named or allows(caller.principal.scopes, resource, Permission.READ)
        )
        if not chosen:
            raise not_found()
        return SelectAny(self.ids, chosen)

    def body(self, answer: Answer | Problem, failures: list[Failure]) -> bytes:
        """Return the field's JSON, and add what went wrong in it to `failures`."""
        if isinstance(answer, Problem):
            return self._failed(answer, (self.alias,), failures)
        if not self.many:
            body = answer.body
            return self._failed(not_found(), (self.alias,), failures) if body is None else body
        rows = [row for row in answer.rows if row[3] is not None]
        bodies = (
            self._failed(not_found(), (self.alias, index), failures) if row[1] is None else row[1]
            for index, row in enumerate(rows)
        )
        return b"[" + b",".join(bodies) + b"]"

    def _failed(self, problem: Problem, path: Path, failures: list[Failure]) -> bytes:
        failures.append(Failure(problem, path, self.locations))
        return _NULL


def root(selections: Selections, alias: str, nodes: list[FieldNode]) -> Root:
    """Return the root field that `nodes` select; raises InexpressibleError, GraphQLError."""
    made = Root(alias, nodes[0].name.value, locations(nodes))
    try:
        _fill(made, selections, nodes)
    except Problem as problem:
        made.problem = problem
    return made


def locations(nodes: Iterable[FieldNode]) -> list[dict[str, int]]:
    """Return where the nodes stand in their document, counted from 1."""
    found = GraphQLError("", list(nodes)).locations or []
    return [{"line": at.line, "column": at.column} for at in found]


def _fill(made: Root, selections: Selections, nodes: list[FieldNode]) -> None:
    name, surface = nodes[0].name.value, selections.surface
    if name in surface.singles:
        resource = surface.singles[name]
        given = selections.arguments("Query", nodes[0])
        made.asked = Select(resource.name, scalar(given["id"]), selections.object(resource, nodes))
    elif name in surface.collections:
        resource = surface.collections[name]
        given = selections.arguments("Query", nodes[0])
        listing = selections.reading.listing(resource, given)
        made.asked = SelectMany(resource.name, listing, selections.connection(resource, nodes))
    elif name in ("node", "nodes"):
        given = selections.arguments("Query", nodes[0])
        made.many = name == "nodes"
        made.ids = scalar(given["ids"]) if made.many else (scalar(given["id"]),)
        named = set(_conditions(selections, (node.selection_set for node in nodes)))
        made.candidates = tuple(
            (resource, type_, selections.object(resource, nodes), type_ in named)
            for type_, resource in surface.by_type.items()
        )
    else:
        raise InexpressibleError


def _conditions(selections: Selections, sets: Iterable[SelectionSetNode | None]) -> Iterable[str]:
    """Yield the types that the fragments of a selection set name."""
    for selection in (node for each in sets if each is not None for node in each.selections):
        if isinstance(selection, FragmentSpreadNode):
            fragment = selections.fragments[selection.name.value]
            yield fragment.type_condition.name.value
            yield from _conditions(selections, (fragment.selection_set,))
        elif isinstance(selection, InlineFragmentNode):
            if selection.type_condition is not None:
                yield selection.type_condition.name.value
            yield from _conditions(selections, (selection.selection_set,))
