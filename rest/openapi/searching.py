"""Bodies of searches: the same as a query string, with typed values and filters that may be combined."""

from typing import Any

from rest.openapi import parameters
from rest.openapi.deprecation import marked
from rest.openapi.draft import Draft, Json, array, pascal, strict
from rest.openapi.values import compared
from services.engine.encoding import LARGEST_PAGE_SIZE, LONGEST_TEXT
from services.engine.listing import MOST_SORT_TERMS
from services.engine.resource import Field, Kind, Operator, Resource

_PATHS: Json = {"patternProperties": {r"^[a-z_]+\.": {"type": "object"}}}
"""Names with dots lead through relations, or into maps."""

_COUNT: Json = {"oneOf": [{"type": "boolean"}, {"type": "string", "enum": ["estimated"]}]}


def search(draft: Draft, resource: Resource) -> Json:
    """Return the schema of the body of a search."""
    return draft.schema(f"{pascal(resource.name)}Search", lambda: _search(draft, resource))


def _search(draft: Draft, resource: Resource) -> Json:
    found: Json = {"q": {"type": "string", "maxLength": LONGEST_TEXT}} if resource.searchable else {}
    found["filter"] = _condition(draft, resource)
    found["sort"] = array(parameters.sort_key(draft, resource), maxItems=MOST_SORT_TERMS)
    found |= {
        "page": {"type": "integer", "description": "Which page, from 1."},
        "per_page": {"type": "integer", "description": f"How many rows, up to {LARGEST_PAGE_SIZE}."},
        "offset": {"type": "integer", "description": "How many rows to skip, in place of a page."},
        "cursor": {"type": "string"},
        "pagination": parameters.choice(draft, "PaginationKind"),
        "direction": parameters.choice(draft, "PageDirection"),
        "with_count": draft.schema("SearchCount", dict, _COUNT),
        "include_deleted": {"type": "boolean"},
        "fields": array(parameters.field_key(draft, resource), minItems=1),
    }
    if resource.relations:
        found["include"] = array(parameters.include_key(draft, resource))
    said = f"Which {resource.plural.replace('_', ' ')} are looked for, and how they are shown."
    return strict(found, [], description=said, examples=[_example(resource)])


def _example(resource: Resource) -> dict[str, Any]:
    term = resource.sort.split(",")[0]
    page = {"sort": [term], "per_page": 20}
    enums = [item for item in resource.all_fields.values() if item.filterable and item.enum is not None]
    if not enums or enums[0].enum is None:
        return {"filter": {"inserted_at": {"gte": "2026-01-01T00:00:00Z"}}, **page}
    return {"filter": {enums[0].name: {"in": [str(next(iter(enums[0].enum)))]}}, **page}


def _condition(draft: Draft, resource: Resource) -> Json:
    return draft.schema(f"{pascal(resource.name)}Filter", lambda: _filter(draft, resource))


def _filter(draft: Draft, resource: Resource) -> Json:
    own = _condition(draft, resource)
    joined: Json = {"and": array(own, minItems=1), "or": array(own, minItems=1), "not": own}
    said = "Conditions, all of which must hold."
    return strict({**joined, **_conditions(draft, resource)}, [], description=said, **_PATHS)


def _conditions(draft: Draft, resource: Resource) -> Json:
    operators: dict[str, list[Operator]] = {}
    for field, operator in parameters.filterable(resource):
        operators.setdefault(field.name, []).append(operator)
    found = {
        name: marked(
            _comparison(draft, resource, resource.all_fields[name], each),
            resource.all_fields[name].deprecated,
        )
        for name, each in operators.items()
    }
    for relation in resource.relations:
        target = draft.catalog.target(relation)
        found[relation.name] = marked(_related(draft, target), relation.deprecated or target.deprecated)
    return found


def _related(draft: Draft, target: Resource) -> Json:
    said = f"Conditions on related {target.plural.replace('_', ' ')}, all of which must hold."
    return draft.schema(
        f"Related{pascal(target.name)}Filter",
        lambda: strict(_conditions(draft, target), [], description=said, minProperties=1, **_PATHS),
    )


def _comparison(draft: Draft, resource: Resource, field: Field, operators: list[Operator]) -> Json:
    kind = resource.facts[field.name].kind
    if kind is Kind.JSON:
        # What maps hold is compared by a path into them.
        return {"type": "object", "additionalProperties": True}
    members = {str(each): compared(draft, resource, field, each) for each in operators}
    for many in members.keys() & {"in", "nin"}:
        # Nothing is among no values, and a body can spell that.
        members[many] = {**members[many], "minItems": 0}
    name = f"{field.enum.__name__ if field.enum else pascal(kind)}Comparison"
    return draft.schema(name, lambda: strict(members, [], minProperties=1))
