"""Questions for every resource, generated from its declaration and the rows it has; none names a resource."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from services.engine.encoding import short_identifier
from services.engine.resource import Field, Kind, Operator, Resource
from tests.parity.neutral import Case, Compare, Junction, Owner
from tests.parity.world import OTHER, OWN, World

EVERYTHING = 500
DEEPEST = 3

Group = Callable[[World, Resource], Iterator[Case]]

_ORDERS = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_INCLUSIVE = (Operator.EQ, Operator.GTE, Operator.LTE)


def singles(world: World, resource: Resource) -> Iterator[Case]:
    """Yield single rows by every spelling of their ids."""
    for place, row in enumerate(world.live(resource)[:4]):
        yield Case(f"row {place}", resource, id=row["id"], least=1)
    known = world.live(resource)[0]["id"]
    yield Case("id in capitals", resource, id=known.upper(), least=1)
    yield Case("id without hyphens", resource, id=known.replace("-", ""), least=1)
    yield Case("short id", resource, id=short_identifier(known), least=1)


def sparse(world: World, resource: Resource) -> Iterator[Case]:
    """Yield one field at a time, of rows and of collections, and of what is included."""
    known = world.live(resource)[0]["id"]
    names = [item.name for item in resource.shown_fields]
    for name in names:
        yield Case(f"field {name} of one", resource, id=known, fields=(name,), least=1)
        yield Case(f"field {name} of many", resource, fields=(name,), size=5, least=1)
    yield Case("two fields", resource, fields=tuple(names[1:3]), least=1)
    for relation in resource.relations:
        if world.catalog.target(relation) is resource:
            # REST's sparse fields go by type, and the rows asked for are of the same type.
            continue
        name = world.catalog.target(relation).shown_fields[1].name
        narrow = ((relation.name, (name,)),)
        yield Case(
            f"field {name} of {relation.name}",
            resource,
            include=((relation.name,),),
            related_fields=narrow,
            size=5,
            least=1,
        )


def includes(world: World, resource: Resource) -> Iterator[Case]:
    """Yield every path of relations, in turn from a page and from one row, and many paths at once."""
    known = world.live(resource)[0]["id"]
    for place, path in enumerate(paths(world, resource, DEEPEST)):
        label = ".".join(path)
        if place % 2 or len(path) == 1:
            yield Case(f"include {label}", resource, include=(path,), size=5, least=1)
        if not place % 2 or len(path) == 1:
            yield Case(f"include {label} of one", resource, id=known, include=(path,), least=1)
    every = tuple((relation.name,) for relation in resource.relations)
    if every:
        yield Case("include all", resource, include=every, size=5, least=1)
        yield Case(
            "include two deep", resource, include=(*every, *paths(world, resource, 2)), size=3, least=1
        )


def paths(world: World, resource: Resource, deepest: int) -> Iterator[tuple[str, ...]]:
    """Yield the relation paths of a resource, shorter ones first within each branch."""
    for relation in resource.relations:
        yield (relation.name,)
        if deepest > 1:
            for rest in paths(world, world.catalog.target(relation), deepest - 1):
                yield (relation.name, *rest)


def filters(world: World, resource: Resource) -> Iterator[Case]:
    """Yield every filterable field with every operator it takes."""
    for field in resource.all_fields.values():
        if field.filterable and resource.facts[field.name].kind is not Kind.JSON:
            yield from _by_operators(world, resource, field)


def _by_operators(world: World, resource: Resource, field: Field) -> Iterator[Case]:
    samples = _samples(world, resource, field)
    for operator in resource.operators(field):
        for label, value in _operands(operator, samples):
            found = operator in _INCLUSIVE and field.name != "deleted_at"
            yield Case(
                f"{field.name} {operator} {label}",
                resource,
                filter=(Compare((field.name,), str(operator), value),),
                size=EVERYTHING,
                least=1 if found else 0,
                in_url=_fits_url(value),
            )


def _samples(world: World, resource: Resource, field: Field) -> list[Any]:
    hidden = field.name == "deleted_at" or field.reveals
    rows = world.deleted(resource) if hidden else world.live(resource)
    values = sorted({row[field.name] for row in rows if row[field.name] is not None}, key=str)
    assert values or not rows, f"No row of {resource.plural} has a {field.name}, so it cannot be compared."
    return values


def _operands(operator: Operator, samples: list[Any]) -> Iterator[tuple[str, Any]]:
    if operator is Operator.NULL:
        yield from (("true", True), ("false", False))
    elif operator in (Operator.IN, Operator.NIN):
        yield "some", samples[:2]
        yield "all", samples[:50]
        yield "none", []
    elif operator is Operator.LIKE:
        yield from _substrings(samples)
    else:
        # A value in the middle, so that there is something on both sides of it.
        yield from ((repr(value), value) for value in samples[len(samples) // 2 :][:1])


def _substrings(samples: list[Any]) -> Iterator[tuple[str, Any]]:
    text = str(samples[-1]) if samples else ""
    for part in dict.fromkeys((text, text[1:4], text.upper(), text.lower(), "%", "_", "\\", "'", '"')):
        if part.strip():
            yield repr(part), part


def _fits_url(value: Any) -> bool:
    """Tell whether a query string can say a value: lists are split at commas, and have at least one."""
    if isinstance(value, list):
        return bool(value) and not any("," in str(one) for one in value)
    return True


def _textual(value: Any) -> bool:
    """Tell whether a value inside JSON is a text, which is all that a query string knows."""
    return all(isinstance(one, str) for one in (value if isinstance(value, list) else [value]))


def json_paths(world: World, resource: Resource) -> Iterator[Case]:
    """Yield paths into JSON fields as the rows have them, with every operator."""
    for field in resource.all_fields.values():
        if not field.filterable or resource.facts[field.name].kind is not Kind.JSON:
            continue
        leaves: dict[tuple[str, ...], list[Any]] = {}
        for row in world.live(resource):
            for path, value in _leaves(row[field.name]):
                leaves.setdefault(path, []).append(value)
        assert leaves, f"No row of {resource.plural} has anything in {field.name}."
        for path, values in leaves.items():
            yield from _into_json(resource, (field.name, *path), values)
        yield from _into_json(resource, (field.name, "absent"), ["x"])
        for flag in (True, False):
            whole = Compare((field.name,), "null", flag)
            yield Case(f"{field.name} null {flag}", resource, filter=(whole,), size=EVERYTHING)


def _leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*at, name))
    elif isinstance(value, str | int | float) and at:
        yield at, value


def _into_json(resource: Resource, path: tuple[str, ...], values: list[Any]) -> Iterator[Case]:
    label = ".".join(path)
    for operator in resource.operators(resource.all_fields[path[0]]):
        if operator in (Operator.IN, Operator.NIN):
            operands: list[Any] = [[_spelled(value) for value in values[:2]], values[:3]]
        elif operator is Operator.NULL:
            operands = [True, False]
        else:
            operands = [_spelled(values[0]), values[-1]]
        for value in operands:
            # Typed values are a matter of bodies and variables; a query string knows texts alone.
            textual = operator is Operator.NULL or _textual(value)
            yield Case(
                f"{label} {operator} {value!r}",
                resource,
                filter=(Compare(path, str(operator), value),),
                size=EVERYTHING,
                in_url=textual,
                refusal=None if textual or operator is not Operator.LIKE else "bad-request",
            )


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def relation_filters(world: World, resource: Resource) -> Iterator[Case]:
    """Yield filters by what relations lead to, three relations deep, alone and together."""
    found: list[Compare] = []
    for place, path in enumerate(paths(world, resource, DEEPEST)):
        target = resource
        for name in path:
            target = world.catalog.target(target.relations_by_name[name])
        rows = world.live(target)
        late = Compare((*path, "inserted_at"), "gte", rows[0]["inserted_at"])
        known = Compare((*path, "id"), "in", [row["id"] for row in rows[:3]])
        absent = Compare((*path, "id"), "null", True)
        found.append((late, known, absent)[place % 3])
        label = ".".join(found[-1].path)
        yield Case(f"{label} {found[-1].operator}", resource, filter=(found[-1],), size=EVERYTHING)
    if found:
        yield Case("related twice", resource, filter=tuple(found[:2]), size=EVERYTHING)


def junctions(world: World, resource: Resource) -> Iterator[Case]:
    """Yield conditions together, and the junctions that search bodies and GraphQL share."""
    rows = world.live(resource)
    one = Compare(("id",), "eq", rows[0]["id"])
    other = Compare(("id",), "eq", rows[-1]["id"])
    early = Compare(("inserted_at",), "lte", rows[len(rows) // 2]["inserted_at"])
    yield Case("both", resource, filter=(one, early), size=EVERYTHING)
    yield Case("between", resource, filter=(early, replace(early, operator="gte")), size=EVERYTHING, least=1)
    for label, node in (
        ("or", Junction("or", (one, other))),
        ("and", Junction("and", (one, early))),
        ("not", Junction("not", (early,))),
        ("not or", Junction("not", (Junction("or", (one, other)),))),
        ("or of ands", Junction("or", (Junction("and", (one, early)), other))),
    ):
        yield Case(label, resource, filter=(node,), size=EVERYTHING, in_url=False)
        yield Case(f"{label} beside", resource, filter=(node, early), size=EVERYTHING, in_url=False)


def sorts(world: World, resource: Resource) -> Iterator[Case]:
    """Yield every sortable field both ways, ties and nulls included, by pages and by cursors."""
    yield Case("default order", resource, size=EVERYTHING, least=1)
    for terms in _orders(resource):
        label = f"sort {','.join(terms)}"
        if len(terms) == 1:
            yield Case(label, resource, sort=terms, size=EVERYTHING, least=1)
        yield Case(f"{label} by cursor", resource, sort=terms, size=3, keyset=True, least=1)


def _orders(resource: Resource) -> Iterator[tuple[str, ...]]:
    names = [item.name for item in resource.all_fields.values() if item.sortable]
    for name in names:
        yield (name,)
        yield (f"-{name}",)
    for place, (first, second) in enumerate(pairwise(names)):
        yield (first, f"-{second}") if place % 2 else (f"-{second}", f"-{first}")
    if len(names) > 2:
        yield (f"-{names[-1]}", names[-2], f"-{names[-3]}")


def searches(world: World, resource: Resource) -> Iterator[Case]:
    """Yield text searches for words and beginnings of words that the rows hold."""
    if not resource.searchable:
        return
    for name in resource.searchable:
        text = next((row[name] for row in world.live(resource) if row[name]), "")
        words = [word for word in text.split() if word.isalnum()] or [text]
        for q in dict.fromkeys((words[0], words[0][:3], words[0].upper(), " ".join(words[:2]))):
            yield Case(f"q {q!r}", resource, q=q, size=EVERYTHING, least=1)
    for q in ("zzzzzz", "100%", "o'brien", "a & b | !c", ":*", "\\", "   ", '"'):
        yield Case(f"q {q!r}", resource, q=q, size=EVERYTHING)
    yield Case("q and sort", resource, q=text[:2], sort=("-inserted_at",), size=3, keyset=True)


def pages(world: World, resource: Resource) -> Iterator[Case]:
    """Yield pages by number, some of them outside of what there is."""
    count = len(world.live(resource))
    for page, size in ((1, 1), (2, 1), (1, 3), (2, 3), (count // 3 + 1, 3), (99, 3), (1, EVERYTHING)):
        yield Case(f"page {page} of {size}", resource, page=page, size=size)
    for page, size in ((0, 3), (-1, 3), (1, 0), (1, -5), (1, 9_999), (10**6, 3)):
        yield Case(f"page {page} of {size}, clamped", resource, page=page, size=size)
    terms = Compare(("inserted_at",), "gte", world.live(resource)[0]["inserted_at"])
    yield Case("page of a filter", resource, filter=(terms,), page=2, size=1)


def deleted(world: World, resource: Resource) -> Iterator[Case]:
    """Yield collections with deleted rows among them."""
    yield Case(
        "with deleted", resource, include_deleted=True, size=EVERYTHING, least=len(world.live(resource))
    )
    yield Case("with deleted by cursor", resource, include_deleted=True, size=3, keyset=True)
    for flag in (True, False):
        condition = Compare(("deleted_at",), "null", flag)
        yield Case(f"deleted null {flag}", resource, filter=(condition,), size=EVERYTHING)


def nested(world: World, resource: Resource) -> Iterator[Case]:
    """Yield the collections below rows of the resource, as GraphQL's lists of objects have them too."""
    for relation in resource.relations:
        if not (relation.many and relation.nested):
            continue
        target = world.catalog.target(relation)
        for place, row in enumerate(world.live(resource)[:4]):
            owner = Owner(resource, relation, row["id"])
            label = f"{relation.name} of {resource.name} {place}"
            yield Case(label, target, owner=owner)
            for terms in (("inserted_at",), ("-updated_at", "inserted_at")):
                yield Case(f"{label} by {terms}", target, owner=owner, sort=terms)
            yield Case(f"{label} by cursor", target, owner=owner, size=1, keyset=True)
            condition = Compare(("inserted_at",), "gte", world.live(target)[0]["inserted_at"])
            yield Case(f"{label} filtered", target, owner=owner, filter=(condition,))
            if target.relations:
                include = ((target.relations[0].name,),)
                yield Case(f"{label} with more", target, owner=owner, include=include)


def walks(world: World, resource: Resource) -> Iterator[Case]:
    """Yield the first pages of walks, which go on from cursor to cursor, in turn forwards and backwards."""
    size = max(len(world.live(resource)) // 3, 1)
    several = [terms for terms in _orders(resource) if len(terms) > 1][:2]
    single = [terms for terms in _orders(resource) if len(terms) == 1]
    for place, terms in enumerate(((), (), *single, *several)):
        backward = place % 2 == 1
        label = f"walk {','.join(terms) or 'default'}{' back' if backward else ''}"
        yield Case(label, resource, sort=terms, size=size, keyset=True, backward=backward, least=1)


def absent(world: World, resource: Resource) -> Iterator[Case]:
    """Yield ids that lead nowhere, alone and as owners."""
    for label, id_ in _nowhere(world, resource).items():
        yield Case(f"{label} id", resource, id=id_, refusal="not-found")
        for relation in resource.relations:
            if relation.many and relation.nested:
                yield Case(
                    f"{relation.name} of an {label} id",
                    world.catalog.target(relation),
                    owner=Owner(resource, relation, id_),
                    refusal="not-found",
                )


def _nowhere(world: World, resource: Resource) -> dict[str, str]:
    made = str(uuid.UUID(int=1, version=4))
    ids = {
        "absent": made,
        "absent short": short_identifier(made),
        "malformed": "not-an-id",
        "almost": made[:-1],
        "long": "a" * 500,
        "a number": "42",
        "not ASCII": "é" * 36,
    }
    gone = world.deleted(resource)
    if gone:
        ids["deleted"] = gone[0]["id"]
    theirs = {row["id"] for row in world.rows[OTHER, resource.name]}
    strange = theirs - {row["id"] for row in world.rows[OWN, resource.name]}
    return ids | {"another workspace's": min(strange)}


def narrow(group: Group) -> Group:
    """Return the cases of `group`, asking for few fields: which rows there are, and in which order."""

    def cases(world: World, resource: Resource) -> Iterator[Case]:
        return (replace(case, fields=("id",)) for case in group(world, resource))

    return cases


READS: dict[str, Group] = {
    "singles": singles,
    "sparse": sparse,
    "includes": includes,
    "filters": narrow(filters),
    "json_paths": narrow(json_paths),
    "relation_filters": narrow(relation_filters),
    "junctions": narrow(junctions),
    "sorts": narrow(sorts),
    "searches": narrow(searches),
    "pages": narrow(pages),
    "deleted": deleted,
    "nested": nested,
    "absent": absent,
}
"""Every read that a token for everything may make."""
