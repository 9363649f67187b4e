"""Deprecation in the document: `deprecated: true`, what takes its place, and the timeline of all of it."""

from collections.abc import Iterable
from typing import Any

from rest.openapi.draft import Draft, Json
from services.engine.deprecation import Deprecated, Deprecation
from services.engine.noticing import declared

TOLD = ("Deprecation", "Sunset", "Warning", "Link")
"""The headers of an answer to whoever uses what is deprecated."""


def marked(element: Json, told: Deprecation | None) -> Json:
    """Return an operation, a parameter or a schema, marked if it is deprecated."""
    if told is None:
        return element
    found: dict[str, Any] = {**element, "deprecated": True}
    found["description"] = f"{element.get('description', '')} {told.reason}".strip()
    return found if told.sunset is None else {**found, "x-sunset": told.sunset.isoformat()}


def said_among(said: str, outdated: Iterable[Deprecated]) -> str:
    """Return the description of a choice of names, with what it says of the deprecated ones."""
    notes = (f"`{each.name.rpartition('.')[2]}`: {each.told.reason}" for each in outdated)
    return " ".join((said, *notes))


def said_of_all(draft: Draft, said: str) -> str:
    """Return the description of the whole version, which an object of the document has no mark for."""
    told = draft.catalog.deprecated
    return said if told is None else f"{said}. {told.reason}"


def told_of(draft: Draft) -> tuple[str, ...]:
    """Return the headers that answers may have because something is deprecated."""
    return TOLD if declared(draft.catalog) else ()


def timeline(draft: Draft) -> list[Json]:
    """Return all that is deprecated, with when it began, when it may end, and what to use (S3-098)."""
    return [{**each.members(), "link": each.told.link} for each in declared(draft.catalog)]
