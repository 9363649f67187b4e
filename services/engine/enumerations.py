"""Every list of values that a field may have, read from the declarations (S3-322 to S3-328)."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.engine.catalog import Catalog
from services.engine.errors import CATALOGUE
from services.engine.procedures import fields_of
from services.engine.resource import Field
from services.engine.validate import ERROR_CODES


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The values of one field in the order in which they are declared, and what the field is."""

    values: tuple[str, ...]
    doc: str


def enumerations(catalog: Catalog) -> dict[str, dict[str, Enumeration]]:
    """Return the enumerations by plural name of the resource and by field.

    Those of procedures go by what their paths begin with, such as `auth`.
    """
    found: dict[str, dict[str, Enumeration]] = {}
    for name, field in _declared(catalog):
        values = valid_values(catalog, field)
        if values:
            found.setdefault(name, {}).setdefault(field.name, Enumeration(values, field.doc))
    return found


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


def _declared(catalog: Catalog) -> Iterator[tuple[str, Field]]:
    """Yield every field that is declared, with what it goes by."""
    for resource in catalog:
        beside = (field for action in resource.actions for field in (*action.inputs, *action.shows))
        yield from ((resource.plural, field) for field in (*resource.all_fields.values(), *beside))
    for procedure in catalog.procedures:
        head = procedure.places[0][0].replace("-", "_")
        yield from ((head, field) for field in (*procedure.inputs, *fields_of(procedure.outputs)))
