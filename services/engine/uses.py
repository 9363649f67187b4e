"""When tokens were last used: noted in memory, written in batches beside the requests (Q-20)."""

import asyncio
import logging
import time
from collections import defaultdict

from db.execute import Call, Database
from db.queries.tokens import PRECHECK, USED
from services.engine.encoding import text_array

_LEAST_SECONDS = 60.0

_log = logging.getLogger("diptych")


class Uses:
    """The tokens used in this process since the last batch; a batch that is lost is not missed.

    One token is written at most once a minute, whatever the number of processes.
    """

    def __init__(self) -> None:
        self._used: dict[str, str] = {}
        self._written: dict[str, float] = {}
        self._outdated: dict[str, tuple[str, bytes]] = {}

    def note(self, token_id: str, workspace_id: str) -> None:
        """Remember that a token was used."""
        self._used[token_id] = workspace_id

    def outdated(self, token_id: str, workspace_id: str, precheck: bytes) -> None:
        """Remember a token that proved itself under an earlier key, and its precheck under the new one."""
        self._outdated[token_id] = workspace_id, precheck

    async def write(self, database: Database) -> None:
        """Write down which tokens were used; raises DatabaseError."""
        while self._outdated:
            token_id, (workspace_id, precheck) = self._outdated.popitem()
            async with database.transaction(workspace_id, token_id) as transaction:
                await transaction.commit(Call(PRECHECK, (precheck,)))
        now = time.monotonic()
        self._written = {id_: at for id_, at in self._written.items() if now - at < _LEAST_SECONDS}
        due: dict[str, list[str]] = defaultdict(list)
        for token_id in [id_ for id_ in self._used if id_ not in self._written]:
            due[self._used.pop(token_id)].append(token_id)
        for workspace_id, ids in due.items():
            async with database.transaction(workspace_id, "") as transaction:
                await transaction.run(Call(USED, (text_array(ids),)))
                await transaction.commit()
            self._written |= dict.fromkeys(ids, now)

    async def keep_writing(self, database: Database, pause: float) -> None:
        """Write every `pause` seconds, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            try:
                await self.write(database)
            except Exception as error:
                _log.warning("It was not written down which tokens were used: %s", error)
