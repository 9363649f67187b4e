"""Parameters: paging, sorting, sparse fields, includes, filters, and the headers of requests."""

from collections.abc import Iterator

from rest.openapi.deprecation import marked, said_among
from rest.openapi.draft import Draft, Json, among, array, pascal
from rest.openapi.schemas import ID, reachable
from rest.openapi.values import compared
from services.engine.encoding import DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE, LONGEST_TEXT
from services.engine.listing import MOST_SORT_TERMS
from services.engine.resource import Field, Kind, Operator, Resource
from services.exporting import Format

_TRUE_OR_FALSE: Json = {"type": "boolean", "default": False}
_KEY: Json = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x21-\\x7e]+$"}

_QUERY: dict[str, tuple[str, str, Json | str]] = {
    "Page": (
        "page",
        "Which page, from 1; not beside a cursor or an offset.",
        {"type": "integer", "minimum": 1, "default": 1},
    ),
    "PerPage": (
        "per_page",
        "How many rows a page has.",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    ),
    "Offset": ("offset", "How many rows to skip, in place of a page.", {"type": "integer", "minimum": 0}),
    "Cursor": (
        "cursor",
        "Where to go on: `next_cursor` or `prev_cursor` of an answer; empty for the beginning.",
        {"type": "string"},
    ),
    "Direction": (
        "direction",
        "Which way to go from the cursor.",
        "PageDirection",
    ),
    "Pagination": (
        "pagination",
        "How the first page is paged; a cursor implies its own.",
        "PaginationKind",
    ),
    "SearchQuery": ("q", "Words that rows contain.", {"type": "string", "maxLength": LONGEST_TEXT}),
    "WithCount": (
        "with_count",
        "Whether the rows are counted: exactly, not at all, or by the planner's estimate.",
        "CountMode",
    ),
    "IncludeDeleted": ("include_deleted", "Whether deleted rows are shown too.", _TRUE_OR_FALSE),
    "DryRun": ("dry_run", "Judge and answer, but keep nothing.", _TRUE_OR_FALSE),
    "Atomic": (
        "atomic",
        "Whether either all rows are written or none.",
        {"type": "boolean", "default": True},
    ),
    "ExportFormat": (
        "format",
        "What the file is written as, in place of `Accept`.",
        {"type": "string", "enum": [str(each) for each in Format]},
    ),
}

_HEADERS: dict[str, tuple[str, str, Json]] = {
    "IfMatch": (
        "If-Match",
        "The ETag of the version that is meant.",
        {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'},
    ),
    "IfNoneMatch": ("If-None-Match", "The ETag of what the client has already.", {"type": "string"}),
    "RequestId": (
        "X-Request-Id",
        "What the log is to know the request by: up to 128 letters, digits, `.`, `_`, `-`. The server makes "
        "a UUID where there is none, and in place of any other.",
        {"type": "string"},
    ),
    "IdempotencyKey": (
        "Idempotency-Key",
        "What makes a repetition of this request harmless: it gets the first one's answer, for a day.",
        _KEY,
    ),
}

# Generators make types of what has a name, and know no union of a truth value and a text.
_CHOICES: dict[str, Json] = {
    "PageDirection": {"type": "string", "enum": ["next", "prev"]},
    "PaginationKind": {"type": "string", "enum": ["offset", "cursor"]},
    "CountMode": {"type": "string", "enum": ["true", "false", "estimated"], "default": "true"},
}

PAGING = ("Page", "PerPage", "Offset", "Cursor", "Direction", "Pagination")


def query(draft: Draft, *names: str) -> list[Json]:
    """Return references to query parameters that every resource shares."""
    return [draft.parameter(name, _shared, draft, *_QUERY[name]) for name in names]


def _shared(draft: Draft, name: str, said: str, schema: Json | str) -> Json:
    return _made("query", name, said, choice(draft, schema) if isinstance(schema, str) else schema)


def choice(draft: Draft, name: str) -> Json:
    """Return the schema of what a parameter of paging may be."""
    return draft.schema(name, dict, _CHOICES[name])


def header(draft: Draft, name: str, *, required: bool = False) -> Json:
    """Return a reference to a header of requests."""
    made = _made("header", *_HEADERS[name])
    return draft.parameter(
        f"Required{name}" if required else name, lambda: {**made, "required": True} if required else made
    )


def identity(draft: Draft) -> Json:
    """Return a reference to the id in a path."""
    return draft.parameter("Id", lambda: {**_made("path", "id", "Which row.", ID), "required": True})


def _made(place: str, name: str, said: str, schema: Json) -> Json:
    return {"name": name, "in": place, "description": said, "schema": schema}


def _listed(name: str, said: str, items: Json, **more: int) -> Json:
    made = _made("query", name, said, array(items, minItems=1, **more))
    return {**made, "style": "form", "explode": False}


# What one resource alone has


def of_many(draft: Draft, resource: Resource) -> list[Json]:
    """Return the parameters of a page of a collection."""
    return [
        *query(draft, *PAGING, "WithCount"),
        *narrowing(draft, resource),
        *of_one(draft, resource),
    ]


def narrowing(draft: Draft, resource: Resource) -> list[Json]:
    """Return the parameters that decide which rows there are, and in which order."""
    searched = query(draft, "SearchQuery") if resource.searchable else []
    return [*searched, _sort(draft, resource), *_filters(draft, resource)]


def of_one(draft: Draft, resource: Resource) -> list[Json]:
    """Return the parameters that decide what is shown of a row, and whether it may be a deleted one."""
    found = query(draft, "IncludeDeleted")
    found.append(_sparse(draft, resource, "fields", f"Which fields of {resource.plural} are shown."))
    if not resource.relations:
        return found
    name = pascal(resource.name)
    paths = include_key(draft, resource)
    said = "Which relations are included, as paths of up to three."
    outdated = resource.outdated_members
    said = said_among(said, (outdated[each.name] for each in resource.relations if each.name in outdated))
    found.append(draft.parameter(f"{name}Include", lambda: _listed("include", said, paths)))
    for target in {each.plural: each for _, each in reachable(draft, resource)}.values():
        if target is not resource:
            own = f"fields[{target.plural}]"
            found.append(_sparse(draft, target, own, f"Which fields of included {target.plural} are shown."))
    return found


def _sparse(draft: Draft, resource: Resource, name: str, said: str) -> Json:
    beside = "Included" if "[" in name else ""
    key, outdated = field_key(draft, resource), resource.outdated_members
    said = said_among(said, (outdated[each.name] for each in resource.shown_fields if each.name in outdated))
    return draft.parameter(f"{beside}{pascal(resource.name)}Fields", lambda: _listed(name, said, key))


def _sort(draft: Draft, resource: Resource) -> Json:
    said = f"What rows are sorted by, `-` for descending; `{resource.sort}` unless given."
    key, outdated = sort_key(draft, resource), resource.outdated_members
    sortable = (name for name, each in resource.all_fields.items() if each.sortable)
    said = said_among(said, (outdated[name] for name in sortable if name in outdated))
    return draft.parameter(
        f"{pascal(resource.name)}Sort", lambda: _listed("sort", said, key, maxItems=MOST_SORT_TERMS)
    )


def sort_key(draft: Draft, resource: Resource) -> Json:
    """Return the schema of what a resource can be sorted by."""
    names = [item.name for item in resource.all_fields.values() if item.sortable]
    keys = [key for name in names for key in (name, f"-{name}")]
    spoken = [key.upper() for name in names for key in (name, f"{name}_desc")]
    return draft.schema(
        f"{pascal(resource.name)}SortKey", lambda: {"type": "string", "enum": keys, "x-enum-varnames": spoken}
    )


def field_key(draft: Draft, resource: Resource) -> Json:
    """Return the schema of the names of a resource's fields."""
    names = [*(item.name for item in resource.shown_fields), *resource.embedded_by_name]
    return draft.schema(f"{pascal(resource.name)}FieldKey", lambda: {"type": "string", "enum": names})


def include_key(draft: Draft, resource: Resource) -> Json:
    """Return the schema of the paths of relations that can be included."""
    paths = [path for path, _ in reachable(draft, resource)]
    return draft.schema(f"{pascal(resource.name)}IncludeKey", lambda: among(paths))


def _filters(draft: Draft, resource: Resource) -> list[Json]:
    return [
        draft.parameter(
            f"{pascal(resource.name)}Filter{pascal(field.name)}{pascal(operator)}",
            _filter,
            draft,
            resource,
            field,
            operator,
        )
        for field, operator in filterable(resource)
    ]


def filterable(resource: Resource) -> Iterator[tuple[Field, Operator]]:
    """Yield every field that can be filtered by, with each of its operators; maps only by being null."""
    for field in resource.all_fields.values():
        is_map = resource.facts[field.name].kind is Kind.JSON if field.filterable else False
        for operator in resource.operators(field) if field.filterable else ():
            if not is_map or operator is Operator.NULL:
                yield field, operator


def _filter(draft: Draft, resource: Resource, field: Field, operator: Operator) -> Json:
    schema = compared(draft, resource, field, operator)
    plain = f"filter[{field.name}]"
    name = plain if operator is Operator.EQ else f"{plain}[{operator}]"
    found = marked(_made("query", name, f"`{field.name}` {_SAID[operator]}.", schema), field.deprecated)
    return {**found, "style": "form", "explode": False} if schema.get("type") == "array" else found


_SAID = {
    Operator.EQ: "equals this",
    Operator.NEQ: "does not equal this",
    Operator.GT: "is greater than this",
    Operator.GTE: "is this or greater",
    Operator.LT: "is less than this",
    Operator.LTE: "is this or less",
    Operator.IN: "is one of these",
    Operator.NIN: "is none of these",
    Operator.LIKE: "contains this, whatever the case",
    Operator.NULL: "is null, or is not",
}
