"""Filtering (S3.23): every operator on every kind of field, JSON paths."""

import operator
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from services.catalog import CATALOG
from services.engine.resource import OPERATORS, Operator
from tests.support.client import Client
from tests.support.expected import document, ids, newest, rendered
from tests.support.seed import Row, Seed

ALL = [
    (resource.plural, field.name)
    for resource in CATALOG
    if resource.tenant
    for field in resource.all_fields.values()
    if field.filterable and resource.facts[field.name].kind != "json"
]
UNFILTERABLE = [
    (resource.plural, field.name)
    for resource in CATALOG
    for field in resource.all_fields.values()
    if not field.filterable
]

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


def operators(plural: str, name: str) -> tuple[Operator, ...]:
    resource = next(item for item in CATALOG if item.plural == plural)
    return resource.operators(resource.all_fields[name])


def holds(row_value: Any, op: str, value: Any) -> bool:
    """Tell whether a comparison holds; null is unlike every value and neither more nor less than any."""
    if row_value is None:
        return op == "neq"
    if isinstance(row_value, str) and not isinstance(value, bytes):
        return COMPARE[op](row_value.encode(), value.encode())
    return COMPARE[op](row_value, value)


def pool(seed: Seed, plural: str, name: str) -> list[Row]:
    """Return the rows that a filter on `name` sees: deleted ones too if it is on their end (C-33, C-85)."""
    return seed.all(plural) if name in ("deleted_at", "revoked_at") else seed.live(plural)


async def found(api: Client, plural: str, query: str) -> list[str]:
    return (await api.get(f"{path(plural)}?per_page=500&{query}")).ids()


@pytest.mark.parametrize(("plural", "name"), ALL)
async def test_comparisons_select_exactly_the_rows_they_say(
    api: Client, seed: Seed, plural: str, name: str
) -> None:
    """S3-213, S3-214, S3-220, S3-222: the values are those of real rows, extremes and middle."""
    rows = pool(seed, plural, name)
    values = sorted({row[name] for row in rows if row[name] is not None}, key=str)
    for op in (op for op in operators(plural, name) if op in COMPARE):
        for value in {values[0], values[len(values) // 2], values[-1]}:
            spelled = quote(str(rendered(value)), safe="")
            expected = [row for row in rows if holds(row[name], op, value)]

            assert await found(api, plural, f"filter[{name}][{op}]={spelled}") == ids(newest(expected)), op


@pytest.mark.parametrize(("plural", "name"), ALL)
async def test_in_and_nin_take_a_list(api: Client, seed: Seed, plural: str, name: str) -> None:
    """S3-215: null is in no list."""
    rows = pool(seed, plural, name)
    values = sorted({row[name] for row in rows if row[name] is not None}, key=str)
    chosen = {value for value in values[:: max(len(values) // 3, 1)] if "," not in str(value)}
    if "in" not in operators(plural, name):
        (await api.get(f"{path(plural)}?filter[{name}][in]=x")).names(400, "in", name)
        return
    spelled = ",".join(quote(str(rendered(value)), safe="") for value in chosen)

    inside = [row for row in rows if row[name] in chosen]
    outside = [row for row in rows if row[name] not in chosen]
    assert await found(api, plural, f"filter[{name}][in]={spelled}") == ids(newest(inside))
    assert await found(api, plural, f"filter[{name}][nin]={spelled}") == ids(newest(outside))


@pytest.mark.parametrize(("plural", "name"), ALL)
async def test_null_selects_absent_and_present_values(
    api: Client, seed: Seed, plural: str, name: str
) -> None:
    """S3-217."""
    rows = pool(seed, plural, name)

    absent = [row for row in rows if row[name] is None]
    present = [row for row in rows if row[name] is not None]
    assert await found(api, plural, f"filter[{name}][null]=true") == ids(newest(absent))
    assert await found(api, plural, f"filter[{name}][null]=false") == ids(newest(present))


@pytest.mark.parametrize(("plural", "name"), ALL)
async def test_an_operator_that_does_not_fit_is_refused(api: Client, plural: str, name: str) -> None:
    """S3-222, Q-08."""
    for op in Operator:
        answer = await api.get(f"{path(plural)}?filter[{name}][{op}]=%00")

        if op in operators(plural, name):
            answer.names(400, name)
        else:
            answer.names(400, name, f"'{op}'")


def test_operators_fit_the_kind_of_the_field() -> None:
    """S3-222: text can be searched within, unordered kinds cannot be compared by size."""
    equality = {"eq", "neq", "in", "nin", "null"}
    order = {"gt", "gte", "lt", "lte"}
    assert {str(kind): {str(op) for op in found} for kind, found in OPERATORS.items()} == {
        "uuid": equality,
        "string": equality | order | {"like"},
        "integer": equality | order,
        "big_integer": equality | order,
        "decimal": equality | order,
        "boolean": {"eq", "neq", "null"},
        "datetime": equality | order,
        "json": equality | order | {"like"},
    }
    assert set(operators("products", "status")) == equality


async def test_an_omitted_operator_means_equal(api: Client, seed: Seed) -> None:
    """S3-218."""
    expected = ids(newest(row for row in seed.live("products") if row["status"] == "active"))

    assert await found(api, "products", "filter[status]=active") == expected
    assert await found(api, "products", "filter[status][eq]=active") == expected


async def test_filters_are_anded(api: Client, seed: Seed) -> None:
    """S3-219."""
    expected = [
        row
        for row in seed.live("products")
        if row["status"] == "active" and 1 <= row["quantity"] < 5 and row["price_cents"] is not None
    ]

    query = (
        "filter[status]=active&filter[quantity][gte]=1&filter[quantity][lt]=5&filter[price_cents][null]=false"
    )
    assert await found(api, "products", query) == ids(newest(expected))


# like


@pytest.mark.parametrize(
    "value",
    [
        "rye",
        "RYE",
        "100%",
        "%",
        "_",
        "\\",
        "e_b",
        "rye\\b",
        ", j",
        "ä",
        "Ä",
        "'",
        '"',
        "🍺",
        " ",
        "100% Rye_Bread",
    ],
)
async def test_like_finds_a_literal_substring_without_regard_to_case(
    api: Client, seed: Seed, value: str
) -> None:
    """S3-216, C-30: wildcards are letters like any other."""
    expected = [row for row in seed.live("products") if value.lower() in row["name"].lower()]

    answer = await found(api, "products", f"filter[name][like]={quote(value, safe='')}")

    assert answer == ids(newest(expected))
    assert expected


@pytest.mark.parametrize("value", ["%25%25", "R_e", "%5C%25", "R%25d"])
async def test_like_knows_no_wildcards(api: Client, value: str) -> None:
    """C-30."""
    assert await found(api, "products", f"filter[name][like]={value}") == []


async def test_an_empty_like_matches_every_text(api: Client, seed: Seed) -> None:
    """S3-216: ILIKE '%%'; null holds no text."""
    expected = [row for row in seed.live("products") if row["sku"] is not None]

    assert await found(api, "products", "filter[sku][like]=") == ids(newest(expected))


# Lists


async def test_a_comma_separates_values_in_a_url_and_not_in_a_body(api: Client, seed: Seed) -> None:
    """S3-215, Q-10."""
    assert await found(api, "products", "filter[name][in]=Käse, jung") == []
    answer = await api.search("products", {"filter": {"name": {"in": ["Käse, jung", "RYE BREAD"]}}})

    expected = [row for row in seed.live("products") if row["name"] in ("Käse, jung", "RYE BREAD")]
    assert answer.ids() == ids(newest(expected))


async def test_an_empty_list_text_is_one_empty_value(api: Client) -> None:
    """S3-215."""
    assert await found(api, "products", "filter[name][in]=") == []
    (await api.get("/api/v1/products?filter[quantity][in]=")).names(400, "quantity", "in")
    (await api.get("/api/v1/products?filter[quantity][in]=1,,2")).names(400, "quantity", "in")


async def test_a_list_is_bounded(api: Client) -> None:
    """Issue: bad input."""
    assert (await api.get("/api/v1/products?filter[quantity][in]=" + ",".join("1" * 500))).status == 200
    (await api.get("/api/v1/products?filter[quantity][in]=" + ",".join("1" * 501))).names(
        400, "quantity", "500"
    )


async def test_values_are_data_and_never_sql(api: Client, seed: Seed) -> None:
    """S3-271: array and string syntax in values is taken literally."""
    for value in ("{}", '{"a"}', '"', "\\", "NULL", "null", "'; DROP TABLE products; --", "$1", "a}b{"):
        spelled = quote(value, safe="")
        assert await found(api, "products", f"filter[name][in]={spelled}") == []
        assert await found(api, "products", f"filter[name][eq]={spelled}") == []
    assert len((await api.get("/api/v1/products")).rows()) == len(seed.live("products"))


# JSON paths


def at(row: Row, column: str, *keys: str) -> Any:
    value = row[column]
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: Any) -> str | None:
    """Return a JSON scalar as the text it reads as."""
    return value if value is None or isinstance(value, str) else str(value).lower()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("source",), "linkedin"),
        (("source",), "Linkedin"),
        (("score",), "0"),
        (("score",), "1"),
        (("score",), "2.5"),
        (("flag",), "true"),
        (("deep", "a", "b"), "1"),
        (("deep", "a", "b"), "2"),
        (("nowhere",), "1"),
    ],
)
async def test_json_equality_reads_numbers_and_texts(
    api: Client, seed: Seed, keys: tuple[str, ...], value: str
) -> None:
    """S3-224: `1` in a URL may be the number or the text; neq is the exact opposite."""
    name = ".".join(("metadata", *keys))
    equal = [row for row in seed.live("products") if text(at(row, "metadata", *keys)) == value]
    other = [row for row in seed.live("products") if text(at(row, "metadata", *keys)) != value]

    assert await found(api, "products", f"filter[{name}][eq]={value}") == ids(newest(equal))
    assert await found(api, "products", f"filter[{name}]={value}") == ids(newest(equal))
    assert await found(api, "products", f"filter[{name}][neq]={value}") == ids(newest(other))


@pytest.mark.parametrize("op", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("value", ["5", "5.5", "0", "-1", "1e1"])
async def test_json_numbers_compare_as_numbers(api: Client, seed: Seed, op: str, value: str) -> None:
    """S3-224: 10 is more than 9, and a text is neither more nor less than a number."""
    expected = [
        row
        for row in seed.live("products")
        if isinstance(number := at(row, "metadata", "score"), int | float)
        and COMPARE[op](number, float(value))
    ]

    assert await found(api, "products", f"filter[metadata.score][{op}]={value}") == ids(newest(expected))


@pytest.mark.parametrize("op", ["gt", "gte", "lt", "lte"])
async def test_json_texts_compare_with_texts(api: Client, seed: Seed, op: str) -> None:
    """S3-224."""
    expected = [
        row
        for row in seed.live("products")
        if isinstance(source := at(row, "metadata", "source"), str) and COMPARE[op](source, "import")
    ]

    assert await found(api, "products", f"filter[metadata.source][{op}]=import") == ids(newest(expected))


async def test_json_paths_take_in_like_and_null(api: Client, seed: Seed) -> None:
    """S3-215, S3-216, S3-217, S3-224."""
    rows = seed.live("products")

    def chosen(keep: Callable[[Any], bool], *keys: str) -> list[str]:
        return ids(newest(row for row in rows if keep(at(row, "metadata", *keys))))

    for query, expected in (
        (
            "filter[metadata.source][in]=linkedin,import",
            chosen(lambda v: v in ("linkedin", "import"), "source"),
        ),
        ("filter[metadata.source][nin]=linkedin", chosen(lambda v: v != "linkedin", "source")),
        ("filter[metadata.score][in]=0,1,7.5", chosen(lambda v: text(v) in ("0", "1", "7.5"), "score")),
        ("filter[metadata.source][like]=LINK", chosen(lambda v: "link" in (v or ""), "source")),
        ("filter[metadata.source][like]=%25", []),
        ("filter[metadata.source][null]=true", chosen(lambda v: v is None, "source")),
        ("filter[metadata.source][null]=false", chosen(lambda v: v is not None, "source")),
        ("filter[metadata.deep.a.b][null]=false", chosen(lambda v: v is not None, "deep", "a", "b")),
        ("filter[metadata][null]=true", ids(newest(row for row in rows if row["metadata"] is None))),
        ("filter[metadata][null]=false", ids(newest(row for row in rows if row["metadata"] is not None))),
    ):
        assert await found(api, "products", query) == expected, query


async def test_typed_values_in_a_body_are_compared_by_type(api: Client, seed: Seed) -> None:
    """S3-200, S3-224."""
    rows = seed.live("products")
    for condition, expected in (
        ({"metadata.score": {"eq": 5}}, [r for r in rows if at(r, "metadata", "score") == 5]),
        ({"metadata.flag": True}, [r for r in rows if at(r, "metadata", "flag") is True]),
        (
            {"metadata": {"deep": {"a": {"b": 2}}}},
            [r for r in rows if at(r, "metadata", "deep", "a", "b") == 2],
        ),
        ({"metadata.score": {"in": [0, 5]}}, [r for r in rows if at(r, "metadata", "score") in (0, 5)]),
        ({"metadata.score": {"gt": 30.5}}, [
            r for r in rows
            if isinstance(s := at(r, "metadata", "score"), int | float) and s > 30.5
        ]),
        ({"metadata.flag": {"in": [True]}}, [r for r in rows if text(at(r, "metadata", "flag")) == "true"]),
    ):  # fmt: skip
        assert (await api.search("products", {"filter": condition, "per_page": 500})).ids() == ids(
            newest(expected)
        ), condition


@pytest.mark.parametrize(
    "name",
    [
        "metadata",
        "metadata.",
        "metadata..a",
        "metadata.a b",
        "metadata.a'b",
        'metadata.a"b',
        "metadata.{a}",
        "metadata.a,b",
        "metadata.$.a",
        "metadata.a' OR '1'='1",
        "metadata.'||pg_sleep(5)||'",
        "metadata." + "a" * 65,
        "metadata." + ".".join("abcdefghi"),
        "metadata.\u00e4",
    ],
)
async def test_a_path_that_is_no_path_is_refused(api: Client, name: str) -> None:
    """S3-221, S3-224, S3-271."""
    (await api.get(f"/api/v1/products?filter[{quote(name)}][eq]=1")).names(400, name.split(".")[0])


@pytest.mark.parametrize("name", ["name.first", "status.x", "inserted_at.year", "id.x", "nowhere.x"])
async def test_only_json_fields_have_paths(api: Client, name: str) -> None:
    """S3-221, S3-224."""
    (await api.get(f"/api/v1/products?filter[{name}][eq]=1")).names(400, name)


# Refusals


@pytest.mark.parametrize(("plural", "name"), UNFILTERABLE)
async def test_other_fields_are_refused_by_name(api: Client, plural: str, name: str) -> None:
    """S3-221, S3-222."""
    (await api.get(f"{path(plural)}?filter[{name}][eq]=x")).names(400, f"'{name}'")


@pytest.mark.parametrize(
    "name", ["nowhere", "search", "workspace_id", "version", "NAME", "name ", "__proto__", ""]
)
async def test_unknown_fields_are_refused_by_name(api: Client, name: str) -> None:
    """S3-221, S3-255."""
    (await api.get(f"/api/v1/products?filter[{name}][eq]=x")).names(400, name)


@pytest.mark.parametrize(
    "op", ["equals", "EQ", "", " eq", "like%25", "not", "between", "ilike", "$gt", "eq]["]
)
async def test_unknown_operators_are_refused_by_name(api: Client, op: str) -> None:
    """Q-08."""
    (await api.get(f"/api/v1/products?filter[name][{op}]=x")).names(400, "name")


@pytest.mark.parametrize(
    "parameter",
    [
        "filter=x",
        "filter[]=x",
        "filter[name=x",
        "filter[name]]=x",
        "filter[name][eq][eq]=x",
        "filter[name]eq=x",
        "filter[na[me]=x",
        "filters[name]=x",
        "filter.name=x",
        "Filter[name]=x",
    ],
)
async def test_a_malformed_filter_is_refused_by_name(api: Client, parameter: str) -> None:
    """S3-213, S3-255."""
    (await api.get(f"/api/v1/products?{parameter}")).names(400, parameter.rpartition("=")[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantity", "x"), ("quantity", "1.0"), ("quantity", "1e1"), ("quantity", ""),
        ("quantity", "2147483648"),
        ("quantity", "-2147483649"), ("quantity", "9" * 30), ("quantity", "true"), ("quantity", "0x1"),
        ("price_cents", "9223372036854775808"), ("price_cents", "NaN"), ("price_cents", "Infinity"),
        ("price_cents", "\u0661"),
        ("id", "x"), ("id", "1"), ("brand_id", "null"), ("brand_id", ""),
        ("status", "Active"), ("status", "nope"), ("status", ""), ("currency", "XXX"), ("currency", "eur"),
        ("inserted_at", "x"), ("deleted_at", "true"), ("deleted_at", "deleted"),
        ("name", "%00"), ("name", "a" * 2001),
    ],
)  # fmt: skip
async def test_a_value_of_the_wrong_type_is_refused(api: Client, name: str, value: str) -> None:
    """S3-220, Q-08."""
    (await api.get(f"/api/v1/products?filter[{name}][eq]={value}")).names(400, name)


async def test_the_largest_safe_amount_is_found_exactly(api: Client, seed: Seed) -> None:
    """S3-313: no float comes near an amount."""
    largest = 2**53 - 1
    expected = [row for row in seed.live("products") if row["price_cents"] == largest]

    assert await found(api, "products", f"filter[price_cents][eq]={largest}") == ids(newest(expected))
    assert await found(api, "products", f"filter[price_cents][gt]={largest - 1}") == ids(newest(expected))
    assert await found(api, "products", f"filter[price_cents][gt]={largest}") == []
    assert len(expected) == 1


@pytest.mark.parametrize(
    "query",
    [
        "filter[name][eq]=a&filter[name][eq]=b",
        "filter[name]=a&filter[name]=b",
        "filter[name]=a&filter[name][eq]=b",
        "status=active&status=draft",
        "filter[metadata.a]=1&filter[metadata.a][eq]=2",
    ],
)
async def test_the_same_filter_twice_is_refused(api: Client, query: str) -> None:
    """Q-09: the last one would win silently."""
    (await api.get(f"/api/v1/products?{query}")).names(400, query.partition("=")[0].partition("][")[0])


@pytest.mark.parametrize(
    ("repeated", "joined"),
    [
        ("filter[status][in]=active&filter[status][in]=draft", "filter[status][in]=active,draft"),
        ("filter[status][nin]=active&filter[status][nin]=draft", "filter[status][nin]=active,draft"),
        ("sort=status&sort=-name", "sort=status,-name"),
        ("fields=name&fields=sku", "fields=name,sku"),
        ("fields[products]=name&fields[products]=sku", "fields=name,sku"),
        ("include=brand&include=category", "include=brand,category"),
    ],
)
async def test_the_entries_of_a_list_may_come_one_by_one(api: Client, repeated: str, joined: str) -> None:
    """S3-005: some clients that are made of the document send lists in no other way."""
    one, other = [await api.get(f"/api/v1/products?{query}") for query in (repeated, joined)]

    assert one.rows() == other.rows()
    assert one.json().get("included") == other.json().get("included")


async def test_the_same_field_may_have_several_operators(api: Client, seed: Seed) -> None:
    """Q-09."""
    expected = [row for row in seed.live("products") if 2 <= row["quantity"] <= 4]

    query = "filter[quantity][gte]=2&filter[quantity][lte]=4"
    assert await found(api, "products", query) == ids(newest(expected))


async def test_a_filter_may_hold_many_conditions_but_not_endless_ones(api: Client) -> None:
    """Issue: bad input."""
    many = "&".join(f"filter[metadata.k{n}][neq]=x" for n in range(50))

    assert (await api.get(f"/api/v1/products?{many}")).status == 200
    (await api.get(f"/api/v1/products?{many}&filter[name]=x")).names(400, "50")


async def test_filtered_rows_are_whole(api: Client, seed: Seed) -> None:
    """S3-212, S3-225."""
    answer = await api.get("/api/v1/customers?filter[email][like]=@example.com&sort=email")

    expected = [row for row in seed.live("customers") if (row["email"] or "").endswith("@example.com")]
    assert answer.rows() == [
        document("customers", row) for row in sorted(expected, key=lambda row: row["email"])
    ]


@pytest.mark.parametrize(
    "query", ["filter[name]={}", "filter[name][like]={}", "filter[name][in]={}", "filter[name][neq]=x&q={}"]
)
async def test_letters_match_however_they_are_composed(api: Client, seed: Seed, query: str) -> None:
    """Q-30: texts are stored in normal form C, so what is compared with them is brought into it."""
    name = "Bäckerei Süß"
    wanted = [row for row in seed.live("brands") if row["name"] == name]

    answer = await api.get("/api/v1/brands?" + query.format(quote(unicodedata.normalize("NFD", name))))

    assert len(wanted) == 1
    assert answer.ids() == ids(wanted)


@pytest.mark.parametrize("written", ["{0}", "{0:.4}-{1}", " {0:.7} {2}"])
async def test_a_gtin_is_found_however_it_is_written(api: Client, seed: Seed, written: str) -> None:
    """S3-214: a filter compares values in the form in which they are stored; GTINs have 14 digits."""
    row = next(each for each in seed.live("products") if each["gtin"])
    gtin = str(row["gtin"]).lstrip("0")
    value = quote(written.format(gtin, gtin[4:], gtin[7:]))

    for query, expected in (
        (f"filter[gtin]={value}", [str(row["id"])]),
        (f"filter[gtin][in]={value},{gtin[:-1]}", [str(row["id"])]),
        (f"filter[gtin]={gtin[:-1]}", []),
    ):
        assert await found(api, "products", query) == expected
