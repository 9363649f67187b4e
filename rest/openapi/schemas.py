"""Schemas that follow from a resource: what is read, what is included, what is sent and what comes back."""

from collections.abc import Iterable, Iterator

from rest.openapi.deprecation import marked
from rest.openapi.draft import Draft, Json, array, nullable, opened, pascal, strict
from rest.openapi.problems import error_of_row, summary
from rest.openapi.values import shown, taken
from services.engine.resource import Action, ActionKind, Embedded, Field, Resource
from services.engine.writing import MOST_ITEMS

DEEPEST_INCLUDE = 3
ID: Json = {"type": "string", "format": "uuid"}
_ALWAYS = ("id", "inserted_at", "updated_at", "links")
_LINK: Json = {"type": "string", "format": "uri-reference"}


# What is answered


def read(draft: Draft, resource: Resource) -> Json:
    """Return the schema of a row as it is read, where `fields` may leave out most of it."""
    return draft.schema(pascal(resource.name), lambda: _read(draft, resource))


def _read(draft: Draft, resource: Resource) -> Json:
    return opened(_members(draft, resource), list(_ALWAYS), description=resource.doc)


def _members(draft: Draft, resource: Resource) -> Json:
    properties = {item.name: shown(draft, item, resource.facts_of(item)) for item in resource.shown_fields}
    for item in resource.embedded:
        properties[item.name] = array(_embedded(draft, item), description=item.doc)
    properties["links"] = draft.schema(f"{pascal(resource.name)}Links", lambda: _links(resource))
    if resource.relations:
        name = f"{pascal(resource.name)}Relationships"
        properties["relationships"] = draft.schema(name, lambda: _relationships(draft, resource))
    return properties


def _embedded(draft: Draft, item: Embedded) -> Json:
    inner = item.resource
    fields = {name: shown(draft, inner.all_fields[name], inner.facts[name]) for name in item.shown}
    return draft.schema(pascal(item.name[:-1]), lambda: opened(fields, list(fields), description=inner.doc))


def _links(resource: Resource) -> Json:
    found = {"self": _LINK}
    for relation in resource.relations:
        if relation.one:
            found[relation.name] = nullable(_LINK)
        elif relation.nested:
            found[relation.name] = _LINK
    return opened(found, list(found), description=f"Addresses around one {_words(resource.name)}.")


def _relationships(draft: Draft, resource: Resource) -> Json:
    found = {}
    for relation in resource.relations:
        target = draft.catalog.target(relation)
        one = _reference(draft, target)
        told = relation.deprecated or target.deprecated
        found[relation.name] = marked(array(one) if relation.many else nullable(one), told)
    return opened(found, [], description="What was included, by relation.")


def _reference(draft: Draft, target: Resource) -> Json:
    kind = {"type": "string", "const": target.type}
    said = f"Which {_words(target.name)}, among what is included."
    return draft.schema(
        f"{pascal(target.name)}Reference",
        lambda: opened({"type": kind, "id": ID}, ["type", "id"], description=said),
    )


def whole(draft: Draft, resource: Resource, action: Action | None = None) -> Json:
    """Return the schema of a row as an action answers it: whole, and with what the action shows beside."""
    more = resource.shown_by(action) if action is not None else ()
    if not more or action is None:
        return draft.schema(f"Whole{pascal(resource.name)}", lambda: _whole(draft, resource, ()))
    done = pascal(action.event)
    return draft.schema(f"{done}{pascal(resource.name)}", lambda: _whole(draft, resource, more))


def _whole(draft: Draft, resource: Resource, more: Iterable[Field]) -> Json:
    fields = [*(item.name for item in resource.shown_fields), *resource.embedded_by_name]
    beside = {item.name: shown(draft, item, resource.facts_of(item), forgotten=True) for item in more}
    # Not as all of another schema: openapi-generator takes no word of what is required from beside it.
    members = {**_members(draft, resource), **beside}
    said = f"{resource.doc} Nothing of it is left out."
    return opened(members, [*fields, *beside, "links"], description=said)


def reachable(draft: Draft, resource: Resource) -> Iterator[tuple[str, Resource]]:
    """Yield every path of relations that can be included, with the resource that it leads to."""
    found = [("", resource)]
    for _ in range(DEEPEST_INCLUDE):
        found = [
            (f"{path}.{relation.name}".lstrip("."), draft.catalog.target(relation))
            for path, each in found
            for relation in each.relations
        ]
        yield from found


def included(draft: Draft, resource: Resource) -> Json:
    """Return the members that `include` adds to an envelope; none where nothing can be included."""
    targets = {target.type: target for _, target in reachable(draft, resource)}
    if not targets:
        return {}
    each = {type_: _included(draft, target) for type_, target in sorted(targets.items())}
    mapping = {type_: schema["$ref"] for type_, schema in each.items()}
    union = {"oneOf": list(each.values()), "discriminator": {"propertyName": "type", "mapping": mapping}}
    said = f"What can be included beside {_words(resource.plural)}, told apart by its type."
    items = draft.schema(f"{pascal(resource.name)}Included", lambda: {"description": said, **union})
    return {"included": array(items, description="What `include` asks for, each once.")}


def _included(draft: Draft, target: Resource) -> Json:
    kind = opened({"type": {"type": "string", "const": target.type}}, ["type"])
    return draft.schema(
        f"Included{pascal(target.name)}",
        lambda: {"description": f"{target.doc} Included.", "allOf": [read(draft, target), kind]},
    )


# Envelopes


def one(draft: Draft, resource: Resource) -> Json:
    """Return the schema of the envelope of a row that is read."""
    return draft.schema(
        f"{pascal(resource.name)}Response",
        lambda: opened({"data": read(draft, resource), **included(draft, resource)}, ["data"]),
    )


def written(draft: Draft, resource: Resource, action: Action) -> Json:
    """Return the schema of the envelope of a row that was written."""
    inner = whole(draft, resource, action)
    name = inner["$ref"].rpartition("/")[2]
    return draft.schema(f"{name}Response", lambda: opened({"data": inner}, ["data"]))


def page(draft: Draft, resource: Resource) -> Json:
    """Return the schema of a page of a collection."""
    paginations = [draft.schema(name, dict, made) for name, made in _PAGINATIONS.items()]
    links = draft.schema("PageLinks", lambda: _PAGE_LINKS)
    return draft.schema(
        f"{pascal(resource.name)}ListResponse",
        lambda: opened(
            {
                "data": array(read(draft, resource)),
                "pagination": draft.schema("Pagination", dict, {"oneOf": paginations}),
                "links": links,
                **included(draft, resource),
            },
            ["data", "pagination", "links"],
        ),
    )


_COUNT: Json = {"type": ["integer", "null"], "format": "int64"}
_CURSOR: Json = {"type": ["string", "null"]}
_PAGINATIONS: dict[str, Json] = {
    "OffsetPagination": opened(
        {
            "page": {"type": "integer", "format": "int64", "minimum": 1, "examples": [1]},
            "per_page": {"type": "integer", "format": "int32", "examples": [100]},
            "total_count": {**_COUNT, "description": "Null unless it was counted.", "examples": [1]},
            "total_pages": {**_COUNT, "description": "Null unless it was counted.", "examples": [1]},
            "total_precision": {"type": "string", "enum": ["estimated"]},
        },
        ["page", "per_page", "total_count", "total_pages"],
        description="Where a page stands that was asked for by its number.",
    ),
    "CursorPagination": opened(
        {
            "per_page": {"type": "integer", "format": "int32", "examples": [100]},
            "has_more": {"type": "boolean", "examples": [False]},
            "next_cursor": {**_CURSOR, "examples": [None]},
            "prev_cursor": {**_CURSOR, "examples": [None]},
        },
        ["per_page", "has_more", "next_cursor", "prev_cursor"],
        description="Where a page stands that was asked for by a cursor.",
    ),
}
_NEIGHBOURS = ("first", "prev", "next", "last")
_PAGE_LINKS = opened(
    {"self": _LINK, **{name: nullable(_LINK) for name in _NEIGHBOURS}},
    ["self", *_NEIGHBOURS],
    description="The addresses of a page and its neighbours, null where there is none.",
)


# What is sent


def sent(draft: Draft, resource: Resource, kind: ActionKind, *, in_bulk: bool = False) -> Json:
    """Return the schema of the body of a row to be written; in bulk it names the row that it changes."""
    bulk = "Bulk" if in_bulk and kind is not ActionKind.CREATE else ""
    name = f"{pascal(resource.name)}{bulk}{pascal(kind)}"
    return draft.schema(name, lambda: _sent(draft, resource, kind, named=bool(bulk)))


def _sent(draft: Draft, resource: Resource, kind: ActionKind, *, named: bool) -> Json:
    new = kind is ActionKind.CREATE
    own: Json = {"id": {**ID, "description": "Which row."}} if named else {}
    own |= {item.name: taken(draft, item, resource.facts[item.name]) for item in resource.writable}
    own |= {item.name: _embeddable(draft, item, new=new) for item in resource.embedded}
    needed = [item.name for item in resource.writable if item.required and (new or not item.fixed)]
    required = [*(["id"] if named else []), *(needed if kind is not ActionKind.UPDATE else [])]
    return strict(own, required, description=_SAID[kind].format(_words(resource.name)))


_SAID = {
    ActionKind.CREATE: "A new {}.",
    ActionKind.REPLACE: "All of one {}; what is left out gets its default or null.",
    ActionKind.UPDATE: "What is to change of one {}; what is left out stays as it is.",
}


def _embeddable(draft: Draft, item: Embedded, *, new: bool) -> Json:
    inner = item.resource
    fields = {name: taken(draft, inner.all_fields[name], inner.facts[name]) for name in item.fields}
    needed = [name for name in item.fields if inner.all_fields[name].required]
    if not new:
        # A row that is there already may leave out what stays as it is.
        fields = {"id": {**ID, "description": "A row that is there already; a new one has none."}, **fields}
        needed = []
    name = f"{pascal(item.name[:-1])}{'Create' if new else 'Change'}"
    made = draft.schema(name, lambda: strict(fields, needed, description=inner.doc))
    return array(made, description=item.doc)


def inputs(draft: Draft, resource: Resource, action: Action) -> Json:
    """Return the schema of what an action takes beside the row that it is about."""
    fields = {item.name: taken(draft, item, item.own_facts) for item in action.inputs}
    needed = [item.name for item in action.inputs if item.required]
    name = f"{pascal(action.name)}{pascal(resource.name)}Request"
    return draft.schema(name, lambda: strict(fields, needed, description=action.doc))


def many(draft: Draft, resource: Resource, kind: ActionKind) -> Json:
    """Return the schema of the body of a bulk request."""
    size = {"minItems": 1, "maxItems": MOST_ITEMS}
    if kind is ActionKind.DELETE:
        return draft.schema(
            "BulkDelete", lambda: strict({"ids": array(ID, uniqueItems=True, **size)}, ["ids"])
        )
    items = array(sent(draft, resource, kind, in_bulk=True), **size)
    name = f"{pascal(resource.name)}Bulk{pascal(kind)}Request"
    return draft.schema(name, lambda: strict({"items": items}, ["items"]))


def results(draft: Draft, resource: Resource, action: Action) -> Json:
    """Return the schema of the answer to a bulk request."""
    deleting = action.kind is ActionKind.DELETE
    name = "BulkDeleteResult" if deleting else f"{pascal(resource.name)}Bulk{pascal(action.kind)}Result"
    return draft.schema(name, lambda: _results(draft, resource, action, name))


def _results(draft: Draft, resource: Resource, action: Action, name: str) -> Json:
    entry = {
        "index": {"type": "integer", "format": "int32", "description": "Its place in the request."},
        "id": {"type": ["string", "null"], "description": "Null for a row that was not made."},
        "status": {"type": "string", "enum": [action.event, "failed", "skipped"]},
        **({} if action.kind is ActionKind.DELETE else {"data": whole(draft, resource, action)}),
        "error": error_of_row(draft),
    }
    said = "What became of one row: itself, or the problem that it failed with."
    each = draft.schema(f"{name}Item", lambda: opened(entry, ["index", "id", "status"], description=said))
    return opened({"data": array(each), "summary": summary(draft)}, ["data", "summary"])


def _words(name: str) -> str:
    return name.replace("_", " ")
