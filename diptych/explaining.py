"""`diptych explain`: everything that is derived from one declaration, in one page of text."""

from collections.abc import Iterator

from click import ClickException

from db.compile import compile_query
from rest.http import BASE
from services.catalog import CATALOG
from services.engine import intent
from services.engine.plan import plan
from services.engine.resource import ActionKind, Resource

_ON_COLLECTION = {"POST": ActionKind.CREATE}
_ON_ONE = {"PUT": ActionKind.REPLACE, "PATCH": ActionKind.UPDATE, "DELETE": ActionKind.DELETE}
_IN_BULK = {"POST": ActionKind.CREATE, "PATCH": ActionKind.UPDATE, "DELETE": ActionKind.DELETE}
_EVERYTHING = frozenset({"all:read"})


def explain(name: str) -> str:
    """Return the page of the resource of that plural, singular or type name."""
    resource = CATALOG.by_key.get(name.replace("-", "_"))
    if resource is None:
        raise ClickException(
            f"There is no resource {name!r}; there are {', '.join(r.plural for r in CATALOG)}."
        )
    return "\n".join((*_head(resource), *_fields(resource), *_relations(resource), *_sql(resource)))


def _head(resource: Resource) -> Iterator[str]:
    path = f"{BASE}/{resource.path}"
    yield f"{resource.plural}: {resource.doc}"
    yield f"  scopes    {resource.scope}:read  {resource.scope}:write  {resource.scope}:delete"
    yield f"  REST      GET {path}   GET {path}/{{id}}   POST {path}/search"
    for relation in resource.relations:
        if relation.nested:
            yield f"            GET {path}/{{id}}/{relation.name.replace('_', '-')}"
    yield from _writes(resource, path)
    yield f"  GraphQL   {_camel(resource.name)}(id)   {_camel(resource.plural)}(…)   node(id)   nodes(ids)"
    yield f"  sorted by {resource.sort}; searched in {', '.join(resource.searchable) or 'nothing'}"


def _writes(resource: Resource, path: str) -> Iterator[str]:
    kinds = {action.kind for action in resource.actions}
    for methods, address in ((_ON_COLLECTION, path), (_ON_ONE, f"{path}/{{id}}"), (_IN_BULK, f"{path}/bulk")):
        known = [f"{method} {address}" for method, kind in methods.items() if kind in kinds]
        if known:
            yield f"            {'   '.join(known)}"
    for action in resource.actions:
        if action.kind in (ActionKind.RESTORE, ActionKind.ITEM):
            yield f"            POST {path}/{{id}}/{action.name.replace('_', '-')}   {action.doc}"


def _fields(resource: Resource) -> Iterator[str]:
    yield "  fields"
    for field in resource.all_fields.values():
        facts = resource.facts[field.name]
        kind = "|".join(field.enum) if field.enum else str(facts.kind)
        marks = [word for word in ("writable", "required", "sortable", "searchable") if getattr(field, word)]
        if field.filterable:
            marks.append(f"filter({','.join(resource.operators(field))})")
        yield f"    {field.name:20} {kind}{'?' if facts.nullable else ''}  {' '.join(marks)}"


def _relations(resource: Resource) -> Iterator[str]:
    yield "  includes"
    for relation in resource.relations:
        target = CATALOG.target(relation)
        many = "many" if relation.many else "one"
        yield f"    {relation.name:20} {many} {target.name} by {relation.via}  ({target.scope}:read)"


def _sql(resource: Resource) -> Iterator[str]:
    listing = intent.Listing(paging=intent.Paging(page=1))
    sample = plan(intent.Search(resource.name, listing, BASE), CATALOG, _EVERYTHING)
    yield f"  SQL of GET {BASE}/{resource.path} (cost {sample.cost})"
    yield from (f"    {line}" for line in compile_query(sample.query).text.splitlines())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
