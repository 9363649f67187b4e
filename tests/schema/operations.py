"""Generated operations: any selection, argument, fragment, directive and variable that the schema allows."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.schema.asking import global_id
from tests.support.seed import Seed

_DEEPEST = 4
_ALIASES = ("n1", "n2", "t1", "r", "rn", "q", "select", "User", "body", "_", "keys", "c3", "x" * 64)
_TEXTS = ("", " ", "bread", "Fresh Oats", "100%", "rye_b", "GBP", "x" * 100, "Käse", "5", "EUR' OR 1=1")
_TIMES = ("2026-01-01T00:05:00Z", "2026-01-15", "2026-01-01T00:02:00.123456Z", "yesterday")


def drawn(examples: int) -> settings:
    """Return how operations are drawn: so many of them, whatever time each takes, none kept for later."""
    return settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


@dataclass(frozen=True, slots=True)
class Pool:
    """Values that mean something in the seeded database."""

    schema: GraphQLSchema
    ids: tuple[str, ...]
    own: dict[str, str]
    cursors: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class _Writer:
    """One operation in the making."""

    draw: Any
    pool: Pool
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0
    budget: int = 60

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) < percent)

    def choose(self, items: Any) -> Any:
        return self.draw(st.sampled_from(tuple(items)))

    # Selections

    def selections(self, type_: GraphQLObjectType, depth: int) -> str:
        fields = [name for name in type_.fields if self._fits(type_.fields[name], depth)]
        chosen = self.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=4))
        written = [self._field(type_, name, depth) for name in chosen if self._spend()]
        if self.chance(20):
            written.append(f"__typename{self._directive()}")
        if depth > 0 and self.chance(20) and self._spend():
            written.append(self._fragment(type_, depth))
        return " ".join(written or ["__typename"])

    def _spend(self) -> bool:
        self.budget -= 1
        return self.budget > 0

    def _fits(self, found: GraphQLField, depth: int) -> bool:
        return depth < _DEEPEST or is_leaf_type(get_named_type(found.type))

    def _field(self, type_: GraphQLObjectType, name: str, depth: int) -> str:
        found = type_.fields[name]
        arguments = self._arguments(found, type_.name, name)
        alias = self._alias(name) if found.args or self.chance(15) else ""
        inner = get_named_type(found.type)
        body = f" {{ {self.selections(inner, depth + 1)} }}" if isinstance(inner, GraphQLObjectType) else ""
        return f"{alias}{name}{arguments}{self._directive()}{body}"

    def _alias(self, name: str) -> str:
        """Return an alias that no other field has, so that fields never conflict; few may be had."""
        if self.aliases >= 12:
            return ""
        self.aliases += 1
        return f"{_ALIASES[self.aliases % len(_ALIASES)]}{self.aliases if self.aliases > 6 else ''}: "

    def _directive(self) -> str:
        if not self.chance(10):
            return ""
        value = (
            self._variable("Boolean!", self.chance(50)) if self.chance(60) else self.choose(("true", "false"))
        )
        return f" @{self.choose(('skip', 'include'))}(if: {value})"

    def _fragment(self, type_: GraphQLObjectType, depth: int) -> str:
        on = self.choose((type_.name, type_.name, "Node")) if type_.interfaces else type_.name
        body = "id" if on == "Node" else self.selections(type_, depth + 1 if depth < _DEEPEST else depth)
        if self.chance(50):
            condition = "" if on == type_.name and self.chance(50) else f"on {on} "
            return f"... {condition}{self._directive()} {{ {body} }}"
        name = f"F{len(self.fragments)}"
        self.fragments.append("")
        self.fragments[int(name[1:])] = f"fragment {name} on {on} {{ {body} }}"
        return f"...{name}{self._directive()}"

    # Arguments

    def _arguments(self, found: GraphQLField, type_name: str, name: str) -> str:
        given: list[str] = []
        paging = self._paging(found, name)
        for argument, definition in found.args.items():
            if argument in paging:
                given.append(f"{argument}: {paging[argument]}")
            elif (isinstance(definition.type, GraphQLNonNull) and argument != "includeDeleted") or (
                argument in ("filter", "sort", "search", "includeDeleted") and self.chance(30)
            ):
                given.append(f"{argument}: {self.value(definition.type, 0)}")
        return f"({', '.join(given)})" if given else ""

    def _paging(self, found: GraphQLField, name: str) -> dict[str, str]:
        ways: list[tuple[str, ...]] = [(), ("first",), ("last",), ("first", "after"), ("last", "before")]
        ways += [("page", "perPage"), ("before",), ("first", "last"), ("page", "first")]
        chosen = [each for each in self.choose(ways) if each in found.args]
        made = {}
        for argument in chosen:
            if argument in ("after", "before"):
                target = get_named_type(found.type).name.removesuffix("Connection")
                known = self.pool.cursors.get(target, ())
                text = self.choose((*known, *known, "nonsense", ""))
                quoted = orjson.dumps(text).decode()
                made[argument] = self._variable("String", text) if self.chance(60) else quoted
            else:
                number = self.choose((0, 1, 2, 3, 3, 600, -1))
                made[argument] = self._variable("Int", number) if self.chance(50) else str(number)
        return made

    def _variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {type_}")
        if not type_.endswith("!") and self.chance(8):
            if self.chance(50):
                self.variables[name] = None
            return f"${name}"
        self.variables[name] = value
        return f"${name}"

    def value(self, type_: Any, depth: int) -> str:
        """Return a literal of an input type, or a variable that holds one."""
        if self.chance(35):
            return self._variable(str(type_), self.plain(type_, depth))
        named = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(named, GraphQLList):
            items = [self.value(named.of_type, depth) for _ in range(self.draw(st.integers(0, 2)))]
            return f"[{', '.join(items)}]"
        if isinstance(named, GraphQLInputObjectType):
            pairs = self._members(named, depth)
            return "{" + ", ".join(f"{key}: {self.value(kind, depth + 1)}" for key, kind in pairs) + "}"
        plain = self.plain(named, depth)
        return str(plain) if isinstance(named, GraphQLEnumType) else orjson.dumps(plain).decode()

    def plain(self, type_: Any, depth: int) -> Any:
        """Return the JSON of a value of an input type."""
        if isinstance(type_, GraphQLNonNull):
            return self.plain(type_.of_type, depth)
        if isinstance(type_, GraphQLList):
            return [self.plain(type_.of_type, depth) for _ in range(self.draw(st.integers(0, 2)))]
        if isinstance(type_, GraphQLInputObjectType):
            return {key: self.plain(kind, depth + 1) for key, kind in self._members(type_, depth)}
        if isinstance(type_, GraphQLEnumType):
            return self.choose(type_.values)
        return self.choose(self._scalars(type_.name))

    def _members(self, type_: GraphQLInputObjectType, depth: int) -> list[tuple[str, Any]]:
        if type_.name == "JSONFilter":
            operators = [name for name in type_.fields if name != "path"]
            names = ["path", self.choose(operators)]
        else:
            wanted = [name for name in type_.fields if depth < 3 or not self._deep(type_.fields[name].type)]
            names = self.draw(st.lists(st.sampled_from(wanted), min_size=0 if self.chance(5) else 1,
                                       max_size=2, unique=True))  # fmt: skip
        return [(name, type_.fields[name].type) for name in names]

    def _deep(self, type_: Any) -> bool:
        named = get_named_type(type_)
        return isinstance(named, GraphQLInputObjectType) and "and" in named.fields

    def _scalars(self, name: str) -> tuple[Any, ...]:
        return {
            "Boolean": (True, False),
            "Int": (0, 1, 3, -1, 2147483647),
            "BigInt": (49, 149, 9007199254740991, "249"),
            "Decimal": ("0.0875", 0.2, "0"),
            "DateTime": _TIMES,
            "UUID": self.pool.ids,
            "ID": self.pool.ids,
            "JSON": ("import", "linkedin", 1, "1", 0.5, True, "true"),
            "String": (*_TEXTS, "source", "deep.a.b", "score"),
        }[name]


@st.composite
def operations(draw: Any, pool: Pool) -> tuple[str, dict[str, Any]]:
    """Return an operation and its variables."""
    writer = _Writer(draw, pool)
    query = pool.schema.query_type
    assert query is not None
    roots = draw(st.lists(st.sampled_from(list(query.fields)), min_size=1, max_size=3))
    written = [_root(writer, query, name) for name in roots]
    declared = f"({', '.join(writer.declared)})" if writer.declared else ""
    text = " ".join((f"query{declared} {{ {' '.join(written)} }}", *writer.fragments))
    return text, writer.variables


def _root(writer: _Writer, query: GraphQLObjectType, name: str) -> str:
    found = query.fields[name]
    type_ = get_named_type(found.type)
    if name not in ("node", "nodes"):
        known = writer.pool.own.get(type_.name)
        if "id" not in found.args or known is None or writer.chance(20):
            return writer._field(query, name, 0)
        id_ = writer._variable("ID!", known) if writer.chance(60) else f'"{known}"'
        assert isinstance(type_, GraphQLObjectType)
        return f"{writer._alias(name)}{name}(id: {id_}) {{ {writer.selections(type_, 1)} }}"
    argument, definition = next(iter(query.fields[name].args.items()))
    given = writer.value(definition.type, 0)
    types = [writer.choose(writer.pool.cursors) for _ in range(writer.draw(st.integers(0, 2)))]
    pieces = [
        f"... on {each} {{ {writer.selections(writer.pool.schema.type_map[each], 2)} }}"  # type: ignore[arg-type]
        for each in types
    ]
    return f"{writer._alias(name)}{name}({argument}: {given}) {{ id __typename {' '.join(pieces)} }}"


def pool_of(schema: GraphQLSchema, seed: Seed, cursors: dict[str, tuple[str, ...]]) -> Pool:
    """Return the pool of a seeded database."""
    rows = {
        "Product": seed.live("products")[:2],
        "Brand": seed.live("brands")[:1],
        "Category": [*seed.live("categories")[:1], *seed.deleted("categories")[:1]],
        "Order": [*seed.live("orders")[:2], seed.live("orders", "globex")[0]],
        "Customer": seed.live("customers")[:1],
    }
    plain = [str(row["id"]) for found in rows.values() for row in found]
    spelled = [global_id(name, found[0]["id"]) for name, found in rows.items()]
    own = {name: str(found[0]["id"]) for name, found in rows.items()}
    return Pool(schema, (*plain, *spelled, "nonsense", plain[0].upper()), own, cursors)


# Mutations


@st.composite
def mutations(draw: Any, pool: Pool) -> tuple[str, dict[str, Any], str]:
    """Return a mutation that only tries, its variables, and everything of both that it names."""
    writer = _Writer(draw, pool)
    type_ = pool.schema.mutation_type
    assert type_ is not None
    names = draw(st.lists(st.sampled_from(list(type_.fields)), min_size=1, max_size=2))
    written = [_mutation(writer, type_, name, n) for n, name in enumerate(names)]
    declared = f"({', '.join(writer.declared)})" if writer.declared else ""
    text = " ".join((f"mutation{declared} {{ {' '.join(written)} }}", *writer.fragments))
    return text, writer.variables, f"{text} {writer.variables} {pool.ids} {pool.own}"


def _mutation(writer: _Writer, type_: GraphQLObjectType, name: str, place: int) -> str:
    found = type_.fields[name]
    payload = get_named_type(found.type)
    assert isinstance(payload, GraphQLObjectType)
    given = [f"{argument}: {_sent(writer, payload, argument, definition.type)}"
             for argument, definition in found.args.items()
             if isinstance(definition.type, GraphQLNonNull) or writer.chance(30)]  # fmt: skip
    given = [each for each in given if not each.startswith(("dryRun", "idempotencyKey"))]
    if writer.chance(10):
        given.append(f"idempotencyKey: {writer._variable('String', writer.choose(('k', '', 'a b')))}")
    arguments = ", ".join((*given, "dryRun: true"))
    # Without what must be read, most of the time.
    depth = _DEEPEST if writer.chance(60) else 1
    return f"m{place}: {name}({arguments}) {{ {_payload(writer, payload, depth)} }}"


def _payload(writer: _Writer, payload: GraphQLObjectType, depth: int) -> str:
    pieces = ["__typename"] if writer.chance(20) else ["problem { status errors extensions }", "replayed"]
    for name, found in payload.fields.items():
        inner = get_named_type(found.type)
        if name in ("problem", "replayed") or not writer.chance(70):
            continue
        if not isinstance(inner, GraphQLObjectType):
            pieces.append(name)
        elif inner.name.endswith("Result"):
            pieces.append(f"{name}{writer._directive()} {{ {_payload(writer, inner, depth)} }}")
        else:
            pieces.append(f"{name}{writer._directive()} {{ {writer.selections(inner, depth)} }}")
    return " ".join(pieces)


def _sent(writer: _Writer, payload: GraphQLObjectType, argument: str, type_: Any) -> str:
    if argument == "id":
        row = next((name for name in payload.fields if name[:1].upper() + name[1:] in writer.pool.own), "")
        id_ = writer.pool.own.get(row[:1].upper() + row[1:], "nonsense")
        return writer._variable("ID!", id_ if writer.chance(80) else writer.choose(writer.pool.ids))
    if argument == "ifMatch":
        return writer._variable("String", writer.choose(("*", '"0"', "bare", "*")))
    if argument not in ("input", "items") or writer.chance(30):
        return writer.value(type_, 0)
    named = get_named_type(type_)
    values = [_good(writer, named) for _ in range(1 if argument == "input" else writer.choose((1, 2, 3)))]
    return writer._variable(str(type_), values[0] if argument == "input" else values)


def _good(writer: _Writer, type_: Any) -> dict[str, Any]:
    """Return an input that may well be taken."""
    text = f"g-{writer.draw(st.integers(0, 10**9))}"
    known = {"name": text, "slug": text, "email": f"{text}@example.com", "currency": "EUR", "quantity": 2}
    known |= {"unitPriceCents": 5, "orderId": writer.pool.own["Order"], "taxRate": "0.10", "status": "ACTIVE"}
    good = {name: value for name, value in known.items() if name in type_.fields}
    if "ACTIVE" not in getattr(get_named_type(type_.fields.get("status", type_).type)
                               if "status" in type_.fields else type_, "values", ()):  # fmt: skip
        good.pop("status", None)
    if "id" in type_.fields:
        good["id"] = writer.pool.own.get(type_.name.removesuffix("BulkUpdateInput"), "nonsense")
    return {**good, **(writer.plain(type_, 0) if writer.chance(50) else {})}
