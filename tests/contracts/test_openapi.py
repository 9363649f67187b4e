"""The OpenAPI document: valid, complete, and derived from nothing but the declarations."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from diptych.cli import main
from diptych.edge import Application, Edge
from rest import compat
from rest.openapi.document import document, of_module
from rest.router import Rest
from services.catalog import CATALOG
from services.engine.access import permission
from services.engine.errors import CATALOGUE
from services.engine.procedures import PublicProcedure, scope_of
from tests.contracts.code import ROOT
from tests.parity import gadgets
from tests.support.described import METHODS, Described

ELSEWHERE = {"/", "/agents", "/schema.graphql", "/openapi.json", "/health", "/health/live", "/health/ready"}
"""What is served beside the router's tables."""


@pytest.fixture(scope="module")
def described() -> Described:
    return Described(CATALOG)


def everything(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from everything(each)


def test_the_committed_document_is_the_one_served() -> None:
    """S3-009, C-77: `make contracts` writes it anew."""
    assert (ROOT / "docs" / "openapi.json").read_text() == CliRunner().invoke(main, ["openapi"]).stdout


@pytest.mark.parametrize("catalog", [CATALOG, gadgets.CATALOG])
def test_the_document_is_valid(catalog: Any) -> None:
    """S3-005, C-77."""
    found = document(catalog, "1.0.0")

    OpenAPIV31SpecValidator(found).validate()
    assert found["openapi"] == "3.1.0"


@pytest.mark.parametrize("module", CATALOG.modules, ids=lambda module: module.name)
def test_the_document_of_a_module_is_valid_and_tells_of_that_alone(module: Any) -> None:
    """C-78."""
    whole = document(CATALOG, "1.0.0")
    found = of_module(whole, module.name)

    OpenAPIV31SpecValidator(found).validate()
    assert [tag["name"] for tag in found["tags"]] == [module.name]
    assert found["paths"] == {
        path: item
        for path, item in whole["paths"].items()
        if any(module.name in item[method]["tags"] for method in METHODS if method in item)
    }


def test_a_module_that_is_none_is_refused() -> None:
    found = CliRunner().invoke(main, ["openapi", "--module", "nope"])

    assert found.exit_code == 1
    assert "account, catalog, commerce" in found.output


# Routes


def routes(rest: Rest) -> set[tuple[str, str]]:
    """Return every method and path of the router's own tables, those of older conventions left out."""
    found = {(method, f"/{path}") for path, route in rest._collections.items() for method in route.handlers}
    found |= {
        (method, f"/{path}/{{id}}") for path, route in rest._singles.items() for method in route.handlers
    }
    found |= {
        (method, f"/{path}/{name}")
        for (path, name), route in rest._literals.items()
        for method in route.handlers
    }
    found |= {
        (method, f"/{path}/{{id}}/{name}")
        for (path, name), route in rest._below.items()
        for method in route.handlers
    }
    found |= {
        (method, f"/{'/'.join(place)}")
        for place, route in rest._procedures.items()
        for method in route.handlers
    }
    found |= {
        (method, f"/mcp/{path}") for path, handlers in rest._facade.routes.items() for method in handlers
    }
    return found


def test_every_route_is_described_and_nothing_else(application: Application, described: Described) -> None:
    """S3-011: HEAD goes with GET, and an address of an older convention with that of the law."""
    assert isinstance(application, Edge)
    told = {(method.upper(), path) for path, method, _ in described.operations() if path not in ELSEWHERE}
    for item in described.document["paths"].values():
        told |= {
            (method.upper(), alias)
            for alias in item.get("x-aliases", ())
            for method in METHODS
            if method in item
        }
    told |= {("HEAD", path) for method, path in told if method == "GET"}

    assert routes(application._rest) == told
    assert {path.split("/")[1] for _, path in told} >= compat.PATHS.keys()


# Operations


def test_names_are_unique_and_as_the_law_has_them(described: Described) -> None:
    """S3-012, C-77."""
    names = [operation["operationId"] for _, _, operation in described.operations()]

    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {
        "listOrders",
        "getOrder",
        "createOrder",
        "replaceOrder",
        "updateOrder",
        "deleteOrder",
        "restoreOrder",
        "searchOrders",
        "bulkCreateOrders",
        "bulkUpdateOrders",
        "bulkDeleteOrders",
        "confirmOrder",
        "listItemsOfOrder",
        "listCategoryProducts",
        "exportAuditLogs",
        "rotateToken",
        "login",
        "whoami",
        "getOpenapi",
    } <= set(names)


def test_scopes_and_open_doors_are_those_of_the_declarations(described: Described) -> None:
    """S3-016, S3-078."""
    found = {operation["operationId"]: operation for _, _, operation in described.operations()}
    public = {name for name, operation in found.items() if operation.get("security") == []}

    open_procedures = {each.path for each in CATALOG.procedures if isinstance(each, PublicProcedure)}
    paths = {path[1:] for path, _, operation in described.operations() if operation["operationId"] in public}
    assert paths == open_procedures | {each[1:] for each in ELSEWHERE}
    assert found["listOrders"]["x-required-scopes"] == ["orders:read"]
    assert found["bulkDeleteOrdersByPost"]["x-required-scopes"] == ["orders:delete"]
    for resource in CATALOG:
        for action in resource.actions:
            scopes = {f"{resource.scope}:{permission(action)}"}
            operations = [
                each for path, _, each in described.operations() if path.startswith(f"/{resource.path}")
            ]
            assert scopes <= {scope for each in operations for scope in each["x-required-scopes"]}
    for procedure in CATALOG.procedures:
        scope = scope_of(procedure)
        item = described.document["paths"][f"/{procedure.path}"][procedure.method.lower()]
        assert item["x-required-scopes"] == ([scope] if scope else [])


def test_every_operation_is_told_in_full(described: Described) -> None:
    """S3-012, S3-017, S3-019, S3-020."""
    for path, method, operation in described.operations():
        assert operation["summary"]
        assert operation["description"]
        assert len(operation["tags"]) == 1
        statuses = set(operation["responses"])
        assert {"400", "429", "500"} <= statuses, path
        assert any(status < "300" for status in statuses)
        if operation.get("security") != []:
            assert {"401", "403", "404"} <= statuses, path
        for status, response in operation["responses"].items():
            told = described.resolved(response)["headers"]
            assert {"X-Request-Id", "RateLimit", "RateLimit-Policy"} <= told.keys(), (path, method, status)


def test_every_operation_takes_a_request_id_and_every_search_paging_in_its_address(
    described: Described,
) -> None:
    """C-65, S3-201: the links of a page that was searched for lead on by the same body."""
    paging = {"page", "per_page", "offset", "cursor", "direction", "pagination"}
    searches = 0
    for path, _, operation in described.operations():
        told = [described.resolved(each) for each in operation["parameters"]]
        assert [each["in"] for each in told if each["name"] == "X-Request-Id"] == ["header"], path
        if path.endswith("/search"):
            searches += 1
            assert {each["name"] for each in told if each["in"] == "query"} == paging
    assert searches == len(CATALOG.resources)


def test_whatever_is_shared_is_referred_to(described: Described) -> None:
    """S3-022: parameters of resources, problems and headers are said once."""
    for path, _, operation in described.operations():
        if not any(path == f"/{each.path}" for each in CATALOG.procedures):
            inline = [each["name"] for each in operation["parameters"] if "$ref" not in each]
            assert inline == [] or path.startswith(("/auth", "/admin")), path
        for status, response in operation["responses"].items():
            assert status < "400" or "$ref" in response or path == "/health/ready"


def test_the_skeleton_is_that_of_the_law(described: Described) -> None:
    """S3-023 to S3-034."""
    found = described.document
    parts = found["components"]

    assert found["servers"][0]["url"] == "/api/v1"
    assert found["security"] == [{"BearerAuth": []}]
    assert parts["securitySchemes"]["BearerAuth"].items() >= {"type": "http", "scheme": "bearer"}.items()
    assert {"RateLimit", "RateLimitPolicy", "ETag"} <= parts["headers"].keys()
    schemas = {
        name: parts["parameters"][name]["schema"] for name in ("Page", "PerPage", "Cursor", "SearchQuery")
    }
    assert schemas["Page"] == {"type": "integer", "minimum": 1, "default": 1}
    assert schemas["PerPage"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}
    assert schemas["Cursor"]["type"] == schemas["SearchQuery"]["type"] == "string"
    assert parts["schemas"]["CountMode"]["default"] == "true"
    assert parts["schemas"]["OffsetPagination"]["properties"]["total_count"]["type"] == ["integer", "null"]
    assert {"per_page", "has_more", "next_cursor", "prev_cursor"} == set(
        parts["schemas"]["CursorPagination"]["required"]
    )
    assert {"type", "title", "status", "detail", "instance", "errors"} <= parts["schemas"]["ErrorResponse"][
        "properties"
    ].keys()


# Schemas


def test_enums_are_those_that_are_declared(described: Described) -> None:
    """S3-018: wherever an enum stands, it is one schema with its values in their order."""
    schemas = described.document["components"]["schemas"]
    enums = {field.enum for resource in CATALOG for field in resource.shown_fields if field.enum is not None}

    assert len(enums) > 5
    for enum in enums:
        assert schemas[enum.__name__]["enum"] == [str(each) for each in enum]
    assert schemas["ErrorCode"]["enum"] == [str(slug) for slug in CATALOGUE]
    assert schemas["Scope"]["enum"] == list(CATALOG.scopes)


def test_null_is_a_type_and_nothing_is_nullable(described: Described) -> None:
    """C-77: the keyword of OpenAPI 3.0 means nothing in 3.1."""
    found = list(everything(described.document["components"]["schemas"]))

    assert [each for each in found if "nullable" in each] == []
    assert described.document["components"]["schemas"]["Order"]["properties"]["number"]["type"] == "string"
    assert described.document["components"]["schemas"]["Product"]["properties"]["gtin"]["type"] == [
        "string",
        "null",
    ]


def test_what_is_included_is_told_apart_by_its_type(described: Described) -> None:
    """S3-021."""
    schemas = described.document["components"]["schemas"]
    union = schemas["OrderIncluded"]

    assert union["discriminator"]["propertyName"] == "type"
    assert [each["$ref"] for each in union["oneOf"]] == list(union["discriminator"]["mapping"].values())
    for type_, reference in union["discriminator"]["mapping"].items():
        own = schemas[reference.rpartition("/")[2]]["allOf"][1]
        assert own["properties"]["type"]["const"] == type_


def test_every_operation_has_examples_that_keep_to_their_schemas(described: Described) -> None:
    """S3-019."""
    count = 0
    for path, method, operation in described.operations():
        responses = [described.resolved(each) for each in operation["responses"].values()]
        for holder in (operation.get("requestBody", {}), *responses):
            for content in holder.get("content", {}).values():
                assert content["examples"], (path, method)
                for name, example in content["examples"].items():
                    value = described.resolved(example)["value"]
                    assert described.faults(content["schema"], value) == [], (path, method, name)
                    count += 1
    assert count > 2_000


def test_filters_are_parameters_with_types(described: Described) -> None:
    """S3-015, S3-222: one for each field and operator that the resource declares, and for no other."""
    for resource in CATALOG:
        listed = described.document["paths"][f"/{resource.path}"]["get"]["parameters"]
        told = {each["name"]: each["schema"] for each in map(described.resolved, listed)}
        filters = {name for name in told if name.startswith("filter[")}
        expected = set()
        for field in resource.all_fields.values():
            for operator in resource.operators(field) if field.filterable else ():
                is_map = resource.facts[field.name].kind == "json"
                if not is_map or operator == "null":
                    expected.add(f"filter[{field.name}]" + ("" if operator == "eq" else f"[{operator}]"))
        assert filters == expected, resource.name
        assert told["filter[inserted_at][in]"]["items"]["format"] == "date-time"
