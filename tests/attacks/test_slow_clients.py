"""Slow clients: whoever keeps the server waiting is let go, and nobody else is."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from diptych import patience
from diptych.edge import Application
from diptych.patience import SLOWEST
from tests.attacks.arena import Arena
from tests.attacks.wire import Wire, request, serving

PATIENCE = 0.4
BODY = b'{"name": "Slow brand"}'
LENGTH = f"Content-Length: {len(BODY)}"
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
async def hasty(besieged: Application) -> AsyncIterator[Wire]:
    """A server with little patience."""
    async with serving(besieged, PATIENCE) as started:
        yield started


def bearer(arena: Arena) -> str:
    return f"Authorization: Bearer {arena.admin.token}"


async def test_a_connection_that_says_nothing_is_closed(hasty: Wire) -> None:
    """Promise 28."""
    line = await hasty.connect()

    assert await line.ends() == b""
    await line.close()


@pytest.mark.parametrize("beginning", [b"G", b"GET /api/v1/brands HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_half_a_head_is_answered_and_closed(hasty: Wire, beginning: bytes) -> None:
    """Promise 28."""
    line = await hasty.connect()
    await line.say(beginning)

    answer = await line.reply()

    assert answer is not None
    assert answer.problem(408)["code"] == "request-timeout"
    assert answer.header("connection") == "close"
    assert answer.header("x-content-type-options") == "nosniff"
    assert await line.ends() == b""
    await line.close()


async def test_a_head_that_drips_is_not_waited_for_longer(hasty: Wire) -> None:
    """Promise 28: what comes byte by byte is as late as what does not come."""
    line = await hasty.connect()
    await line.say(b"GET / HTTP/1.1\r\nX-Slow: ")
    sent = 0
    while not line.reader.at_eof() and sent < 200:
        await asyncio.sleep(0.02)
        if line.reader._buffer:  # type: ignore[attr-defined]
            break
        with contextlib.suppress(ConnectionError):
            await line.say(b"a")
        sent += 1
    answer = await line.reply()

    # What is sent to a closed connection may take its last words away.
    assert sent < 100
    assert answer is None or answer.problem(408)
    await line.close()


@pytest.mark.parametrize("part", [0, 5])
async def test_half_a_body_changes_nothing_and_is_closed(arena: Arena, hasty: Wire, part: int) -> None:
    """Promise 28: with a token that may write, so that the server does wait for the body."""
    with arena.untouched():
        line = await hasty.connect()
        await line.say(request("POST /api/v1/brands", bearer(arena), JSON, LENGTH, body=BODY[:part]))
        answer = await line.reply()

        assert answer is not None
        answer.problem(408)
        assert await line.ends() == b""
        await line.close()


async def test_a_body_that_nobody_waits_for_is_not_read_for_ever(hasty: Wire) -> None:
    """Promise 28: the refusal is sent at once, and the rest of the body is no reason to stay."""
    line = await hasty.connect()
    await line.say(request("POST /api/v1/brands", JSON, "Content-Length: 1000000"))
    answer = await line.reply()
    ending = asyncio.create_task(line.ends())
    while not ending.done():
        line.writer.write(b" ")
        await asyncio.sleep(0.05)

    assert answer is not None
    answer.problem(401)
    assert await ending == b""
    await line.close()


async def test_a_blank_line_now_and_then_keeps_no_connection_open(arena: Arena, hasty: Wire) -> None:
    """Promise 28: it ends the wait for the next request without beginning one."""
    line = await hasty.connect()
    await line.say(request("GET /health/live"))
    assert (await line.reply()).status == 200  # type: ignore[union-attr]
    await line.say(b"\r\n")

    assert await line.ends() == b""
    await line.close()


async def test_whoever_sends_steadily_is_waited_for(arena: Arena, hasty: Wire) -> None:
    """Promise 28: a poor connection is no attack."""
    body = b'{"name": "' + b"x" * (3 * SLOWEST) + b'"}'
    line = await hasty.connect()
    head = ("POST /api/v1/brands", bearer(arena), JSON, f"Content-Length: {len(body)}")
    with arena.untouched():
        await line.say(request(*head))
        # Twice as long as a client may be silent, and faster than the slowest.
        for start in range(0, len(body), SLOWEST // 4):
            await line.say(body[start : start + SLOWEST // 4])
            await asyncio.sleep(2 * PATIENCE / 12)
        answer = await line.reply()

    assert answer is not None
    assert answer.problem(422)["errors"] == {"name": ["too_long"]}
    await line.close()


async def test_requests_one_after_the_other_go_on_for_as_long_as_they_come(arena: Arena, hasty: Wire) -> None:
    line = await hasty.connect()
    for _ in range(8):
        await line.say(request("GET /api/v1/brands", bearer(arena)))
        answer = await line.reply()
        assert answer is not None
        assert answer.status == 200
        await asyncio.sleep(PATIENCE / 3)
    await line.close()


async def test_a_response_that_nobody_takes_is_not_kept_for_ever(
    arena: Arena, hasty: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 28: a reader who stops reading would hold memory without end."""
    # What the system takes for the client would count for it.
    monkeypatch.setattr(patience, "SLOWEST", 10**9)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(("127.0.0.1", hasty.port))
    connection.setblocking(False)
    asked = asyncio.create_task(
        asking(connection, request("GET /api/v1/products?per_page=100", bearer(arena)))
    )

    found = await asyncio.wait_for(asked, 20)
    connection.close()

    assert isinstance(found, ConnectionError)


async def asking(connection: socket.socket, one: bytes) -> Exception:
    """Ask and ask, never reading what is told, and return how that ended."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            await loop.sock_sendall(connection, one)
        except OSError as error:
            return error
        await asyncio.sleep(0.01)


async def test_whoever_takes_steadily_is_given_all(arena: Arena, hasty: Wire) -> None:
    """Promise 28: however much waits for a slow reader, as long as that does read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(("127.0.0.1", hasty.port))
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    one = request("GET /api/v1/products?per_page=100", bearer(arena))
    await loop.sock_sendall(connection, one * 30 + request("GET /health/live", "Connection: close"))
    taken, began = b"", loop.time()
    async with asyncio.timeout(60):
        while part := await loop.sock_recv(connection, 8_192):
            taken += part
            await asyncio.sleep(PATIENCE / 50)
    connection.close()

    assert taken.count(b"HTTP/1.1 200 OK") == 31
    assert loop.time() - began > 2 * PATIENCE
