"""Failures of the database as problems of the catalogue."""

from db.constraints import absent, faults
from db.driver import DatabaseError, DatabaseUnavailable, StatementTimeout
from services.engine.errors import Problem, Slug, bad_request, conflict, validation_failed
from services.engine.resource import Resource
from services.engine.validate import invalid_of

_DATA_EXCEPTION = "22"
_NULL = "23502"
# Rivals took a value, removed a reference, or waited for each other; what was prepared has gone stale.
_PASSING = frozenset({"23505", "23503", "40001", "40P01", "0A000", "26000", "42883", "42804"})
_DEADLOCKS = frozenset({"40001", "40P01"})


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


def refused(error: DatabaseError, resource: Resource) -> Problem:
    """Return the problem of a failed write; raises the error itself if it is not foreseen."""
    fault = faults(resource.model).get(error.constraint or "")
    if error.sqlstate == _NULL and error.column in resource.all_fields:
        fault = absent(error.column)
    if fault is not None:
        return validation_failed({fault.column: [invalid_of(fault)]})
    if error.sqlstate in _DEADLOCKS:
        return conflict("The same rows were being changed by others; try again.", retry_after=1)
    return failed(error)
