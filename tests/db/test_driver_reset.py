"""Connections that are reset right behind their last bytes, or fall silent, on the event loop that serves."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import uvloop

from db.driver import DatabaseUnavailable, Driver, Statement

MANY_BYTES = Statement("select repeat('x', 1000) from generate_series(1, 100)")
NAP = Statement("select pg_sleep(0.5)")
ONE = Statement("select 1")
RESET = struct.pack("ii", 1, 0)


class Relay:
    """A TCP port before the server that passes its next bytes on and resets, or swallows them, once told."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.fatal = self.silent = False

    def serve(self) -> None:
        """Serve one connection after the other until the port is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._path)
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        with server, client, contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if not self.silent:
                    client.sendall(data[:200] if self.fatal else data)
                if self.fatal:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    # The other thread's waiting must end too, or the descriptor stays open.
                    client.shutdown(socket.SHUT_RD)
                    break


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        return
    finally:
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(dsn: str) -> Iterator[tuple[str, Relay]]:
    with psycopg.connect(dsn) as connection:
        info = connection.info
        path = f"{info.host}/.s.PGSQL.{info.port}"
        account = f"user={info.user} dbname={info.dbname}"
    relay = Relay(path)
    threading.Thread(target=relay.serve, daemon=True).start()
    port = relay.listener.getsockname()[1]
    try:
        yield f"host=127.0.0.1 port={port} {account}", relay
    finally:
        relay.listener.close()


async def _lose_within_a_run(dsn: str, relay: Relay) -> None:
    driver = Driver(dsn, size=1)
    try:
        async with driver.sessions.lease() as session:
            await session.run([(MANY_BYTES, ())])
            relay.fatal = True
            running = asyncio.ensure_future(session.run([(MANY_BYTES, ())]))
            await asyncio.sleep(0)
            # Bytes and reset both arrive while the loop does not look.
            time.sleep(0.3)  # noqa: ASYNC251
            with pytest.raises(DatabaseUnavailable):
                await asyncio.wait_for(running, 2)
    finally:
        await driver.close()


async def _lose_within_a_fetch(dsn: str, relay: Relay) -> None:
    driver = Driver(dsn, size=1)
    try:
        await driver.fetch(MANY_BYTES, ())
        relay.fatal = True
        running = asyncio.ensure_future(driver.fetch(MANY_BYTES, (), idempotent=False))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251
        relay.fatal = False
        with pytest.raises(DatabaseUnavailable):
            await asyncio.wait_for(running, 2)
        assert len(await driver.fetch(MANY_BYTES, ())) == 100
    finally:
        await driver.close()


async def _wait_within_a_run(dsn: str, relay: Relay) -> None:
    driver = Driver(dsn, size=1, statement_timeout=0.2)
    try:
        async with driver.sessions.lease() as session:
            await session.run([(MANY_BYTES, ())])
            relay.silent = True
            with pytest.raises(DatabaseUnavailable, match=r"no answer for 1\.2 s"):
                await asyncio.wait_for(session.run([(MANY_BYTES, ())]), 5)
    finally:
        await driver.close()


async def _wait_within_a_fetch(dsn: str, relay: Relay) -> None:
    driver = Driver(dsn, size=1, statement_timeout=0.2)
    try:
        await driver.fetch(MANY_BYTES, ())
        relay.silent = True
        with pytest.raises(DatabaseUnavailable, match=r"no answer for 1\.2 s"):
            await asyncio.wait_for(driver.fetch(MANY_BYTES, (), idempotent=False), 5)
        relay.silent = False
        assert len(await driver.fetch(MANY_BYTES, ())) == 100
    finally:
        await driver.close()


@pytest.mark.parametrize("lose", [_wait_within_a_run, _wait_within_a_fetch])
def test_a_server_that_falls_silent_is_given_up(empty_database: str, lose: object) -> None:
    with relayed(empty_database) as (dsn, relay):
        uvloop.run(lose(dsn, relay))


async def _answer_slowly(dsn: str) -> None:
    driver = Driver(dsn, size=1, statement_timeout=0.8)
    try:
        first = asyncio.gather(*(driver.fetch(NAP, (), idempotent=False) for _ in range(8)))
        async with driver.sessions.lease() as session:
            await session.run([(NAP, ())])
            # Longer than anything is waited for.
            await asyncio.sleep(4)
            assert session.idle
            assert await session.run([(ONE, ())]) == [[(b"1",)]]
        assert len(await first) == 8
    finally:
        await driver.close()


def test_a_server_that_is_slow_or_not_asked_is_not_given_up(empty_database: str) -> None:
    uvloop.run(_answer_slowly(empty_database))


@pytest.mark.parametrize("lose", [_lose_within_a_run, _lose_within_a_fetch])
def test_a_reset_right_behind_the_last_bytes_is_noticed(empty_database: str, lose: object) -> None:
    with relayed(empty_database) as (dsn, relay):
        uvloop.run(lose(dsn, relay))
