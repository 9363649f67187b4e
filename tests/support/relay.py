"""A TCP port in front of the server, whose connections a test may cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg


@asynccontextmanager
async def relayed(dsn: str, port: int = 0) -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """A TCP port on 127.0.0.1 that leads to the server's unix socket, and its client sides to cut."""
    with psycopg.connect(dsn) as connection:
        path = f"{connection.info.host}/.s.PGSQL.{connection.info.port}"
    clients: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[None]] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        tasks.append(asyncio.create_task(copy(reader, server_writer)))
        tasks.append(asyncio.create_task(copy(server_reader, writer)))

    relay = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield relay.sockets[0].getsockname()[1], clients
    finally:
        relay.close()
        for writer in clients:
            writer.close()
        await asyncio.gather(*tasks, return_exceptions=True)
