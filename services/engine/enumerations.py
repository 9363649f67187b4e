"""Every list of values that a field may have, read from the declarations (S3-322 to S3-328)."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.engine.catalog import Catalog
from services.engine.errors import CATALOGUE
from services.engine.resource import Field, Resource
from services.engine.validate import ERROR_CODES


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The values of one field in the order in which they are declared, and what the field is."""

    values: tuple[str, ...]
    doc: str


def enumerations(catalog: Catalog) -> dict[str, dict[str, Enumeration]]:
    """Return the enumerations by plural name of the resource and by field, of resources that have any."""
    found = {
        resource.plural: {
            field.name: Enumeration(values, field.doc)
            for field in _fields(resource)
            if (values := valid_values(catalog, field))
        }
        for resource in catalog
    }
    return {plural: fields for plural, fields in found.items() if fields}


def valid_values(catalog: Catalog, field: Field) -> tuple[str, ...]:
    """Return what a field, or each member of its list, may be; nothing where it is free."""
    if field.enum is not None:
        return tuple(str(value) for value in field.enum)
    return tuple(field.among(catalog)) if field.among is not None else ()


def field_codes() -> tuple[str, ...]:
    """Return every code that may stand in `errors` of a problem (S3-268 to S3-270).

    In a bulk request a row may also fail with any problem of the catalogue, whose slug is spelled like these.
    """
    rows = (slug.replace("-", "_") for slug in CATALOGUE)
    return tuple(dict.fromkeys((*ERROR_CODES, *rows)))


def problem_codes() -> tuple[str, ...]:
    """Return every `code` of a problem: the slugs of the catalogue."""
    return tuple(str(slug) for slug in CATALOGUE)


def _fields(resource: Resource) -> Iterator[Field]:
    yield from resource.all_fields.values()
    for action in resource.actions:
        yield from (*action.inputs, *action.shows)
