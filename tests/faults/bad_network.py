"""A TCP port before PostgreSQL that delays, resets and swallows, above all while a commit is on its way."""

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum

import psycopg

_ENCRYPTION = frozenset({80877103, 80877104})
_AT_ONCE = struct.pack("ii", 1, 0)
_PIECE = 65_536


class Fault(StrEnum):
    """What happens to one flight of messages, which ends with a Sync, and to its connection."""

    NONE = "passed on"
    DELAY = "delayed"
    RESET_BEFORE = "reset before it arrives"
    RESET_WITHIN = "reset in its middle"
    RESET_BEHIND = "reset once it has arrived"
    RESET_ANSWERED = "reset instead of the answer"
    HOLE_BEFORE = "swallowed, and all that follows"
    HOLE_BEHIND = "answers swallowed, and all that follows"


class BadNetwork:
    """The network; `weights` say how likely each fault is for a flight, and `commit_weights` for a commit."""

    def __init__(
        self,
        path: str,
        chance: random.Random,
        weights: Mapping[Fault, int],
        commit_weights: Mapping[Fault, int],
    ) -> None:
        self._path, self._chance = path, chance
        self._weights, self._commit_weights = weights, commit_weights
        self.calm = True
        self.faults: Counter[Fault] = Counter()
        self.commits: Counter[Fault] = Counter()
        self._spoilt = asyncio.Semaphore(0)
        self._paths: list[_Path] = []

    def fault(self, commits: bool) -> Fault:
        """Choose what happens to a flight."""
        if self.calm:
            return Fault.NONE
        weights = self._commit_weights if commits else self._weights
        found = self._chance.choices(list(weights), list(weights.values()))[0]
        (self.commits if commits else self.faults)[found] += 1
        if commits and found not in (Fault.NONE, Fault.DELAY):
            self._spoilt.release()
        return found

    async def spoil(self, commits: int) -> None:
        """Be bad until so many commits were met by a fault beyond a delay."""
        self.calm = False
        for _ in range(commits):
            await self._spoilt.acquire()
        self.calm = True

    def close(self) -> None:
        """Reset whatever is open."""
        for path in self._paths:
            path.reset()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until it ends or is spoilt."""
        server_reader, server_writer = await asyncio.open_unix_connection(self._path)
        path = _Path(self, reader, writer, server_reader, server_writer)
        self._paths.append(path)
        back = asyncio.create_task(path.carry_back())
        try:
            await path.carry_there()
        except (OSError, asyncio.IncompleteReadError):
            path.reset()
        finally:
            if not path.lost:
                server_writer.close()
                await asyncio.gather(back, return_exceptions=True)
            else:
                # What has become a hole stays one: neither end hears of the other any more.
                with contextlib.suppress(OSError):
                    while await reader.read(_PIECE):
                        pass
                await asyncio.gather(back, return_exceptions=True)
            path.reset()


class _Path:
    """One connection through the network."""

    def __init__(
        self,
        network: BadNetwork,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._network = network
        self._reader, self._writer = reader, writer
        self._server_reader, self._server_writer = server_reader, server_writer
        self._commits: set[bytes] = set()
        self._swallowing = False
        self._answered = asyncio.Event()
        self.lost = False

    async def carry_back(self) -> None:
        """Carry what the server answers; what a hole swallows is read all the same."""
        with contextlib.suppress(OSError):
            while data := await self._server_reader.read(_PIECE):
                self._answered.set()
                if not self._swallowing:
                    self._writer.write(data)
                    await self._writer.drain()
        if not self._swallowing:
            self._writer.close()

    async def carry_there(self) -> None:
        """Carry what the client sends, flight by flight."""
        await self._carry_start()
        flight: list[bytes] = []
        commit: int | None = None
        while True:
            head = await self._reader.readexactly(5)
            body = await self._reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            if self._is_commit(head[:1], body):
                commit = len(flight)
            flight.append(head + body)
            if head[:1] in b"SQX":
                if not await self._pass(flight, commit):
                    return
                flight, commit = [], None

    async def _carry_start(self) -> None:
        while True:
            head = await self._reader.readexactly(8)
            length, code = struct.unpack(">ii", head)
            self._server_writer.write(head + await self._reader.readexactly(length - 8))
            if code not in _ENCRYPTION:
                return

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        """Tell whether a message has a COMMIT executed, of which Parse has told by name."""
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            (self._commits.add if query == b"COMMIT" else self._commits.discard)(name)
        return kind == b"B" and body.split(b"\0", 2)[1] in self._commits

    async def _pass(self, flight: list[bytes], commit: int | None) -> bool:
        """Pass a flight on, or spoil it; False ends the connection."""
        fault = self._network.fault(commit is not None)
        whole = b"".join(flight)
        match fault:
            case Fault.NONE | Fault.DELAY:
                if fault is Fault.DELAY:
                    await asyncio.sleep(self._network._chance.uniform(0.005, 0.05))
                self._server_writer.write(whole)
                await self._server_writer.drain()
                return True
            case Fault.RESET_WITHIN:
                self._server_writer.write(b"".join(flight[: len(flight) // 2 if commit is None else commit]))
            case Fault.RESET_BEHIND:
                self._server_writer.write(whole)
            case Fault.RESET_ANSWERED:
                self._swallow()
                self._server_writer.write(whole)
                await self._answered.wait()
            case Fault.HOLE_BEFORE:
                self._swallow()
                self.lost = True
            case Fault.HOLE_BEHIND:
                self._swallow()
                self._server_writer.write(whole)
                self.lost = True
        if not self.lost:
            # What was written above is in the kernel's hands by now, or is lost.
            self.reset()
        return False

    def _swallow(self) -> None:
        self._swallowing = True
        self._answered.clear()

    def reset(self) -> None:
        """End both sides with no good-bye."""
        ours = self._writer.get_extra_info("socket")
        if ours is not None and ours.fileno() >= 0:
            with contextlib.suppress(OSError):
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._writer.transport.abort()
        self._server_writer.transport.abort()


@asynccontextmanager
async def bad_network(
    dsn: str, weights: Mapping[Fault, int], commit_weights: Mapping[Fault, int], *, seed: int = 1
) -> AsyncIterator[tuple[str, BadNetwork]]:
    """A connection string that leads to the server of `dsn` through a bad network, calm at first."""
    with psycopg.connect(dsn) as connection:
        info = connection.info
        path, account = f"{info.host}/.s.PGSQL.{info.port}", f"user={info.user} dbname={info.dbname}"
    network = BadNetwork(path, random.Random(seed), weights, commit_weights)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await network.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"host=127.0.0.1 port={port} {account}", network
    finally:
        server.close()
        network.close()
        await asyncio.gather(*tasks, return_exceptions=True)
