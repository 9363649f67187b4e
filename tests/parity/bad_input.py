"""Bad questions for every resource, generated like the good ones; each must be refused, and alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from services.engine.encoding import LONGEST_LIST, LONGEST_TEXT, short_identifier
from services.engine.resource import Field, Kind, Operator, Resource
from tests.parity.cases import paths
from tests.parity.neutral import Case, Compare, Junction
from tests.parity.world import World

_STRANGE = "no_such_thing"
_STRANGE_NAMES = ("no_such_thing", "noSuchThing", "NO_SUCH_THING")

WRONG_TEXTS: dict[Kind, tuple[str, ...]] = {
    Kind.UUID: ("not-a-uuid", "0" * 36, "zzzz-\0", "1"),
    Kind.STRING: ("a\0b", "x" * (LONGEST_TEXT + 1)),
    Kind.BIG_INTEGER: (str(2**63), str(-(2**63) - 1)),
    Kind.DECIMAL: ("abc", "1e5", "0x1", "1.2.3", "NaN", "Infinity"),
    Kind.DATETIME: (
        "yesterday",
        "2026-13-01",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00+02:00",
        "2026-01-01T25:00:00Z",
        "12026-01-01",
    ),
    Kind.JSON: ("a\0b", "x" * (LONGEST_TEXT + 1)),
}
"""Texts that are judged in the engine, whichever surface they came from."""

WRONG_TYPES: dict[Kind, tuple[Any, ...]] = {
    Kind.UUID: (42, True, {"a": 1}),
    Kind.STRING: (42, True, {"a": 1}),
    Kind.INTEGER: ("abc", "1.5", 1.5, True, 2**31, -(2**31) - 1, {"a": 1}),
    Kind.BIG_INTEGER: ("abc", 1.5, True, {"a": 1}),
    Kind.DECIMAL: (True, {"a": 1}),
    Kind.BOOLEAN: ("maybe", 1, {"a": 1}),
    Kind.DATETIME: (42, True, {"a": 1}),
    Kind.JSON: (),
}
"""Values of another JSON type, of which GraphQL's own coercion speaks first."""


def names(world: World, resource: Resource) -> Iterator[Case]:
    """Yield names that do not exist, or not for that purpose, wherever a name may stand."""
    known = world.live(resource)[0]["id"]
    for case in (
        Case("unknown field", resource, fields=(_STRANGE,)),
        Case("unknown field of one", resource, id=known, fields=(_STRANGE,)),
        Case("unknown include", resource, include=((_STRANGE,),)),
        Case("unknown include of one", resource, id=known, include=((_STRANGE,),)),
        Case("unknown sort", resource, sort=(_STRANGE,)),
        Case("unknown sort downwards", resource, sort=(f"-{_STRANGE}",)),
        Case("unknown filter", resource, filter=(Compare((_STRANGE,), "eq", "x"),)),
        Case("unknown operator", resource, filter=(Compare(("id",), _STRANGE, known),)),
    ):
        yield _grammar(case, *_STRANGE_NAMES)
    for relation in resource.relations:
        inner = Compare((relation.name, _STRANGE), "eq", "x")
        yield _grammar(Case(f"unknown filter of {relation.name}", resource, filter=(inner,)), *_STRANGE_NAMES)
        deeper = ((relation.name, _STRANGE),)
        yield _grammar(Case(f"unknown below {relation.name}", resource, include=deeper), *_STRANGE_NAMES)
    for field in resource.shown_fields:
        yield from _unfit(resource, field)
    if not resource.searchable:
        yield _grammar(Case("search of what has no text", resource, q="word"))


def _unfit(resource: Resource, field: Field) -> Iterator[Case]:
    spelled = (field.name, _camel(field.name), field.name.upper())
    if not field.sortable:
        yield _grammar(Case(f"sort by {field.name}", resource, sort=(field.name,)), *spelled)
    if not field.filterable:
        unfit = Compare((field.name,), "null", True)
        yield _grammar(Case(f"filter by {field.name}", resource, filter=(unfit,)), *spelled)
        return
    for operator in Operator:
        if operator not in resource.operators(field):
            value: Any = ["x"] if operator in (Operator.IN, Operator.NIN) else "x"
            unfit = Compare((field.name,), str(operator), value)
            yield _grammar(Case(f"{field.name} {operator}", resource, filter=(unfit,)), str(operator))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def values(world: World, resource: Resource) -> Iterator[Case]:
    """Yield values that their fields cannot have, for every filterable field."""
    for field in resource.all_fields.values():
        kind = resource.facts[field.name].kind
        if not field.filterable:
            continue
        path = (field.name, "some", "path") if kind is Kind.JSON else (field.name,)
        for case in _values(resource, field, kind, path):
            yield replace(case, label=f"{'.'.join(path)} {case.label}")


def _values(resource: Resource, field: Field, kind: Kind, path: tuple[str, ...]) -> Iterator[Case]:
    def asking(label: str, operator: str, value: Any, **rest: Any) -> Case:
        return Case(
            label, resource, filter=(Compare(path, operator, value),), refusal="bad-request", size=3, **rest
        )

    if field.enum is not None:
        yield asking(
            "no member", "eq", "no-such-value", spoken_first=True, naming=("no-such-value", "NO_SUCH_VALUE")
        )
        yield asking(
            "no member among", "in", [str(next(iter(field.enum))), "no-such-value"], spoken_first=True
        )
        yield asking("a number", "eq", 42, spoken_first=True, in_url=False)
    else:
        for value in WRONG_TEXTS.get(kind, ()):
            # GraphQL refuses a NUL anywhere in a body before it reads the body's meaning.
            nul = "\0" in value
            yield asking(f"eq {value[:30]!r}", "eq", value, spoken_first=nul)
            if Operator.IN in resource.operators(field) and len(value) <= LONGEST_TEXT:
                yield asking(f"in {value[:30]!r}", "in", [value], spoken_first=nul)
        for value in WRONG_TYPES[kind]:
            yield asking(f"eq {value!r}", "eq", value, spoken_first=True, in_url=isinstance(value, str))
    if kind is Kind.JSON:
        yield asking("eq a map", "eq", {"a": 1}, in_url=False)
        yield asking("in a map", "in", [{"a": 1}], in_url=False)
    if Operator.IN in resource.operators(field) and field.enum is None and kind in _LONG_LISTS:
        yield asking("too many", "in", [_LONG_LISTS[kind]] * (LONGEST_LIST + 1), in_url=False)
    yield asking("eq null", "eq", None, spoken_first=True, in_url=False)
    yield asking("null maybe", "null", "maybe", spoken_first=True)


_LONG_LISTS: dict[Kind, Any] = {
    # A document of as many whole UUIDs would be too long.
    Kind.UUID: short_identifier("00000000-0000-4000-8000-000000000000"),
    Kind.STRING: "x",
    Kind.INTEGER: 1,
    Kind.BIG_INTEGER: 1,
    Kind.DECIMAL: "1",
    Kind.DATETIME: "2026-01-01",
}


def json_names(world: World, resource: Resource) -> Iterator[Case]:
    """Yield paths into JSON fields that no path may have."""
    for field in resource.all_fields.values():
        if field.filterable and resource.facts[field.name].kind is Kind.JSON:
            for label, path in (
                ("no name at all", ()),
                ("spaces", ("a b",)),
                ("quotes", ("a'b",)),
                ("an empty name", ("a", "", "b")),
                ("a long name", ("a" * 65,)),
                ("many names", ("a",) * 9),
                ("a NUL", ("a\0b",)),
            ):
                condition = Compare((field.name, *path), "eq", "x")
                yield Case(
                    f"{field.name} with {label}",
                    resource,
                    filter=(condition,),
                    refusal="bad-request",
                    spoken_first="NUL" in label,
                )


def limits(world: World, resource: Resource) -> Iterator[Case]:
    """Yield more of everything than is allowed."""
    sortable = [field.name for field in resource.all_fields.values() if field.sortable]
    known = Compare(("id",), "eq", world.live(resource)[0]["id"])
    refused = Case("", resource, refusal="bad-request")
    if len(sortable) > 3:
        yield replace(refused, label="four sorts", sort=tuple(sortable[:4]))
    yield replace(refused, label="a sort twice", sort=("id", "-id"))
    many = (Junction("or", (known,) * 51),)
    yield replace(refused, label="51 conditions", filter=many, in_url=False, naming=("50",))
    for q in ("a\0b", "x" * (LONGEST_TEXT + 1)):
        if resource.searchable:
            yield replace(refused, label=f"q {q[:20]!r}", q=q, spoken_first="\0" in q)
    deep = next((path for path in paths(world, resource, 4) if len(path) == 4), None)
    if deep is not None:
        condition = Compare((*deep, "id"), "null", False)
        yield replace(refused, label="filter four relations deep", filter=(condition,), naming=("3",))
    for label, part in (("size", {"size": "abc"}), ("page", {"page": "abc"}), ("half a page", {"page": 1.5})):
        yield _grammar(Case(f"{label} of no integer", resource, **part))


def _grammar(case: Case, *naming: str) -> Case:
    """Return a case that is refused for its form, before any value is judged."""
    return replace(case, refusal="bad-request", spoken_first=True, naming=naming, size=case.size)


GROUPS = {"names": names, "values": values, "json_names": json_names, "limits": limits}
"""Every kind of bad input that a single question can hold."""
