"""HTTP over one kept connection, as a client sees it whose server may vanish at any moment."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson


class Lost(Exception):
    """The connection ended before the answer was whole; nobody knows what became of the request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)


class Line:
    """One connection to a port of this machine, opened anew whenever it was lost."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Reply:
        """Return the answer to one request; raises Lost."""
        sent = b"" if body is None else orjson.dumps(body)
        try:
            reader, writer = await self._open()
            writer.write(self._head(method, path, headers, len(sent)) + sent)
            return await _read(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost(str(error)) from error
        except BaseException:
            # What is answered later must not be taken for the answer to something else.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, which the next request opens anew."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        return self._reader, self._writer

    def _head(self, method: str, path: str, headers: dict[str, str], length: int) -> bytes:
        told = {
            "Host": "127.0.0.1",
            "Authorization": f"Bearer {self._token}",
            "Content-Length": str(length),
            **({"Content-Type": "application/json"} if length else {}),
            **headers,
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(first.split(" ")[1]), headers, body)
