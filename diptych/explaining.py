"""`diptych explain`: everything that is derived from one declaration, in one page of text."""

from collections.abc import Iterator

from click import ClickException

from db.compile import compile_query
from rest.http import BASE
from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine import intent
from services.engine.plan import plan
from services.engine.procedures import (
    AnyProcedure,
    Method,
    Output,
    Part,
    PublicProcedure,
    keeps_answers,
    scope_of,
)
from services.engine.resource import Action, ActionKind, Field, Resource, Shown

_METHODS = {
    ActionKind.CREATE: "POST",
    ActionKind.REPLACE: "PUT",
    ActionKind.UPDATE: "PATCH",
    ActionKind.DELETE: "DELETE",
}
_IN_BULK = (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.DELETE)
_EVERYTHING = frozenset({"all:read"})


def explain(name: str) -> str:
    """Return the page of the resource of that plural, singular or type name."""
    resource = CATALOG.by_key.get(name.replace("-", "_"))
    found = [each for each in CATALOG.procedures if name in (each.name, each.path, *each.aliases)]
    if resource is None and found:
        return "\n".join(_procedure(found[0]))
    if resource is None:
        raise ClickException(
            f"There is no resource {name!r}; there are {', '.join(r.plural for r in CATALOG)}."
        )
    parts = (_head, _actions, _fields, _relations, _sql)
    return "\n".join(line for part in parts for line in part(resource))


def _procedure(procedure: AnyProcedure) -> Iterator[str]:
    yield f"{procedure.name}: {procedure.doc}"
    scope = scope_of(procedure) or "none"
    needed = "no token; the client's address is charged" if isinstance(procedure, PublicProcedure) else scope
    yield f"  scopes    {needed}"
    for path in (procedure.path, *procedure.aliases):
        yield f"  REST      {procedure.method} {BASE}/{path}   answers {procedure.status}"
    kind = "query" if procedure.method is Method.GET else "mutation"
    yield f"  GraphQL   {kind} {camel(procedure.name)}"
    kept = "kept under an Idempotency-Key" if keeps_answers(procedure) else "not kept"
    yield f"  cost      {procedure.cost}; answers are {kept}"
    yield "  takes" if procedure.inputs else "  takes     nothing"
    for field in procedure.inputs:
        default = "" if field.default is None else f" = {field.default}"
        marks = " required" if field.required else default
        yield f"    {field.name:20} {_kind(field)}{marks}"
    yield from _answers(procedure.outputs, "  answers")


def _answers(outputs: tuple[Output, ...], head: str, indent: int = 4) -> Iterator[str]:
    yield head if outputs else f"{head}   nothing"
    for each in outputs:
        if isinstance(each, Part):
            many = f"map by {each.by}" if each.by else "list" if each.many else "object"
            yield from _answers(each.fields, f"{' ' * indent}{each.name:20} {many}", indent + 2)
        else:
            once = "  shown once" if each.shown is Shown.ONCE else ""
            yield f"{' ' * indent}{each.name:20} {_kind(each)}{once}"


def _kind(field: Field) -> str:
    kind = "|".join(field.enum) if field.enum else str(field.kind)
    return f"list of {kind}" if field.many else kind


def _head(resource: Resource) -> Iterator[str]:
    path = f"{BASE}/{resource.path}"
    yield f"{resource.plural}: {resource.doc}"
    needed = ("read", "write", "delete") if resource.actions else ("read",)
    yield f"  scopes    {'  '.join(f'{resource.scope}:{word}' for word in needed)}"
    yield f"  REST      GET {path}   GET {path}/{{id}}   POST {path}/search"
    if resource.exported:
        yield f"            GET {path}/export"
    for relation in resource.relations:
        if relation.nested:
            yield f"            GET {path}/{{id}}/{relation.name.replace('_', '-')}"
    yield f"  GraphQL   {camel(resource.name)}(id)   {camel(resource.plural)}(…)   node(id)   nodes(ids)"
    yield f"  sorted by {resource.sort}; searched in {', '.join(resource.searchable) or 'nothing'}"


def _actions(resource: Resource) -> Iterator[str]:
    yield "  actions" if resource.actions else "  actions   none; it can only be read"
    for action in resource.actions:
        routes, event = _routes(resource, action), f"{resource.name}.{action.event}"
        yield f"    {action.name:20} {action.doc}"
        for field in action.inputs:
            default = "" if field.default is None else f" = {field.default}"
            yield f"    {'':20} takes {field.name}: {field.kind}{default}"
        yield f"    {'':20} {'   '.join((*routes, *_mutations(resource, action)))}   event {event}"


def _routes(resource: Resource, action: Action) -> Iterator[str]:
    path = f"{BASE}/{resource.path}"
    match action.kind:
        case ActionKind.CREATE:
            yield f"POST {path}"
        case ActionKind.REPLACE | ActionKind.UPDATE | ActionKind.DELETE:
            yield f"{_METHODS[action.kind]} {path}/{{id}}"
        case ActionKind.RESTORE | ActionKind.ITEM:
            yield f"POST {path}/{{id}}/{action.name.replace('_', '-')}"
    if action.kind in _IN_BULK and resource.bulk:
        yield f"{_METHODS[action.kind]} {path}/bulk"
    if action.kind is ActionKind.DELETE and resource.bulk:
        yield f"POST {path}/bulk-delete"


def _mutations(resource: Resource, action: Action) -> Iterator[str]:
    yield f"{camel(action.name)}{pascal(resource.name)}"
    if action.kind in _IN_BULK and resource.bulk:
        yield f"{camel(action.name)}{pascal(resource.plural)}"


def _fields(resource: Resource) -> Iterator[str]:
    yield "  fields"
    for field in resource.all_fields.values():
        facts = resource.facts[field.name]
        kind = "|".join(field.enum) if field.enum else str(facts.kind)
        marks = [word for word in ("writable", "required", "sortable", "searchable") if getattr(field, word)]
        if field.filterable:
            marks.append(f"filter({','.join(resource.operators(field))})")
        yield f"    {field.name:20} {kind}{'?' if facts.nullable else ''}  {' '.join(marks)}".rstrip()
    for item in resource.embedded:
        yield f"    {item.name:20} list of {item.resource.name}  writable({','.join(item.fields)})"


def _relations(resource: Resource) -> Iterator[str]:
    yield "  includes"
    for relation in resource.relations:
        target = CATALOG.target(relation)
        many = "many" if relation.many else "one"
        yield f"    {relation.name:20} {many} {target.name} by {relation.via}  ({target.scope}:read)"


def _sql(resource: Resource) -> Iterator[str]:
    listing = intent.Listing(paging=intent.Paging(page=1))
    sample = plan(intent.Search(resource.name, listing, BASE), CATALOG, _EVERYTHING)
    yield f"  SQL of GET {BASE}/{resource.path} (cost {sample.tariffs[0].resources})"
    yield from (f"    {line}" for line in compile_query(sample.query).text.splitlines())
