"""Where faults take place: a database with two workspaces, and the clients that write into them."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from argon2 import PasswordHasher

from db.embedded import Embedded, start
from db.migrate import upgrade
from diptych.runtime import precheck_key
from services import operator, tokens
from services.tokens import Environment
from tests.faults import acts
from tests.faults.clients import Act, Client, Counts, Crowd
from tests.faults.ledger import Ledger
from tests.faults.reckoning import Findings, leftovers, reckon
from tests.support.seed import settings

MEMORY = Path("/dev/shm")
SHARED_ROWS = 2
PATIENCE_SECONDS = 20


@contextmanager
def embedded(*, durable: bool, in_memory: bool = True) -> Iterator[Embedded]:
    """A server of one's own, gone with its folder afterwards."""
    store = MEMORY if in_memory and os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="diptych-fault-", dir=store)).resolve()
    # Every account may traverse it: the server runs as another one where the tests run as root.
    folder.chmod(0o755)
    try:
        with start(folder / "data", durable=durable) as server:
            upgrade(server.dsn())
            yield server
    finally:
        shutil.rmtree(folder)


def crowds(dsn: str, number: int = 2) -> list[Crowd]:
    """Make workspaces, each with a token that may do everything."""
    key = precheck_key(settings(dsn))
    made = []
    for _ in range(number):
        slug = uuid.uuid4().hex
        workspace = operator.create_workspace(dsn, slug, "A workspace")
        scopes = ["all:read", "all:write"]
        token = operator.create_token(dsn, slug, "faults", scopes, Environment.TEST, key)
        _verify_quickly(dsn, token)
        made.append(Crowd(Ledger(workspace), token))
    return made


def _verify_quickly(dsn: str, token: str) -> None:
    """Keep a token by a hash that costs next to nothing, as every short-lived process verifies it anew."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(token)
    with psycopg.connect(dsn) as connection:
        key = tokens.lookup_key(token, Environment.TEST)
        changed = connection.execute("UPDATE tokens SET token_hash = %s WHERE token_key = %s", [cheap, key])
        assert changed.rowcount == 1


class Load:
    """Clients of every workspace; those of the same number use the same keys in each."""

    def __init__(
        self,
        crowds: list[Crowd],
        port: int,
        mix: Mapping[Act, int],
        *,
        clients: int = 3,
        strict: bool = True,
    ) -> None:
        self.crowds = crowds
        self.losses = self.answers = 0
        self._stop = asyncio.Event()
        self.clients = [
            Client(
                f"client-{n}",
                port,
                crowd,
                mix,
                strict=strict,
                on_lost=self._lost,
                on_answer=self._answered,
            )
            for crowd in crowds
            for n in range(clients)
        ]
        self._answer, self._loss = asyncio.Event(), asyncio.Event()

    @property
    def counts(self) -> Counts:
        """Return the counts of all clients together."""
        total = Counts()
        for client in self.clients:
            total.add(client.counts)
        return total

    async def begin(self) -> None:
        """Make the rows that all share."""
        for crowd in self.crowds:
            maker = next(client for client in self.clients if client.crowd is crowd)
            for _ in range(SHARED_ROWS):
                entry = await acts.create(maker)
                assert entry is not None, crowd.ledger.unexpected
                maker.own.remove(entry)
                crowd.shared.append(entry)

    @asynccontextmanager
    async def running(self, most: int | None = None) -> AsyncIterator[None]:
        """Have the clients write meanwhile; afterwards they bring what they began to its end."""
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(client.run(self._stop, most))
            try:
                yield
            finally:
                if most is None:
                    self._stop.set()

    async def answered(self) -> None:
        """Wait until any client is answered for good."""
        self._answer.clear()
        await self._answer.wait()

    async def lost(self) -> None:
        """Wait until any client has lost an answer."""
        self._loss.clear()
        await self._loss.wait()

    async def reckon(self, dsn: str) -> Findings:
        """Compare the database with what was acknowledged, once every transaction had time to end."""
        left = await _eventually_none(lambda: leftovers(dsn))
        findings = reckon(dsn, [crowd.ledger for crowd in self.crowds])
        findings.add("leftovers", left, "transactions or locks")
        return findings

    def _lost(self) -> None:
        self.losses += 1
        self._loss.set()

    def _answered(self) -> None:
        self.answers += 1
        self._answer.set()


async def _eventually_none(count: Callable[[], int]) -> int:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    # Nobody tells when the database is through.
    while (left := count()) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return left
