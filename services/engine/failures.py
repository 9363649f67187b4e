"""Failures of the database as problems of the catalogue."""

from db.constraints import absent, faults
from db.driver import DatabaseError, DatabaseUnavailable, StatementTimeout
from services.engine.errors import Invalid, Problem, Slug, bad_request, conflict, validation_failed
from services.engine.validate import invalid_of
from services.engine.writing import Write

_DATA_EXCEPTION = "22"
_NULL = "23502"
_TOO_MUCH = "54000"
# Rivals took a value, removed a reference, or waited for each other; what was prepared has gone stale.
_PASSING = frozenset({"23505", "23503", "40001", "40P01", "0A000", "26000", "42883", "42804"})
_DEADLOCKS = frozenset({"40001", "40P01"})
_TOO_LONG = Invalid("too_long", "The text has more different words than can be searched.")


def failed(error: DatabaseError) -> Problem:
    """Return the problem of a failed statement; raises the error itself if it is not foreseen."""
    if isinstance(error, StatementTimeout):
        return Problem(Slug.SERVICE_UNAVAILABLE, "The query took too long: narrow it, or ask for less.")
    if isinstance(error, DatabaseUnavailable):
        return Problem(Slug.SERVICE_UNAVAILABLE, "The database does not answer at the moment.")
    if error.sqlstate.startswith(_DATA_EXCEPTION):
        return bad_request("A value is outside what its field can hold.")
    raise error


def is_passing(error: DatabaseError) -> bool:
    """Tell whether the same transaction may go well when it is run once more."""
    return isinstance(error, DatabaseUnavailable) or error.sqlstate in _PASSING


def refused(error: DatabaseError, asked: Write) -> Problem:
    """Return the problem of a failed write; raises the error itself if it is not foreseen."""
    resource = asked.resource
    fault = faults(resource.model).get(error.constraint or "")
    if error.sqlstate == _NULL and error.column in resource.all_fields:
        fault = absent(error.column)
    if fault is not None:
        return validation_failed({fault.column: [invalid_of(fault)]})
    if error.sqlstate in _DEADLOCKS:
        return conflict("The same rows were being changed by others; try again.", retry_after=1)
    if error.sqlstate == _TOO_MUCH and (longest := _longest_text(asked)) is not None:
        return validation_failed({longest: [_TOO_LONG]})
    return failed(error)


def _longest_text(asked: Write) -> str | None:
    """Return the path of the longest text that is searched by its words, None where none was sent."""
    names = [field.name for field in asked.resource.fields if field.searchable]
    texts = (
        (len(text), f"items.{place}.{name}" if asked.bulk else name)
        for place, item in enumerate(asked.items)
        for name in names
        if isinstance(text := item.values.get(name), str)
    )
    return max(texts, default=(0, None))[1]
