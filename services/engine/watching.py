"""Watching: what administrators of the platform look at is written down before they see it."""

import logging
from collections.abc import Sequence

import orjson

from db.driver import DatabaseError
from db.execute import Call, Database
from db.queries.audit_logs import NOTE
from services.engine.context import Caller
from services.engine.errors import Problem, Slug
from services.engine.transaction import actor

ACTION = "administrative.read"

_LONGEST_PATH = 2_000
_log = logging.getLogger("diptych")


class Watch:
    """Writes an audit row of every request that is answered to an administrator of the platform as such."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, caller: Caller, method: str, path: str, status: int) -> None:
        """Write down what was asked, in one round trip; raises the 503 problem where that is impossible."""
        principal = caller.principal
        request, user, address = actor(caller)
        workspace = principal.workspace_id
        told = [ACTION.encode(), b"workspace", workspace.encode(), user, address, request, None]
        seen = _seen(method, path, status, caller.looked_at)
        try:
            async with self._database.transaction(workspace, principal.token_id) as transaction:
                await transaction.commit(Call(NOTE, [*told, seen]))
        except DatabaseError as error:
            _log.error("an administrative read could not be written down", exc_info=error)
            detail = "What administrators read is written down, which is impossible at the moment."
            raise Problem(Slug.SERVICE_UNAVAILABLE, detail) from error


def _seen(method: str, path: str, status: int, fields: Sequence[str]) -> bytes:
    # PostgreSQL keeps no zero bytes, and a path may hold any.
    clean = path.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_PATH]
    found = {"method": method, "path": clean, "status": status}
    return orjson.dumps(found | ({"fields": list(fields)} if fields else {}))
