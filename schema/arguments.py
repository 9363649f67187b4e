"""The arguments of collections as the engine's listings.

A value may be a placeholder for what comes with each request; everything else is part of the listing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from schema.names import words
from schema.surface import Surface
from services.engine.errors import Problem, bad_request
from services.engine.intent import Comparison, Condition, Junction, Leaf, Listing, Paging, SortTerm, Within
from services.engine.resource import Kind, Operator, Resource

_PAGED = ("page", "perPage")
_KEYED = ("first", "after", "last", "before")


@dataclass(frozen=True, slots=True)
class CursorLeaf:
    """A decoded cursor among the values of a request, and which of its keys are null."""

    leaf: Leaf
    nulls: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class TextLeaf:
    """A text among the values of a request, with what is known of it: blank or not, and read as a cursor."""

    leaf: Leaf
    blank: bool = False
    cursor: CursorLeaf | Problem | None = None


def scalar(value: Any) -> Any:
    """Return a coerced value as the engine takes it: enums by value, lists as tuples."""
    if isinstance(value, TextLeaf):
        return value.leaf
    if isinstance(value, Enum):
        return value.value
    return tuple(scalar(item) for item in value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Arguments:
    """Reads coerced arguments by the declarations; raises the 400 problem naming what is wrong."""

    surface: Surface
    decode: Callable[[str], CursorLeaf] | None = None

    def listing(self, resource: Resource, given: Mapping[str, Any]) -> Listing:
        """Return the listing that the arguments of a collection of `resource` ask for."""
        tree, sort = given.get("filter"), given.get("sort")
        return Listing(
            filter=None if tree is None else self._conditions(resource, tree, ("filter",)),
            sort=tuple(_term(item.value) for item in sort or ()),
            q=_search(given.get("search")),
            paging=self._paging(given),
            include_deleted=bool(given.get("includeDeleted")),
        )

    def _conditions(self, resource: Resource, tree: Any, at: tuple[str, ...]) -> Condition:
        parts: list[Condition] = []
        for name, value in tree.items():
            parts += self._named(resource, name, value, (*at, name))
        if not parts:
            what = words(resource.plural)
            raise bad_request(
                f"{_spelled(at)} names no condition on {what}; leave it out to mean all of them."
            )
        return _joined(parts)

    def _named(self, resource: Resource, name: str, value: Any, at: tuple[str, ...]) -> list[Condition]:
        members = self.surface.members[resource.name]
        if value is None:
            raise bad_request(f"{_spelled(at)} is null; leave it out, or give it a condition.")
        if name == "not":
            return [Junction("not", (self._conditions(resource, value, at),))]
        if name in ("and", "or"):
            if not value:
                raise bad_request(f"{_spelled(at)} is an empty list; give it conditions, or leave it out.")
            parts = tuple(self._conditions(resource, item, at) for item in value)
            return [Junction("and" if name == "and" else "or", parts)]
        if name in members.relations:
            relation = members.relations[name]
            inner = self._conditions(self.surface.catalog.target(relation), value, at)
            if relation.one and isinstance(inner, Junction) and inner.kind == "and":
                # One row at most is meant, so its conditions may stand apart, as REST writes them.
                return [Within(relation.name, part) for part in inner.parts]
            return [Within(relation.name, inner)]
        field = members.filters[name]
        if resource.facts[field.name].kind is Kind.JSON:
            if not value:
                raise bad_request(f"{_spelled(at)} is an empty list; give it conditions, or leave it out.")
            return [part for item in value for part in _inside(field.name, item, at)]
        return _comparisons((field.name,), value, at)

    # Paging

    def _paging(self, given: Mapping[str, Any]) -> Paging:
        named = [name for name in (*_KEYED, *_PAGED) if given.get(name) is not None]
        if not any(name in _PAGED for name in named):
            return self._keyset(given, named)
        if any(name in _KEYED for name in named):
            raise bad_request(f"{' and '.join(named)} exclude each other: page by number, or by cursor.")
        return Paging(size=given.get("perPage"), page=given.get("page"))

    def _keyset(self, given: Mapping[str, Any], named: list[str]) -> Paging:
        backward = "last" in named or "before" in named
        if backward and ("first" in named or "after" in named):
            raise bad_request(
                f"{' and '.join(named)} exclude each other: use first and after, or last and before."
            )
        size, text = given.get("last" if backward else "first"), given.get("before" if backward else "after")
        if text is None:
            return Paging(size=size, keyset=True, backward=backward, relay=True)
        cursor = self._cursor(text)
        return Paging(
            size=size, keyset=True, cursor=cursor.leaf, nulls=cursor.nulls, backward=backward, relay=True
        )

    def _cursor(self, text: Any) -> CursorLeaf:
        found = self.decode(text) if self.decode is not None else text.cursor
        if isinstance(found, Problem):
            raise found
        return found


def _inside(name: str, tree: Any, at: tuple[str, ...]) -> list[Condition]:
    path = tree.get("path")
    rest = {key: value for key, value in tree.items() if key != "path"}
    if path is None:
        return _comparisons((name,), rest, at)
    return _comparisons((name, *path.split(".")), rest, (*at, path))


def _comparisons(path: tuple[str, ...], operators: Any, at: tuple[str, ...]) -> list[Condition]:
    if not operators:
        raise bad_request(
            f"{_spelled(at)} has no operator; a variable in it may have been left out of the request."
        )
    made: list[Condition] = []
    for operator, value in operators.items():
        if value is None:
            raise bad_request(f"{_spelled((*at, operator))} is null; `null: true` finds what has no value.")
        made.append(Comparison(path, str(Operator(operator)), scalar(value)))
    return made


def _joined(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))


def _term(text: str) -> SortTerm:
    return SortTerm(text.removeprefix("-"), text.startswith("-"))


def _search(value: Any) -> Any:
    if isinstance(value, TextLeaf):
        return None if value.blank else value.leaf
    return value if value is not None and value.strip() else None


def _spelled(at: tuple[str, ...]) -> str:
    return " ".join((".".join(at[1:]) and "Filter", ".".join(at[1:]))) if len(at) > 1 else "The filter"
