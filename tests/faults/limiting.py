"""How exactly four workers limit together, and what losing their Valkey costs.

`python -m tests.faults.limiting` takes about three minutes, and is no test: it depends on passing time.
"""

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from db import valkey
from db.embedded import start
from db.migrate import upgrade
from diptych.runtime import precheck_key
from tests.diptych.server_on_trial import Server
from tests.support.seed import SECRET, add_token, plant, settings

WORKERS, SECONDS, CONNECTIONS = 4, 60, 8
LIMITS = (240, 3_000)
MOST_OFF, MOST_ADDED_SECONDS = 0.01, 0.05


@contextmanager
def served() -> Iterator[tuple[str, int, dict[int, str], int]]:
    """Yield host, port, a token for each limit, and the pid of the Valkey that the workers count in."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-test-"))
    folder.chmod(0o755)
    with start(folder, durable=False) as engine:
        with psycopg.connect(engine.dsn("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE limiting")
        database = make_conninfo(engine.dsn(), dbname="limiting")
        upgrade(database)
        seed = plant(database, ())
        with psycopg.connect(database) as connection:
            key, own = precheck_key(settings(database)), seed.workspaces["acme"]["id"]
            tokens = {
                limit: add_token(connection, own, ["all:read"], key, rate_limit_per_minute=limit)
                for limit in LIMITS
            }
        program = valkey.program()
        assert program is not None
        with subprocess.Popen(
            [program, "--port", "0", "--save", "", "--unixsocket", folder / "v.sock"],
            stdout=subprocess.DEVNULL,
            cwd=folder,
        ) as counting:
            told = {"DATABASE_URL": database, "ENV": "test", "SECRET_KEY": SECRET}
            told["REDIS_URL"] = f"unix://{folder}/v.sock"
            server = Server(
                folder,
                *("--workers", str(WORKERS), "--no-worker"),
                **{f"DIPTYCH_{name}": value for name, value in told.items()},
            )
            try:
                port = int(server.announced("REST").split(":")[2].split("/")[0])
                yield "127.0.0.1", port, tokens, counting.pid
            finally:
                server.process.send_signal(signal.SIGTERM)
                server.process.communicate(timeout=30)
                counting.send_signal(signal.SIGCONT)
                counting.terminate()
    shutil.rmtree(folder)


class Connection:
    """One connection to one of the workers."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self.host, self.port = host, port
        self._head = (
            f"GET /api/v1/brands?per_page=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self.host, self.port)

    async def ask(self) -> tuple[int, int | None]:
        """Return the status of one answer, and what it says is left; None where nothing was limited."""
        self._writer.write(self._head)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        await self._reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        left = head.partition(b"ratelimit-remaining: ")[2].split(b"\r\n")[0]
        return int(head.split(b" ", 2)[1]), int(left) if left else None


async def opened(host: str, port: int, token: str) -> list[Connection]:
    connections = [Connection(host, port, token) for _ in range(CONNECTIONS)]
    deadline = time.monotonic() + 30
    for each in connections:
        while True:
            try:
                await each.open()
                assert (await each.ask())[0] in (200, 429)
                break
            except OSError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
    return connections


async def accuracy(host: str, port: int, token: str, limit: int) -> float:
    """Return by which share what passed within the time differs from the limit.

    What passed uncounted, since the Valkey took too long on a machine that is busy with other things, is told
    by itself.
    """
    connections = await opened(host, port, token)
    pause = max(CONNECTIONS * 60 / limit / 8, 0.05)
    counted, uncounted = list[float](), list[float]()
    spent, over = asyncio.Event(), asyncio.Event()

    async def asking(each: Connection) -> None:
        while not over.is_set():
            status, left = await each.ask()
            if spent.is_set() and status == 200:
                (uncounted if left is None else counted).append(time.monotonic())
            elif left == 0 and status == 200:
                spent.set()
            await asyncio.sleep(pause if spent.is_set() else 0.002)

    tasks = [asyncio.create_task(asking(each)) for each in connections]
    # The quota is full to begin with, and worth a minute more; only once it is spent does the limit show.
    await spent.wait()
    begun = time.monotonic()
    await asyncio.sleep(SECONDS)
    over.set()
    await asyncio.gather(*tasks)
    passed = sum(at - begun <= SECONDS for at in counted)
    print(
        f"limit {limit}: {passed} passed in {SECONDS} s, {WORKERS} workers, {passed / limit - 1:+.2%};"
        f" {len(uncounted)} passed uncounted"
    )
    return abs(passed / limit - 1)


async def loss(host: str, port: int, token: str, counting: int) -> float:
    """Return the seconds that the slowest answer took longer than the usual, once the Valkey fell silent."""
    connections = await opened(host, port, token)

    async def timed() -> list[float]:
        found = []
        for _ in range(20):
            for each in connections:
                begun = time.perf_counter()
                assert (await each.ask())[0] in (200, 429)
                found.append(time.perf_counter() - begun)
        return found

    usual = await timed()
    os.kill(counting, signal.SIGSTOP)
    after = await timed()
    slow = sum(seconds > statistics.median(usual) + 0.02 for seconds in after)
    added = max(after) - statistics.median(usual)
    medians = [f"{statistics.median(each) * 1000:.1f}" for each in (usual, after)]
    print(
        f"without Valkey: median {' → '.join(medians)} ms,"
        f" {slow} of {len(after)} answers slow, the slowest by {added * 1000:.0f} ms"
    )
    return added


async def measured() -> bool:
    with served() as (host, port, tokens, counting):
        off = [await accuracy(host, port, token, limit) for limit, token in tokens.items()]
        added = await loss(host, port, tokens[LIMITS[-1]], counting)
    return max(off) <= MOST_OFF and added <= MOST_ADDED_SECONDS


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measured()) else 1)
