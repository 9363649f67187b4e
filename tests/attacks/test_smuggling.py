"""Smuggling: bytes that two servers could read as different requests are read as none."""

import pytest

from tests.attacks.arena import Arena
from tests.attacks.wire import Wire, request

JSON = "Content-Type: application/json"
SECOND = request("DELETE /api/v1/brands/smuggled", "X-Request-Id: smuggled")
"""What must not be taken for a request of its own."""

AMBIGUOUS = {
    "two lengths": ["Content-Length: 0", f"Content-Length: {len(SECOND)}"],
    "the same length twice": ["Content-Length: 5", "Content-Length: 5"],
    "a list of lengths": [f"Content-Length: 0, {len(SECOND)}"],
    "a signed length": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "a length beyond all bounds": ["Content-Length: 99999999999999999999"],
    "a length with letters behind": ["Content-Length: 5x"],
    "an empty length": ["Content-Length:"],
    "a length and chunks": [f"Content-Length: {len(SECOND)}", "Transfer-Encoding: chunked"],
    "chunks and a length": ["Transfer-Encoding: chunked", f"Content-Length: {len(SECOND)}"],
    "an unknown coding": ["Transfer-Encoding: xchunked"],
    "chunks that are not the last coding": ["Transfer-Encoding: chunked, identity"],
    "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "a blank before the colon": ["Content-Length : 5"],
    "a folded header": ["X-Folded: a", " Content-Length: 5"],
    "a header without a name": [": 5"],
    "a header without a colon": ["Content-Length 5"],
    "a bare carriage return": ["X-A: a\rContent-Length: 5"],
    "a bare line feed in a value": ["X-A: a\nTransfer-Encoding: chunked"],
    "a zero byte in a value": ["X-A: a\0b"],
    "a control character in a name": ["X\x01A: a"],
    "a vertical tab around a coding": ["Transfer-Encoding:\x0bchunked"],
}


@pytest.mark.parametrize("case", AMBIGUOUS)
async def test_a_request_of_ambiguous_length_is_one_refusal(arena: Arena, wire: Wire, case: str) -> None:
    """Promise 29, CL.TE and TE.CL of every kind: one answer, and what stands behind is no request."""
    bearer = f"Authorization: Bearer {arena.admin.token}"
    raw = request("POST /api/v1/brands", bearer, JSON, *AMBIGUOUS[case], body=b"0\r\n\r\n" + SECOND)

    with arena.untouched():
        answers = await wire.send(raw)

    assert len(answers) == 1
    assert answers[0].problem(400)["code"] == "bad-request"
    assert answers[0].header("connection") == "close"
    assert "smuggled" not in str(answers)


@pytest.mark.parametrize(
    "body",
    [
        b"5;ext=\n\r\nhello\r\n0\r\n\r\n",
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\nhello",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_a_malformed_chunk_ends_the_connection(arena: Arena, wire: Wire, body: bytes) -> None:
    bearer = f"Authorization: Bearer {arena.admin.token}"
    raw = request("POST /api/v1/brands", bearer, JSON, "Transfer-Encoding: chunked", body=body + SECOND)

    with arena.untouched():
        answers = await wire.send(raw)

    assert [answer.status for answer in answers] == [400]
    assert "smuggled" not in str(answers)


LINES = {
    "no method": b" / HTTP/1.1",
    "an unknown method": b"SPY /api/v1/brands HTTP/1.1",
    "a lower-case method": b"get /api/v1/brands HTTP/1.1",
    "another protocol": b"GET /api/v1/brands HTTPS/1.1",
    "a blank in the path": b"GET /api/v1/brands x HTTP/1.1",
    "a high byte in the path": b"GET /api/v1/brands/\xff\xfe HTTP/1.1",
    "a zero byte in the path": b"GET /api/v1/brands/\0 HTTP/1.1",
    "no path": b"GET  HTTP/1.1",
    "an authority alone": b"GET api.example:443 HTTP/1.1",
    "a tunnel": b"CONNECT api.example:443 HTTP/1.1",
    "the preface of HTTP/2": b"PRI * HTTP/2.0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("case", LINES)
async def test_what_is_no_request_line_is_a_problem_and_no_crash(wire: Wire, case: str) -> None:
    """Promise 29: 400 and the end of the connection; nothing of the server shows."""
    answers = await wire.send(LINES[case] + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert len(answers) == 1
    assert answers[0].problem(400)["detail"] == "Invalid HTTP request received."


async def test_an_absolute_address_is_answered_by_its_path(wire: Wire) -> None:
    """RFC 9112, section 3.2.2: a host of the attacker's choice leads nowhere else."""
    (answer,) = await wire.send(request("GET http://evil.example/health/live", "Connection: close"))
    (refused,) = await wire.send(request("GET http://evil.example/api/v1/brands", "Connection: close"))

    assert answer.status == 200
    assert refused.problem(401)["instance"] == "/api/v1/brands"
    assert "evil" not in str(refused)


async def test_pipelined_requests_are_answered_in_their_order(arena: Arena, wire: Wire) -> None:
    bearer = f"Authorization: Bearer {arena.reader.token}"
    asked = [request("GET /api/v1/brands", bearer, f"X-Request-Id: no-{n}") for n in range(20)]
    last = request("GET /health/live", "Connection: close")

    answers = await wire.send(b"".join(asked) + last)

    assert [answer.header("x-request-id") for answer in answers[:-1]] == [f"no-{n}" for n in range(20)]
    assert [answer.status for answer in answers] == [200] * 21


async def test_an_upgrade_is_not_taken_up(arena: Arena, wire: Wire) -> None:
    """Attack 26: no websocket opens, neither by the older protocol nor by the newer one."""
    for protocol in ("graphql-ws", "graphql-transport-ws"):
        upgrade = (
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"Sec-WebSocket-Protocol: {protocol}",
        )
        line = await wire.connect()
        await line.say(request("GET /graphql", *upgrade))
        answer = await line.reply()

        assert answer is not None
        assert answer.status == 401
        assert answer.header("upgrade") is None
        await line.close()
