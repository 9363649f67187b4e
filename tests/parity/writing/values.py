"""Values that fields take, and values that they refuse, made from declarations and columns alone."""

import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from db.describe import ColumnFacts, table
from db.models.columns import LARGEST_SAFE_INTEGER, Model
from services.engine.catalog import Catalog
from services.engine.errors import Invalid
from services.engine.resource import Embedded, Field, Kind, Resource
from services.engine.validate import read_field
from services.engine.values import DEEPEST, Inner
from tests.parity.world import World

Picks = dict[str, Any]
"""Values of those fields whose validity depends on rows or on rules: references and members of enums."""

_LINES = 2
_SEED = 7


def full(resource: Resource, picks: Picks, n: int) -> dict[str, Any]:
    """Return the n-th values of every writable field, lists of embedded rows among them."""
    made = {field.name: _value(resource, field, picks, n) for field in resource.writable}
    for item in resource.embedded:
        inner = picks[item.name]
        made[item.name] = [line(item, inner, _LINES * n + place) for place in range(_LINES)]
    return made


def line(item: Embedded, picks: Picks, n: int) -> dict[str, Any]:
    """Return the n-th values of an embedded row."""
    fields = (item.resource.all_fields[name] for name in item.fields)
    return {field.name: _value(item.resource, field, picks, n) for field in fields}


def guesses(world: World, resource: Resource) -> Iterator[Picks]:
    """Yield choices of references and enum members, some of which will do; the same in every run."""
    dice = random.Random(_SEED)
    while True:
        yield _guess(world, resource, dice)


def _guess(world: World, resource: Resource, dice: random.Random) -> Picks:
    picks: Picks = {}
    for field in resource.writable:
        if field.enum is not None:
            picks[field.name] = str(dice.choice(list(field.enum)))
        if field.among is not None:
            picks[field.name] = granted(world.catalog, resource, field)
    for relation in resource.relations:
        if relation.one:
            rows = world.live(world.catalog.target(relation))
            picks[relation.via] = dice.choice(rows)["id"]
    for item in resource.embedded:
        picks[item.name] = _guess(world, item.resource, dice)
    return picks


def granted(catalog: Catalog, resource: Resource, field: Field) -> list[str]:
    """Return what a list of such texts may hold that has to do with the resource itself."""
    assert field.among is not None
    return sorted(text for text in field.among(catalog) if text.startswith(f"{resource.scope}:"))


def _value(resource: Resource, field: Field, picks: Picks, n: int) -> Any:
    if field.name in picks:
        return picks[field.name]
    facts = resource.facts[field.name]
    match facts.kind:
        case Kind.STRING:
            return _text(resource, field, n)
        case Kind.INTEGER | Kind.BIG_INTEGER:
            return int(field.minimum or 0) + 1 + n % 7
        case Kind.DECIMAL:
            return format(Decimal(n % 4) / 4, "f")
        case Kind.BOOLEAN:
            return n % 2 == 0
        case Kind.DATETIME:
            return f"2126-02-{1 + n % 28:02d}T10:20:30Z"
        case Kind.JSON:
            return _json(resource, field, facts, n)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{field.name} {n}"))


def _json(resource: Resource, field: Field, facts: ColumnFacts, n: int) -> Any:
    made: Any = {"source": f"s{n}", "deep": {"score": n, "on": n % 2 == 0, "list": [1, "x", None, 2.5]}}
    if facts.array:
        made = [f"entry {n}", n]
    return made if valid(resource, field, made) else field.example


def _text(resource: Resource, field: Field, n: int) -> str:
    found = next((text for text in _spellings(field, n) if valid(resource, field, text)), None)
    assert found is not None, f"{resource.name}.{field.name} needs an example that can be varied."
    return found


def _spellings(field: Field, n: int) -> Iterator[str]:
    """Yield texts that no other n has, the likelier ones first."""
    example = str(field.example or field.name)
    if example.isdigit():
        # One in ten has the right check digit.
        stem = str(int(example[:-1]) + n).zfill(len(example) - 1)
        yield from (f"{stem}{digit}" for digit in range(10))
    yield f"{example} {n}"
    yield f"{example}-{n}"
    yield f"{n}{example}"
    yield f"https://{n}.example/{field.name}"


def valid(resource: Resource, field: Field, value: Any) -> bool:
    """Tell whether a field takes a value, whatever else the row holds."""
    return not isinstance(read_field(resource, field.name, value), Invalid | Inner)


def unique_fields(resource: Resource) -> list[Field]:
    """Return the writable fields whose values no two live rows share, or no two of those in one state."""
    names = {columns[0] for columns in distinct(resource.model) if len(columns) == 1}
    return [field for field in resource.writable if field.name in names]


def distinct(model: type[Model]) -> list[tuple[str, ...]]:
    """Return the groups of columns, without the workspace, that are unique among some rows or all."""
    found = [[column.name for column in index.columns] for index in table(model).indexes if index.unique]
    return [tuple(name for name in names if name != "workspace_id") for names in found]


# What is refused


class Bad(NamedTuple):
    """A value that a field refuses, whatever else the row holds.

    `code` is None where the field's own check decides it, and `typed` tells that GraphQL's type system
    refuses the value before the engine sees it.
    """

    label: str
    value: Any
    code: str | None
    typed: bool = False


_MAP = {"a": 1}
_BEYOND_32_BITS = 2**31

_WRONG: dict[Kind, tuple[Bad, ...]] = {
    Kind.STRING: (
        Bad("a number", 42, "invalid_format", True),
        Bad("true", True, "invalid_format", True),
        Bad("a map", _MAP, "invalid_format", True),
        Bad("a list", ["x"], "invalid_format", True),
    ),
    Kind.INTEGER: (
        Bad("a word", "abc", "not_an_integer", True),
        Bad("digits", "12", "not_an_integer", True),
        Bad("a fraction", 1.5, "not_an_integer", True),
        Bad("true", True, "not_an_integer", True),
        Bad("a map", _MAP, "not_an_integer", True),
        Bad("too much", _BEYOND_32_BITS, "less_than", True),
        Bad("too little", -_BEYOND_32_BITS - 1, "greater_than", True),
    ),
    Kind.BIG_INTEGER: (
        Bad("a word", "abc", "not_an_integer", True),
        Bad("a fraction", 1.5, "not_an_integer", True),
        Bad("true", True, "not_an_integer", True),
        Bad("a list", [1], "not_an_integer", True),
        Bad("too much", LARGEST_SAFE_INTEGER + 1, "less_than"),
        Bad("too little", -LARGEST_SAFE_INTEGER - 1, "greater_than"),
    ),
    Kind.DECIMAL: (
        Bad("a word", "abc", "not_a_number"),
        Bad("an exponent", "1e5", "not_a_number"),
        Bad("no number", "NaN", "not_a_number"),
        Bad("nothing", "", "not_a_number"),
        Bad("true", True, "not_a_number", True),
        Bad("a map", _MAP, "not_a_number", True),
    ),
    Kind.BOOLEAN: (
        Bad("a word", "true", "inclusion", True),
        Bad("a number", 1, "inclusion", True),
        Bad("a map", _MAP, "inclusion", True),
    ),
    Kind.DATETIME: (
        Bad("a word", "yesterday", "invalid_date"),
        Bad("no such day", "2026-02-30T00:00:00Z", "invalid_date"),
        Bad("another zone", "2026-01-01T00:00:00+02:00", "invalid_date"),
        Bad("a day", "2026-01-01", "invalid_date"),
        Bad("a number", 42, "invalid_date", True),
        Bad("true", True, "invalid_date", True),
    ),
    Kind.UUID: (
        Bad("a word", "not-a-uuid", "invalid_uuid"),
        Bad("nothing", "", "invalid_uuid"),
        Bad("a number", 42, "invalid_uuid", True),
        Bad("a map", _MAP, "invalid_uuid", True),
    ),
}
_NO_MEMBER = (
    Bad("no member", "no-such-value", "inclusion", True),
    Bad("a number", 42, "inclusion", True),
    Bad("a map", _MAP, "inclusion", True),
)
_ODD_TEXTS = ("!", "not valid!", "-", "é é", "x y")


def refused(resource: Resource, field: Field) -> Iterator[Bad]:
    """Yield values that a field refuses, whatever else the row holds."""
    facts = resource.facts_of(field)
    if field.enum is not None:
        yield from _NO_MEMBER
    elif facts.kind is Kind.JSON:
        yield from _no_json(field, facts)
    else:
        yield from _WRONG[facts.kind]
        yield from _out_of_bounds(field, facts)
    if field.among is not None:
        yield Bad("no member", ["no_such_thing:read"], "inclusion")
        yield Bad("a number within", [1], "invalid_format", True)
    if field.required or not facts.nullable:
        yield Bad("null", None, "cant_be_blank")
        if facts.kind is Kind.STRING and field.enum is None:
            yield Bad("blank", "", "cant_be_blank")
            yield Bad("spaces", " \t ", "cant_be_blank")
    if field.check is not None and facts.kind is Kind.STRING:
        odd = next((text for text in _ODD_TEXTS if not valid(resource, field, text)), None)
        if odd is not None:
            yield Bad("malformed", odd, None)


def _no_json(field: Field, facts: ColumnFacts) -> Iterator[Bad]:
    # A list among texts is one of texts in GraphQL, which also takes a single text for a list of one.
    listed = field.among is not None
    if not listed:
        yield Bad("a text", "text", "invalid_format")
    yield Bad("a number", 42, "invalid_format", listed)
    yield Bad("true", True, "invalid_format", listed)
    yield Bad("the other container", _MAP if facts.array else [1], "invalid_format", listed)
    yield Bad("an unsafe integer", _inside(facts, LARGEST_SAFE_INTEGER + 1), "less_than", listed)
    yield Bad("too deep", _inside(facts, nested(DEEPEST)), "invalid_format", listed)


def _inside(facts: ColumnFacts, value: Any) -> Any:
    return [value] if facts.array else {"a": value}


def nested(levels: int) -> list[Any]:
    """Return lists within lists, so many of them."""
    made: list[Any] = []
    for _ in range(levels - 1):
        made = [made]
    return made


def _out_of_bounds(field: Field, facts: ColumnFacts) -> Iterator[Bad]:
    decimal = facts.kind is Kind.DECIMAL
    if facts.kind is Kind.STRING and facts.max_length is not None:
        yield Bad("too long", "x" * (facts.max_length + 1), None if field.check else "too_long")
    if field.minimum is not None:
        below = field.minimum - 1
        yield Bad("below the least", str(below) if decimal else int(below), "greater_than")
    if field.maximum is not None:
        above = field.maximum + 1
        yield Bad("above the greatest", str(above) if decimal else int(above), "less_than")
    if decimal and facts.precision is not None and facts.scale is not None:
        yield Bad("too exact", f"0.{'1' * (facts.scale + 1)}", "invalid_format")
        yield Bad("too large", "9" * (facts.precision - facts.scale + 1), "less_than")
