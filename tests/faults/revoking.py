"""How soon a revocation holds on every worker: whatever is sent after the 204 must be refused.

`python -m tests.faults.revoking` revokes a thousand tokens over four workers, which takes some minutes.
"""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import start
from db.migrate import upgrade
from diptych.runtime import precheck_key
from tests.diptych.server_on_trial import Server
from tests.support.seed import SECRET, add_token, plant, settings

WORKERS, CONNECTIONS, REVOCATIONS = 4, 16, 1_000
_OK, _REVOKED, _REFUSED = 200, 204, 401
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Shop:
    """A served database, and the raw text of an admin's token."""

    database: str
    port: int
    admin: str
    server: Server

    def tokens(self, count: int) -> dict[str, str]:
        """Return ids of new tokens and their raw texts."""
        with psycopg.connect(self.database) as connection:
            own = connection.execute("SELECT id FROM workspaces WHERE slug = 'acme'").fetchone()
            assert own is not None
            key = precheck_key(settings(self.database))
            raws = [add_token(connection, own[0], ["all:read"], key) for _ in range(count)]
            rows = connection.execute("SELECT token_key, id FROM tokens").fetchall()
        ids = {key: str(id_) for key, id_ in rows}
        return {ids[raw.split("_")[2][:16]]: raw for raw in raws}

    def opened(self) -> dict[int, int]:
        """Return how many files and connections each worker holds open, by its process."""
        return {each.pid: each.num_fds() for each in self.server.workers()}


@contextmanager
def served(dsn: str, folder: Path) -> Iterator[Shop]:
    """Serve a database of its own behind `dsn`, by several workers."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE revoking"))
    database = make_conninfo(dsn, dbname="revoking")
    upgrade(database)
    admin = plant(database, ("writer",)).tokens["acme", "writer"]
    told = {"DATABASE_URL": database, "ENV": "test", "SECRET_KEY": SECRET, "LIMITS": "off"}
    server = Server(
        folder,
        *("--workers", str(WORKERS), "--no-worker"),
        **{f"DIPTYCH_{name}": value for name, value in told.items()},
    )
    try:
        port = int(server.announced("REST").split(":")[2].split("/")[0])
        assert server.get("/api/v1/token", admin)[0] == _OK
        yield Shop(database, port, admin, server)
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=_PATIENCE_SECONDS)


class Connection:
    """One connection to one of the workers."""

    async def open(self, port: int) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def ask(self, token: str, line: str = "GET /api/v1/brands?per_page=1") -> int:
        """Return the status of one answer."""
        self._writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length: " in head:
            await self._reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """End it."""
        self._writer.close()


async def connected(shop: Shop) -> list[Connection]:
    """Return connections that together reach every worker."""
    connections: list[Connection] = []
    before = shop.opened()
    assert len(before) == WORKERS
    for _ in range(20):
        connections += [await Connection().open(shop.port) for _ in range(CONNECTIONS)]
        for each in connections:
            assert await each.ask(shop.admin) == _OK
        # A worker that nobody has asked anything opens nothing.
        if all(now > before[pid] for pid, now in shop.opened().items()):
            return connections
    raise AssertionError("The connections never reached every worker.")


async def revoke_all(shop: Shop, count: int) -> tuple[int, int]:
    """Revoke `count` tokens that every worker knows; return the requests sent after, and those accepted."""
    # Connections that idle while these are made would be closed.
    made = shop.tokens(count)
    connections = await connected(shop)
    chief = await Connection().open(shop.port)
    sent = accepted = 0
    for id_, raw in made.items():
        assert {await each.ask(raw) for each in connections} == {_OK}
        assert await chief.ask(shop.admin, f"DELETE /api/v1/tokens/{id_}") == _REVOKED
        after = await asyncio.gather(*(each.ask(raw) for each in connections))
        sent, accepted = sent + len(after), accepted + sum(status != _REFUSED for status in after)
    for each in (*connections, chief):
        each.close()
    return sent, accepted


def main() -> int:
    """Print the figures; return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-test-"))
    folder.chmod(0o755)
    with start(folder, durable=False) as engine, served(engine.dsn("postgres"), folder) as shop:
        sent, accepted = asyncio.run(revoke_all(shop, REVOCATIONS))
    shutil.rmtree(folder)
    print(f"promise 18: {REVOCATIONS} revocations, {WORKERS} workers: {accepted} of {sent} accepted (goal 0)")
    return int(accepted > 0)


if __name__ == "__main__":
    sys.exit(main())
