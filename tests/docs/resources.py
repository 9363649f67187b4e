"""One page of the site for every resource, made of the declaration and the two documents that describe it."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, build_schema

from rest.http import BASE
from rest.openapi.document import document
from schema.build import build
from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.catalog import Module
from services.engine.resource import Field, Relation, Resource, Shown

_METHODS = ("get", "post", "put", "patch", "delete")
_SHOWN = {Shown.ONCE: "told once", Shown.NEVER: "never told"}


def name(resource: Resource) -> str:
    """Return the path of a resource's page in the site."""
    return f"resources/{resource.path}.md"


def pages() -> dict[str, str]:
    """Return the text of every page, and of the one that leads to them, by its path in the site."""
    found = {
        name(resource): _page(resource, module) for module in CATALOG.modules for resource in module.resources
    }
    return {"resources/index.md": "\n".join(_overview()) + "\n", **found}


def _overview() -> Iterator[str]:
    yield "# Resources\n"
    yield (
        "These pages are made of the declarations, as both surfaces are. "
        "`diptych explain orders` prints the rest, down to the SQL.\n"
    )
    for module in CATALOG.modules:
        yield f"## {module.name.capitalize()}\n\n{module.doc}\n"
        yield from (f"- [{_title(each.plural)}]({each.path}.md): {each.doc}" for each in module.resources)
        yield ""


def _page(resource: Resource, module: Module) -> str:
    parts = [
        f"# {_title(resource.plural)}\n\n{resource.doc}\n",
        f"Type `{resource.type or resource.name}` in REST, `{pascal(resource.name)}` in GraphQL; "
        f"in the module `{module.name}`; sorted by `{resource.sort}` unless asked otherwise.\n",
        "## Fields\n",
        *_fields(resource),
        *_relations(resource),
        "## Operations\n",
        *_operations(resource),
        *_examples(resource),
    ]
    return "\n".join(parts) + "\n"


def _title(plural: str) -> str:
    return plural.replace("_", " ").capitalize()


def _fields(resource: Resource) -> Iterator[str]:
    yield "| REST | GraphQL | Type | Can be | Meaning |\n|---|---|---|---|---|"
    types = _graphql_types(resource)
    for field in resource.all_fields.values():
        if field.shown is not Shown.NEVER or field.writable:
            type_ = types.get(camel(field.name), "")
            names = f"`{field.name}` | `{camel(field.name)}`"
            yield f"| {names} | `{type_}` | {_uses(field)} | {_cell(field.doc)} |"
    yield ""


def _uses(field: Field) -> str:
    words = {
        "required": field.required and field.writable,
        "written": field.writable and not field.required,
        "filtered": field.filterable,
        "sorted": field.sortable,
        "searched": field.searchable,
        "deprecated": field.deprecated is not None,
    }
    told = [_SHOWN[field.shown]] if field.shown in _SHOWN else []
    return ", ".join([*told, *(word for word, true in words.items() if true)])


def _relations(resource: Resource) -> Iterator[str]:
    if not resource.relations:
        return
    yield "## Relations\n"
    yield "| `include` | GraphQL | Leads to | An address of its own | Meaning |\n|---|---|---|---|---|"
    for each in resource.relations:
        target = CATALOG.target(each)
        leads = f"{'many' if each.many else 'one'} of [{_title(target.plural).lower()}]({target.path}.md)"
        names = f"`{each.name}` | `{camel(each.name)}`"
        yield f"| {names} | {leads} | {_nested(resource, each)} | {_cell(each.doc)} |"
    yield ""


def _nested(resource: Resource, relation: Relation) -> str:
    if not (relation.many and relation.nested):
        return ""
    return f"`/{resource.path}/{{id}}/{relation.name.replace('_', '-')}`"


def _operations(resource: Resource) -> Iterator[str]:
    yield "| REST | GraphQL | Scope | |\n|---|---|---|---|"
    for path, method, operation in _of(resource):
        scopes = ", ".join(f"`{scope}`" for scope in operation.get("x-required-scopes", ()))
        yield (
            f"| `{method.upper()} {BASE}{path}` | {_field(resource, operation['operationId'])} | {scopes} "
            f"| {_cell(operation['summary'])} |"
        )
    yield ""


def _field(resource: Resource, operation: str) -> str:
    """Return the root field of GraphQL that does what an operation of REST does."""
    singular, plural = pascal(resource.name), pascal(resource.plural)
    reads = {f"get{singular}": camel(resource.name)}
    reads |= {f"{verb}{plural}": camel(resource.plural) for verb in ("list", "search")}
    wanted = reads.get(operation, operation.removeprefix("bulk").removesuffix("ByPost"))
    wanted = wanted[:1].lower() + wanted[1:]
    return f"`{wanted}`" if wanted in _roots() else ""


def _examples(resource: Resource) -> Iterator[str]:
    examples = _document()["components"]["examples"]
    singular = pascal(resource.name)
    for verb, status, title in (("get", "200", "One of them"), ("create", "201", "Making one")):
        sent, answered = examples.get(f"{verb}{singular}Request"), examples.get(f"{verb}{singular}{status}")
        if answered is None:
            continue
        yield f"## {title}\n"
        if sent is not None:
            yield f"What is sent:\n\n{_shown(sent)}\n"
        yield f"What is answered, with status {status}:\n\n{_shown(answered)}\n"


def _shown(example: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(example['value'], indent=2, ensure_ascii=False)}\n```"


def _of(resource: Resource) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in _document()["paths"].items():
        if path == f"/{resource.path}" or path.startswith(f"/{resource.path}/"):
            yield from ((path, method, item[method]) for method in _METHODS if method in item)


def _graphql_types(resource: Resource) -> dict[str, str]:
    found = _schema().type_map[pascal(resource.name)]
    assert isinstance(found, GraphQLObjectType)
    return {each: str(field.type) for each, field in found.fields.items()}


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


@cache
def _roots() -> set[str]:
    schema = _schema()
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    return {*schema.query_type.fields, *schema.mutation_type.fields}


@cache
def _schema() -> GraphQLSchema:
    return build_schema(build(CATALOG).strawberry.as_str())


@cache
def _document() -> dict[str, Any]:
    return document(CATALOG, "")
