"""Trusted operations as the engine sees them: who may run nothing else, and whether one is registered still.

A text is looked up once per process. From then on every request that runs it by its hash proves beside its
first statement, in the same round trip, that it is registered still, so that taking it away is exact.
"""

from collections import OrderedDict

from db.driver import DatabaseError, Row
from db.execute import Call, Database
from db.queries import trusted_operations as queries
from services.engine.context import Caller
from services.engine.encoding import decoded
from services.engine.errors import Problem, Slug
from services.engine.failures import failed

_MOST_TEXTS = 10_000
_MOST_CHARACTERS = 8_000_000


def not_trusted(detail: str) -> Problem:
    """Return the 403 problem of whatever is no trusted operation."""
    return Problem(Slug.OPERATION_NOT_TRUSTED, detail)


def require_registered(caller: Caller) -> None:
    """Raise the 403 problem where the token may run trusted operations alone, and this is none."""
    if caller.principal.trusted_only and caller.registered is None:
        raise not_trusted("This token may run nothing but trusted operations, by GraphQL.")


def proofs(caller: Caller) -> list[Call]:
    """Return what must be asked beside the first statement of a request: at most one call, the last."""
    if caller.registered is None or caller.proven is not None:
        return []
    return [Call(queries.REGISTERED, (caller.registered.encode(),))]


def note(caller: Caller, rows: list[Row]) -> None:
    """Note what that call brought."""
    caller.proven = bool(rows)


def require_proven(caller: Caller) -> None:
    """Raise the 403 problem of an operation that was taken away since its text was looked up."""
    if caller.registered is not None and caller.proven is False:
        raise not_trusted("The operation is not registered any more.")


async def prove(database: Database, caller: Caller) -> None:
    """Ask by itself whether the caller's operation is registered, unless that is known already.

    Raises the 403 problem if it is not, or if it would have to be.
    """
    require_registered(caller)
    for call in proofs(caller):
        try:
            rows = await database.run(call, caller.principal.workspace_id, None)
        except DatabaseError as error:
            raise failed(error) from error
        note(caller, rows)
    require_proven(caller)


class Registry:
    """The texts of trusted operations by workspace and hash, the least recently used forgotten first."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._characters = 0

    def known(self, workspace_id: str, sha256: str) -> str | None:
        """Return a text that was looked up before; it may have been taken away since."""
        found = self._texts.get((workspace_id, sha256))
        if found is not None:
            self._texts.move_to_end((workspace_id, sha256))
        return found

    async def find(self, workspace_id: str, sha256: str) -> str | None:
        """Return the text that is registered now, None where there is none; raises a Problem."""
        call = Call(queries.TEXT, (sha256.encode(),))
        try:
            rows = await self._database.run(call, workspace_id, None)
        except DatabaseError as error:
            raise failed(error) from error
        self.forget(workspace_id, sha256)
        if not rows:
            return None
        return self._keep((workspace_id, sha256), decoded(rows[0][0]))

    def forget(self, workspace_id: str, sha256: str) -> None:
        """Forget a text, so that it is looked up anew."""
        self._characters -= len(self._texts.pop((workspace_id, sha256), ""))

    def _keep(self, key: tuple[str, str], text: str) -> str:
        self._texts[key] = text
        self._characters += len(text)
        while len(self._texts) > _MOST_TEXTS or self._characters > _MOST_CHARACTERS:
            _, forgotten = self._texts.popitem(last=False)
            self._characters -= len(forgotten)
        return text
