"""Oracles: what may not be read cannot be guessed either, by asking whether something matches it."""

import base64
import json
from collections.abc import Iterator

import psycopg
import pytest

from db.describe import table
from schema.names import camel, constant, pascal
from services.catalog import CATALOG
from services.engine.cursor import CursorCodec
from services.engine.deployment import derived
from services.engine.resource import OPERATORS, Kind, Resource, Shown
from tests.attacks.arena import TENANT, Arena, graphql, named, refusals
from tests.attacks.mutations import SCHEMA
from tests.support.seed import SECRET

UNKNOWN = "no_such_field"
OPERATED = sorted({str(operator) for operators in OPERATORS.values() for operator in operators})


def unreadable(resource: Resource) -> list[str]:
    """Return the columns that no read shows, and the fields that are shown once or never."""
    columns = {column.name for column in table(resource.model).columns}
    shown = {field.name for field in resource.shown_fields}
    return sorted(
        (columns - shown) | {each.name for each in resource.fields if each.shown is not Shown.ALWAYS}
    )


HIDDEN = [(resource, name) for resource in CATALOG for name in unreadable(resource)]
by_field = pytest.mark.parametrize(
    ("resource", "name"), HIDDEN, ids=lambda each: getattr(each, "plural", each)
)


def test_every_resource_has_something_to_guess() -> None:
    assert len(HIDDEN) > 20
    assert {"token_hash", "token_key", "precheck", "workspace_id"} <= {name for _, name in HIDDEN}


def probes(name: str) -> Iterator[str]:
    """Yield every query that could ask something of a field."""
    for operator in OPERATED:
        yield f"filter[{name}][{operator}]=a"
    for form in (name, f"t1.{name}", f'"{name}"', f"{name}::text", f"{name}--", name.upper(), f" {name}"):
        yield f"filter[{form}]=a"
        yield f"sort={form}"
        yield f"sort=-{form}"
        yield f"fields={form}"
        yield f"include={form}"


@by_field
async def test_a_hidden_field_is_as_unknown_as_one_that_does_not_exist(
    arena: Arena, resource: Resource, name: str
) -> None:
    """Attacks 5, 6 and 7: every way to ask, and the answer is that of a name nobody has."""
    path = f"/api/v1/{resource.path}"
    for hidden, unknown in zip(probes(name), probes(UNKNOWN), strict=True):
        found, none = await arena.admin.get(f"{path}?{hidden}"), await arena.admin.get(f"{path}?{unknown}")
        told, other = found.problem(400)["detail"], none.problem(400)["detail"]
        assert told.replace(name, "?").replace(name.upper(), "?") == other.replace(UNKNOWN, "?").replace(
            UNKNOWN.upper(), "?"
        )
    for body in (
        {"filter": {name: {"like": "a"}}},
        {"filter": {"or": [{name: {"eq": "a"}}, {"id": {"null": True}}]}},
        {"filter": {"not": {name: {"null": True}}}},
        {"sort": [name]},
        {"sort": f"-{name}"},
        {"fields": [name]},
    ):
        assert (await arena.admin.search(resource.path, body)).status == 400, body


@by_field
async def test_the_schema_has_no_name_for_a_hidden_field(arena: Arena, resource: Resource, name: str) -> None:
    """Attacks 5 to 7 and 9: neither in types, nor in filters, nor in sorts."""
    type_ = pascal(resource.name)
    told = {field for kind in (type_, f"{type_}Filter") for field in SCHEMA.type_map[kind].fields}  # type: ignore[attr-defined]
    sorts = set(getattr(SCHEMA.type_map.get(f"{type_}Sort"), "values", ()))
    assert camel(name) not in told
    assert {constant(f"{name}_asc"), constant(f"{name}_desc"), constant(name)}.isdisjoint(sorts)

    many = camel(resource.plural)
    for document in (
        f'{{ {many}(filter: {{{camel(name)}: {{like: "a"}}}}) {{ totalCount }} }}',
        f'{{ {many}(filter: {{or: [{{{camel(name)}: {{eq: "a"}}}}]}}) {{ totalCount }} }}',
        f"{{ {many}(sort: [{constant(name)}_ASC]) {{ totalCount }} }}",
        f"{{ {many} {{ nodes {{ {camel(name)} }} }} }}",
    ):
        answer = await graphql(arena.admin, document)
        assert "data" not in answer.json(), document


@pytest.mark.parametrize("resource", TENANT, ids=named)
async def test_no_search_reaches_what_is_not_searchable(arena: Arena, resource: Resource) -> None:
    """Attack 8: the very values of unreadable and unsearchable columns find nothing."""
    searchable = set(resource.searchable)
    columns = [
        each.name for each in table(resource.model).columns if each.name not in searchable | {"search"}
    ]
    with psycopg.connect(arena.seed.database, row_factory=psycopg.rows.dict_row) as connection:
        text = f"SELECT * FROM {table(resource.model).name} WHERE workspace_id = %s AND deleted_at IS NULL"
        rows = connection.execute(text + " LIMIT 3", [arena.seed.workspaces["acme"]["id"]]).fetchall()
    values = {
        str(row[name])
        for row in rows
        for name in columns
        if isinstance(row[name], str) or (row[name] is not None and name.endswith("id"))
    }
    known = " ".join(str(row[name]) for row in rows for name in searchable).lower()
    for value in sorted(values):
        if not resource.searchable:
            (await arena.admin.get(f"/api/v1/{resource.path}?q={value}")).problem(400)
        elif value.lower() not in known and len(value) > 12:
            assert (await arena.admin.get(f"/api/v1/{resource.path}?q={value}&per_page=1")).rows() == [], (
                value
            )


RELATIONS = [(resource, relation) for resource in CATALOG for relation in resource.relations]


@pytest.mark.parametrize(("resource", "relation"), RELATIONS, ids=lambda each: each.name)
async def test_no_relation_leads_to_a_hidden_field(
    arena: Arena, resource: Resource, relation: object
) -> None:
    """Attack 6: a path to the fields of another resource ends at those that it shows."""
    target = CATALOG.target(relation)  # type: ignore[arg-type]
    for name in unreadable(target):
        for way in (f"{relation.name}.{name}", f"{relation.name}.{relation.name}.{name}"):  # type: ignore[attr-defined]
            answer = await arena.admin.get(f"/api/v1/{resource.path}?filter[{way}][like]=a")
            assert answer.problem(400)["code"] == "bad-request"
            assert (await arena.admin.get(f"/api/v1/{resource.path}?sort={way}")).status == 400
            assert (
                await arena.admin.get(f"/api/v1/{resource.path}?fields[{relation.name}]={name}")
            ).status == 400  # type: ignore[attr-defined]


# Cursors


async def test_a_cursor_is_sealed(arena: Arena) -> None:
    """Attack 7: any change of it, a cut and a foreign one are 400, and tell nothing of its making."""
    page = (await arena.admin.get("/api/v1/products?sort=name&per_page=2&cursor=")).json()
    cursor = page["pagination"]["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    mended = json.loads(raw[: raw.index(b"}") + 1])
    forged = [
        json.dumps({**mended, "k": ["x' OR 1=1 --", mended["k"][-1]]}).encode(),
        json.dumps({**mended, "k": [None, None]}).encode(),
        json.dumps({**mended, "q": "token_hash"}).encode(),
        json.dumps({**mended, "t": 0}).encode(),
        b"null",
        b"",
    ]
    tries = [encoded(payload + raw[-16:]) for payload in forged]
    tries += [
        encoded(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]) for place in range(0, len(raw), 7)
    ]
    tries += [cursor[:-1], cursor + "AAAA", cursor[::-1], "A" * 5_000, "%00", "\u0430" * 20]
    with arena.untouched():
        for each in tries:
            problem = (await arena.admin.get(f"/api/v1/products?sort=name&per_page=2&cursor={each}")).problem(
                400
            )
            assert problem["code"] == "bad-request"
            document = "query($a: String) { products(first: 2, after: $a) { totalCount } }"
            (told,) = refusals(await graphql(arena.admin, document, a=each))
            assert told["code"] == "bad-request"


async def test_a_cursor_of_another_key_is_none(arena: Arena) -> None:
    """Attack 7: it takes this installation's secret to make one."""
    codec = CursorCodec(derived(b"another key of the same length, long enough", "cursors"))
    ours = CursorCodec(derived(SECRET.encode(), "cursors"))
    page = (await arena.admin.get("/api/v1/brands?per_page=2&cursor=")).json()
    cursor = page["pagination"]["next_cursor"]

    assert ours.decode(cursor, 0).keys
    with pytest.raises(Exception, match="malformed"):
        codec.decode(cursor, 0)


async def test_a_cursor_of_another_query_is_refused(arena: Arena) -> None:
    """Attack 7: it belongs to the sort and the filter it was made for."""
    page = (await arena.admin.get("/api/v1/products?sort=name&per_page=2&cursor=")).json()
    cursor = page["pagination"]["next_cursor"]
    for query in ("sort=-name", "sort=price_cents", "sort=name&filter[status]=draft", "sort=name&q=bread"):
        (await arena.admin.get(f"/api/v1/products?{query}&per_page=2&cursor={cursor}")).problem(400)
    (await arena.admin.get(f"/api/v1/brands?sort=name&per_page=2&cursor={cursor}")).problem(400)


async def test_a_stranger_s_cursor_shows_one_s_own_rows(arena: Arena) -> None:
    """Attack 7: it says where to go on, and never in which workspace."""
    page = (await arena.stranger.get("/api/v1/products?per_page=2&cursor=")).json()
    answer = await arena.admin.get(
        f"/api/v1/products?per_page=100&cursor={page['pagination']['next_cursor']}"
    )

    theirs = {str(row["id"]) for row in arena.rows(CATALOG["product"])}
    assert answer.status in (200, 400)
    assert [id_ for id_ in theirs if id_ in answer.body.decode()] == []


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


# Emptiness


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_nothing_asked_for_is_nothing_and_never_all(arena: Arena, resource: Resource) -> None:
    """Attack 10: an empty list, an empty text and a null are no rows or a refusal."""
    path = f"/api/v1/{resource.path}"
    for query in ("filter[id][in]=", "filter[id]=", "filter[id][in]=,", "filter[id][eq]="):
        answer = await arena.admin.get(f"{path}?{query}")
        assert answer.status == 400 or answer.rows() == [], query
    for value in ({"in": []}, {"eq": None}, {"in": [None]}, None, {}, {"eq": ""}):
        answer = await arena.admin.search(resource.path, {"filter": {"id": value}})
        assert answer.status == 400 or answer.rows() == [], value
    many = camel(resource.plural)
    document = f"query($a: [ID!], $b: ID) {{ x: {many}(filter: {{id: {{in: $a}}}}) {{ totalCount }} }}"
    both = f"query($a: ID) {{ {many}(filter: {{id: {{eq: $a}}}}) {{ totalCount }} }}"
    for text, variables in (
        (document.replace(", $b: ID", ""), {"a": []}),
        (document.replace(", $b: ID", ""), {"a": None}),
        (document.replace(", $b: ID", ""), {}),
        (both, {"a": None}),
        (both, {}),
        (f"{{ {many}(filter: {{id: {{in: []}}}}) {{ totalCount }} }}", {}),
        (f"{{ {many}(filter: {{id: {{eq: null}}}}) {{ totalCount }} }}", {}),
    ):
        found = (await graphql(arena.admin, text, **variables)).json()
        total = next(iter((found.get("data") or {}).values()), None)
        assert "errors" in found or total == {"totalCount": 0}, (text, variables, found)


# Injection


SEGMENTS = [
    "a'--",
    "a' OR '1'='1",
    "a'||pg_sleep(5)||'",
    'a"b',
    "a\\",
    "a}",
    "a,b",
    "$.a",
    "a[0]",
    "",
    "a b",
    "x" * 65,
    "\u0430",
    "a\x00b",
    "a;DROP TABLE tokens",
]
JSON_FIELDS = [
    (resource, field.name)
    for resource in CATALOG
    for field in resource.all_fields.values()
    if field.filterable and resource.facts_of(field).kind is Kind.JSON
]


@pytest.mark.parametrize(("resource", "name"), JSON_FIELDS, ids=lambda each: getattr(each, "plural", each))
async def test_a_path_into_json_is_names_and_nothing_else(
    arena: Arena, resource: Resource, name: str
) -> None:
    """Attack 11: on both surfaces 400, and what is compared is always a parameter."""
    with arena.untouched():
        for segment in SEGMENTS:
            for path in (f"{name}.{segment}", f"{name}.deep.{segment}", f"{name}.{segment}.deep"):
                answer = await arena.admin.get(f"/api/v1/{resource.path}?filter[{path}]=a")
                assert answer.problem(400)["code"] == "bad-request"
            body = {"filter": {f"{name}.{segment}": {"eq": 1}}}
            assert (await arena.admin.search(resource.path, body)).status == 400
            filtered = f"filter: {{{camel(name)}: [{{path: $p, eq: 1}}]}}"
            document = f"query($p: String!) {{ {camel(resource.plural)}({filtered}) {{ totalCount }} }}"
            (problem,) = refusals(await graphql(arena.admin, document, p=segment))
            assert problem["code"] == "bad-request"


INJECTED = [
    "' OR '1'='1",
    "a'; DROP TABLE tokens; --",
    "\\",
    "%' --",
    "1); SELECT pg_sleep(5); --",
    "\ufeff",
    "$1",
    "{}",
]


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_a_value_is_never_anything_but_a_value(arena: Arena, resource: Resource) -> None:
    """Attacks 6 and 11: in every filterable field, with every operator, a fragment of SQL is text or 400."""
    with arena.untouched():
        for field in resource.all_fields.values():
            if not field.filterable or resource.facts_of(field).kind is Kind.JSON:
                continue
            for operator in resource.operators(field):
                for text in INJECTED:
                    target = f"/api/v1/{resource.path}?per_page=1&filter[{field.name}][{operator}]={text}"
                    answer = await arena.admin.get(target.replace("%'", "%25'"))
                    assert answer.status in (200, 400), (field.name, operator, text, answer.body)
