"""The text for language models: committed, short, complete, and as both descriptions have it (S3-039)."""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from graphql import GraphQLObjectType

from diptych.cli import main
from rest.agents.text import LARGEST, text
from rest.openapi.document import document
from schema.build import build
from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.catalog import Catalog, Module
from services.engine.errors import CATALOGUE
from services.engine.resource import Resource, Shown
from services.engine.validate import ERROR_CODES
from services.products import PRODUCT
from tests.contracts.code import ROOT
from tests.parity import gadgets
from tests.support import outdated
from tests.support.described import METHODS

TEXT = (ROOT / "docs" / "API.md").read_text()
WHOLE = document(CATALOG, "0")
every_resource = pytest.mark.parametrize("resource", CATALOG.resources, ids=lambda resource: resource.plural)
OPERATION = re.compile(r"^(?:- |#### )(GET|POST|PUT|PATCH|DELETE) (/\S*) (\w+)", re.M)


def section(heading: str) -> str:
    """Return what stands below a heading of the text."""
    found = re.search(rf"^#### {re.escape(heading)}$(.*?)(?=^###+ |\Z)", TEXT, re.M | re.S)
    assert found, heading
    return found[1]


def test_the_committed_text_is_the_one_served() -> None:
    """S3-331, C-76: `make contracts` writes it anew."""
    assert CliRunner().invoke(main, ["agents"]).stdout == TEXT


def test_it_is_short_enough_to_be_read_at_once() -> None:
    """S3-333."""
    assert len(TEXT.encode()) < LARGEST == 50_000


def test_what_does_not_fit_is_told_in_short() -> None:
    """C-76: every module and resource is named still, and each module has all of it in its own text."""
    modules = tuple(
        Module(
            f"part{number}",
            "A part.",
            tuple(
                replace(PRODUCT, name=f"thing{number}{place}", plural=f"things{number}{place}", relations=())
                for place in range(12)
            ),
            CATALOG.procedures if number == 0 else (),
        )
        for number in range(6)
    )
    large = Catalog.of(*modules)
    found = text(large, "0")

    assert len(found.encode()) < LARGEST
    for resource in large:
        assert f"\n- /api/v1/{resource.path}: " in found
    for procedure in large.procedures:
        assert f"\n- {procedure.method} /api/v1/{procedure.path} {camel(procedure.name)}: " in found
    for module in modules:
        assert f"In full: `/{module.name}/api/v1/agents`." in found
        own = text(large, "0", module.name)
        assert re.findall(r"^#### (things\d+)$", own, re.M) == [each.plural for each in module.resources]


def test_it_is_the_same_every_time() -> None:
    assert text(CATALOG, "1.2.3") == text(CATALOG, "1.2.3")
    assert "Version 1.2.3 of the server" in text(CATALOG, "1.2.3")


def test_nothing_is_left_to_fill_in() -> None:
    assert "{{" not in TEXT
    assert not re.search(r"\b(?:None|True|False)\b", TEXT.replace("If-None-Match", ""))


def test_every_operation_is_told_and_no_other() -> None:
    """S3-332, S3-039."""
    told = {(method, path.rstrip("/"), name) for method, path, name in OPERATION.findall(TEXT)}
    expected = set()
    for path, item in WHOLE["paths"].items():
        base = item.get("servers", WHOLE["servers"])[0]["url"].rstrip("/")
        for method in METHODS:
            if method in item:
                place = f"{base}{path}".rstrip("/")
                expected.add((method.upper(), place, item[method]["operationId"]))

    assert told == expected
    assert len(OPERATION.findall(TEXT)) == len(expected)


@every_resource
def test_every_field_of_a_resource_is_told(resource: Resource) -> None:
    """S3-332: with its values, and what can be done with it."""
    found = section(resource.plural)
    lines = dict(re.findall(r"^- `(\w+)`: (.*)$", found, re.M))

    fields = {each.name: each for each in resource.fields}
    shown = {name for name, each in fields.items() if each.shown is not Shown.NEVER or each.writable}
    assert lines.keys() == shown | set(resource.embedded_by_name)
    for name in shown:
        field, marks = fields[name], re.findall(r" \[([RWCFSQ1]+)\] ", lines[name])
        letters = set(marks[0]) if marks else set()
        assert ("R" in letters) == field.required
        assert bool(letters & {"W", "C"}) == field.writable
        assert ("F" in letters) == field.filterable
        assert ("S" in letters) == field.sortable
        assert ("Q" in letters) == field.searchable
        assert field.doc in lines[name]
        if field.enum is not None:
            assert lines[name].startswith("|".join(field.enum))


@every_resource
def test_names_and_scopes_of_a_resource_are_those_of_graphql_and_of_tokens(resource: Resource) -> None:
    found = section(resource.plural)
    built = build(CATALOG).graphql

    one, many = camel(resource.name), camel(resource.plural)
    assert f"`{one}(id)`, `{many}(…)`" in found
    assert {one, many} <= built.query_type.fields.keys()  # type: ignore[union-attr]
    type_ = pascal(resource.name)
    for name in (type_, f"{type_}Filter", f"{type_}Sort"):
        assert f"`{name}`" in found
        assert name in built.type_map
    scopes = {scope for scope in CATALOG.scopes if scope.startswith(f"{resource.scope}:")}
    assert set(re.findall(r"`(\w+:\w+)`", found.split("\n\n")[1])) == scopes


def test_what_it_says_of_mutations_is_so() -> None:
    """Names after operations are those of mutations, in the plural for `bulk`."""
    schema = build(CATALOG).graphql
    assert isinstance(schema.mutation_type, GraphQLObjectType)
    reading = re.compile(r"(get|list|search|export)[A-Z]")
    names = {
        name
        for method, path, name in OPERATION.findall(TEXT)
        if method != "GET" and not reading.match(name) and not path.startswith(("/api/v1/mcp", "/mcp"))
    }
    bulk = re.compile(r"bulk([A-Z])(\w+?)(?:ByPost)?$")
    spelled = {bulk.sub(lambda found: found[1].lower() + found[2], name) for name in names}

    assert spelled == set(schema.mutation_type.fields)


def test_every_refusal_and_code_is_told() -> None:
    """S3-254 to S3-270."""
    for kind in CATALOGUE.values():
        assert f"| {kind.status} | `{kind.slug}` | {kind.remedy} |" in TEXT
    assert all(f"`{code}`" in TEXT for code in ERROR_CODES)


def test_a_catalogue_of_another_s_has_a_text_too() -> None:
    """What is declared elsewhere is told in the same way."""
    found = text(gadgets.CATALOG, "0")

    for resource in gadgets.CATALOG:
        assert f"#### {resource.plural}\n" in found


def test_what_is_deprecated_says_so() -> None:
    """S3-098: everything by its name with its timeline, and a mark where it is told of."""
    found = text(outdated.NEXT, "0")

    for name, told in outdated.NAMES.items():
        assert f"\n\n`{name}`: {told.reason}" in found
    assert outdated.WHOLE.reason in found
    for line in ("- `website`: ", "- POST /api/v1/brands/{id}/restore ", "- `quantity`: int"):
        assert re.search(rf"^{re.escape(line)}.*\*\*Deprecated\.\*\*$", found, re.M), line
    assert "**Deprecated.**" not in TEXT
