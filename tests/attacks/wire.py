"""Raw bytes to a real server on a real socket, in this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import uvicorn

from diptych.edge import Application
from diptych.protocol import Protocol

ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """One response as it stood on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the only value of a header, None where it is absent."""
        found = [value for known, value in self.headers if known == name]
        assert len(found) <= 1, found
        return found[0] if found else None

    def problem(self, status: int) -> dict[str, Any]:
        """Return the problem object after checking its status."""
        assert self.status == status, (self.status, self.body[:300])
        assert self.header("content-type") == "application/problem+json"
        found: dict[str, Any] = orjson.loads(self.body)
        assert found["status"] == status
        return found


@dataclass(frozen=True, slots=True)
class Wire:
    """The address of a running server."""

    port: int

    async def connect(self) -> "Line":
        """Open one connection."""
        return Line(*await asyncio.open_connection("127.0.0.1", self.port))

    async def send(self, raw: bytes) -> list[Reply]:
        """Send bytes over a connection of their own, and return all responses until the server closes it."""
        line = await self.connect()
        line.writer.write(raw)
        try:
            return await line.replies()
        finally:
            await line.close()


@dataclass(frozen=True, slots=True)
class Line:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, raw: bytes) -> None:
        """Send bytes."""
        self.writer.write(raw)
        await self.writer.drain()

    async def reply(self) -> Reply | None:
        """Return the next response, None if the server closed the connection instead."""
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            pairs = [line.partition(":") for line in lines]
            headers = [(name.lower(), value.strip()) for name, _, value in pairs]
            length = int(dict(headers).get("content-length", "0"))
            body = await self.reader.readexactly(length)
            return Reply(int(first.split(" ")[1]), headers, body)

    async def replies(self) -> list[Reply]:
        """Return every response until the server closes the connection."""
        found = []
        while (one := await self.reply()) is not None:
            found.append(one)
        return found

    async def ends(self) -> bytes:
        """Return what else comes until the server closes the connection."""
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(application: Application, patience: float = ANSWER_SECONDS) -> AsyncIterator[Wire]:
    """Serve an application whose lifespan is somebody else's, by the protocol of `diptych serve`."""
    config = uvicorn.Config(
        application,
        http=partial(Protocol, patience=patience),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve([listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        try:
            yield Wire(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await running


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request; its host is named, its length is not."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: api.example", *headers, "", ""]).encode("latin-1") + body
