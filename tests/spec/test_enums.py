"""Enums endpoint (S3.34): the values of every enum, the same as in both descriptions."""

import gzip
from enum import StrEnum
from typing import Any

import pytest
from graphql import GraphQLEnumType

from rest.openapi.document import document
from schema.build import build
from schema.names import constant
from services.catalog import CATALOG
from services.engine.errors import CATALOGUE
from services.engine.procedures import fields_of
from services.engine.validate import ERROR_CODES
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.workshop import Workshop

PATH = "/api/v1/enums"
FIELDS = {
    (resource.plural, field.name): field
    for resource in CATALOG
    for field in resource.all_fields.values()
    if field.enum is not None
}
ASKED = {
    (procedure.path.partition("/")[0], field.name): field
    for procedure in CATALOG.procedures
    for field in (*procedure.inputs, *fields_of(procedure.outputs))
    if field.enum is not None
}
ALL = ASKED | FIELDS
SCHEMA = build(CATALOG).graphql
named = pytest.mark.parametrize("place", ALL, ids=".".join)


@pytest.fixture(scope="module")
async def told(api: Client) -> dict[str, Any]:
    """What is told of the enums."""
    return (await api.get(PATH)).data()


async def test_it_needs_a_token_but_no_scope(api: Client, seed: Seed) -> None:
    """S3-322."""
    (await api.using(None).get(PATH)).problem(401)
    assert (await api.using(seed.tokens["acme", "nothing"]).get(PATH)).status == 200


async def test_a_token_that_was_revoked_hears_only_that(workshops: Any) -> None:
    workshop: Workshop = workshops()
    admin, dying = workshop.holder("all:write"), workshop.holder()
    tag = (await dying.get(PATH)).header("etag") or ""
    assert (await admin.delete(f"/api/v1/tokens/{workshop.id_of(dying)}")).status == 204

    (await dying.get(PATH)).problem(401)
    (await dying.get(PATH, headers=[("if-none-match", tag)])).problem(401)


async def test_it_may_be_kept_for_five_seconds(api: Client) -> None:
    """S3-323, C-75."""
    answer = await api.get(PATH)

    assert answer.header("cache-control") == "public, max-age=5"
    assert answer.header("content-type") == "application/json"
    tag = answer.header("etag") or ""
    assert tag.startswith('"enums-')
    again = await api.get(PATH, headers=[("if-none-match", tag)])
    assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
    assert again.header("cache-control") == "public, max-age=5"
    packed = await api.get(PATH, headers=[("accept-encoding", "gzip")])
    assert gzip.decompress(packed.body) == answer.body


async def test_it_is_the_same_for_every_workspace(api: Client, seed: Seed) -> None:
    """C-75: a shared cache that keeps it tells nobody anything."""
    other = await api.using(seed.tokens["globex", "reader"]).get(PATH)

    assert other.body == (await api.get(PATH)).body


async def test_it_takes_no_parameters_and_no_other_methods(api: Client) -> None:
    (await api.get(f"{PATH}?resource=orders")).names(400, "query")
    (await api.post(PATH, {})).problem(405)
    assert (await api.request("OPTIONS", PATH)).header("allow") == "GET, HEAD, OPTIONS"
    assert (await api.request("HEAD", PATH)).status == 200
    (await api.get(PATH, headers=[("accept", "text/csv")])).problem(406)


async def test_it_has_the_shape_and_the_examples_of_the_law(told: dict[str, Any]) -> None:
    """S3-324 to S3-326, S3-328: by plural and field, in the order in which values are declared."""
    assert told["orders"]["status"] == {
        "values": ["pending", "confirmed", "shipped", "delivered", "cancelled"],
        "description": "Fulfilment status.",
    }
    assert told["orders"]["currency"]["values"] == ["USD", "EUR", "GBP", "CAD", "AUD"]
    assert told["products"]["status"]["values"] == ["draft", "active", "archived"]
    for fields in told.values():
        for each in [fields] if "values" in fields else fields.values():
            assert set(each) == {"values", "description"}
            assert each["description"].endswith(".")
            assert len(set(each["values"])) == len(each["values"]) > 1


async def test_scopes_and_codes_are_in_it(told: dict[str, Any]) -> None:
    """S3-072, S3-270, C-75."""
    assert told["tokens"]["scopes"]["values"] == list(CATALOG.scopes)
    assert told["error_codes"]["values"][: len(ERROR_CODES)] == list(ERROR_CODES)
    assert told["problem_codes"]["values"] == [str(slug) for slug in CATALOGUE]


@named
async def test_every_enum_of_a_field_is_in_it(told: dict[str, Any], place: tuple[str, str]) -> None:
    """S3-327: read from the declaration, so that a new value is there by itself."""
    found = told[place[0]][place[1]]

    assert found["values"] == [str(value) for value in _enum(place)]
    assert found["description"] == ALL[place].doc or place in ASKED


async def test_nothing_else_is_in_it(told: dict[str, Any]) -> None:
    found = {(plural, name) for plural, fields in told.items() for name in fields if "values" not in fields}

    assert found == ALL.keys() | {("tokens", "scopes"), ("entitlements", "feature")}


async def test_openapi_says_the_same(told: dict[str, Any]) -> None:
    """S3-018, S3-039: every enum of a field, and the codes, are schemas with the same values."""
    schemas = document(CATALOG, "0")["components"]["schemas"]

    for place in ALL:
        assert schemas[_enum(place).__name__]["enum"] == told[place[0]][place[1]]["values"]
    assert schemas["Scope"]["enum"] == told["tokens"]["scopes"]["values"]
    assert schemas["FieldErrorCode"]["enum"] == told["error_codes"]["values"]
    assert schemas["ErrorCode"]["enum"] == told["problem_codes"]["values"]
    listed = [set(values["values"]) for fields in told.values() for values in _each(fields)]
    structural = ("SortKey", "FieldKey", "IncludeKey")
    for name, schema in schemas.items():
        if "enum" in schema and not name.endswith(structural) and name not in _OF_REQUESTS:
            assert set(schema["enum"]) in listed, name


_OF_REQUESTS = {"CountMode", "PageDirection", "PaginationKind"}
"""Enums of parameters, which are no values of fields."""


def _enum(place: tuple[str, str]) -> type[StrEnum]:
    found = ALL[place].enum
    assert found is not None
    return found


def _each(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [fields] if "values" in fields else list(fields.values())


@named
async def test_graphql_says_the_same(told: dict[str, Any], place: tuple[str, str]) -> None:
    """S3-039: an enum type of the same name, whose values are spelled in capitals and in the same order."""
    found = SCHEMA.type_map[_enum(place).__name__]

    assert isinstance(found, GraphQLEnumType)
    assert list(found.values) == [constant(value) for value in told[place[0]][place[1]]["values"]]
