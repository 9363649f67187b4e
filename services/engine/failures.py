"""Failures of the database as problems of the catalogue."""

from db.driver import DatabaseError, DatabaseUnavailable, StatementTimeout
from services.engine.errors import Problem, Slug, bad_request

_DATA_EXCEPTION = "22"


def failed(error: DatabaseError) -> Problem:
    """Return the problem of a failed statement; raises the error itself if it is not foreseen."""
    if isinstance(error, StatementTimeout):
        return Problem(Slug.SERVICE_UNAVAILABLE, "The query took too long: narrow it, or ask for less.")
    if isinstance(error, DatabaseUnavailable):
        return Problem(Slug.SERVICE_UNAVAILABLE, "The database does not answer at the moment.")
    if error.sqlstate.startswith(_DATA_EXCEPTION):
        return bad_request("A value is outside what its field can hold.")
    raise error
