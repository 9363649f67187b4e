"""The log under attack: one line per event at most, whatever a request holds, and nothing of its making."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from diptych.edge import Application
from tests.attacks.arena import Arena, graphql
from tests.attacks.wire import Wire, request
from tests.support.logged import logged

FORGED = '{"level":"critical","event":"forged"}'
CONTROLS = ["\r\n" + FORGED, "\n" + FORGED, "\x1b[2J", "\x00", "\x7f", "\u2028", "\u0085", "\t", "%0d%0aX: y"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a server would write to its standard error."""
    with logged(logging.WARNING) as written:
        yield written


def lines(log: io.StringIO) -> list[dict[str, object]]:
    """Return what was logged; a line that is no JSON object fails the test."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.parametrize("text", CONTROLS, ids=repr)
async def test_a_request_id_that_could_forge_a_line_is_replaced(arena: Arena, text: str) -> None:
    """C-65: neither the header that comes back nor the problem nor the log holds it."""
    sent = [("x-request-id", text.encode())]
    answer = await arena.reader.get("/api/v1/brands?nope=1", headers=sent)

    found = answer.problem(400)["request_id"]
    assert found == answer.header("x-request-id")
    assert len(found) == 36
    assert "forged" not in str(answer.headers)


@pytest.mark.parametrize("name", ["X-Request-Id", "Traceparent", "X-Workspace-Id", "Origin", "If-None-Match"])
async def test_no_header_comes_back_as_two(wire: Wire, arena: Arena, name: str) -> None:
    """A header value cannot end its line, however it is folded or encoded."""
    bearer = f"Authorization: Bearer {arena.reader.token}"
    for value in ("a%0d%0aX-Split: 1", "a\\r\\nX-Split: 1", "a\x85X-Split: 1", "\xe2\x80\xa8X-Split: 1"):
        (answer,) = await wire.send(
            request("GET /api/v1/brands", bearer, f"{name}: {value}", "Connection: close")
        )
        assert answer.status in (200, 400, 404)
        assert answer.header("x-split") is None


@pytest.mark.parametrize("text", CONTROLS, ids=repr)
async def test_a_failure_is_one_line_whatever_the_path_says(
    arena: Arena, besieged: Application, log: io.StringIO, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3-132: what the log tells of a failing request cannot pass for a line of its own."""

    def fail(*_: object) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(type(besieged._rest), "answer", fail)  # type: ignore[attr-defined]
    answer = await arena.reader.get(
        f"/api/v1/brands/{text}?q={text}", headers=[("user-agent", text.encode())]
    )

    assert answer.problem(500)["code"] == "internal-error"
    (line,) = lines(log)
    assert line["event"] == "request failed"
    assert line["request_id"] == answer.header("x-request-id")
    assert log.getvalue().isascii()


async def test_a_flood_of_nonsense_writes_no_line(arena: Arena, wire: Wire, log: io.StringIO) -> None:
    """Attack 38: documents that do not parse or validate, bad bodies, unknown paths, wrong tokens."""
    documents = [
        "{",
        "{ nope }",
        "{ brands { nope } }",
        "query Q($a: Nope) { brands { totalCount } }",
        "}" * 50,
    ]
    for text in documents * 4:
        assert refused(await graphql(arena.reader, text))
    for target in ("/api/v1/nope", "/nope", "/api/v1/brands?nope=1", "/api/v1/brands/x"):
        assert (await arena.reader.get(target)).status in (400, 404)
    assert (await arena.reader.using("x" * 90).get("/api/v1/brands")).status == 401
    upgrade = ("Upgrade: h2c", "Connection: Upgrade, close")
    await wire.send(request("GET /health/live", *upgrade))

    assert lines(log) == []


async def test_bytes_that_are_no_request_write_one_line(wire: Wire, log: io.StringIO) -> None:
    """Attack 38."""
    for _ in range(3):
        await wire.send(b"\x16\x03\x01" + FORGED.encode() + b"\r\n\r\n")

    assert [line["event"] for line in lines(log)] == ["Invalid HTTP request received."] * 3


def refused(answer: object) -> bool:
    return b'"errors"' in answer.body  # type: ignore[attr-defined, no-any-return]
