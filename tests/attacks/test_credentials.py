"""Credentials: whatever is not exactly one live token is refused alike, cheaply, and before anything else."""

import asyncio
import json
import secrets

import pytest

from diptych.edge import Application, Edge
from schema.http import BATCH_LIMIT
from services import tokens
from services.engine.authenticate import Authenticator
from tests.attacks.arena import Arena
from tests.attacks.wire import Wire, request
from tests.support.application import driver_of
from tests.support.client import Answer, Client

FORGERIES = 2_000
TARGETS = [
    ("GET", "/api/v1/brands"),
    ("POST", "/api/v1/brands"),
    ("POST", "/graphql"),
    ("GET", "/api/v1/whoami"),
]


async def asked(client: Client, headers: list[tuple[str, str | bytes]]) -> list[Answer]:
    """Ask every kind of address with these headers and no other token."""
    body = b'{"query":"{ brands { totalCount } }","name":"X"}'
    kind = ("content-type", "application/json")
    return [
        await client.using(None).request(
            method, target, headers=[*headers, kind], body=body if method == "POST" else b""
        )
        for method, target in TARGETS
    ]


def shapes(raw: str) -> dict[str, list[tuple[str, str | bytes]]]:
    """Return wrong ways to show a right token, as headers."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in raw)
    head, tail = raw.rsplit("_", 1)
    return {
        "two equal ones": [("authorization", f"Bearer {raw}")] * 2,
        "two schemes": [("authorization", f"Bearer {raw}"), ("authorization", "Basic eDp5")],
        "a list": [("authorization", f"Bearer {raw}, Bearer {raw}")],
        "two keys": [("x-api-key", raw)] * 2,
        "a blank behind": [("authorization", f"Bearer {raw} ")],
        "two blanks": [("authorization", f"Bearer  {raw}")],
        "a tab": [("authorization", f"Bearer\t{raw}")],
        "a tab behind": [("authorization", f"Bearer {raw}\t")],
        "a line feed behind": [("authorization", f"Bearer {raw}\n".encode())],
        "a zero byte behind": [("authorization", f"Bearer {raw}\0".encode())],
        "quotes": [("authorization", f'Bearer "{raw}"')],
        "no scheme": [("authorization", raw)],
        "another scheme": [("authorization", f"Basic {raw}")],
        "Token": [("authorization", f"Token {raw}")],
        "nothing": [("authorization", "Bearer")],
        "a blank": [("authorization", "Bearer ")],
        "an empty header": [("authorization", "")],
        "an empty key": [("x-api-key", "")],
        "capitals": [("authorization", f"Bearer {raw.upper()}")],
        "capital digits": [("authorization", f"Bearer {head}_{tail.upper()}")],
        "full width": [("authorization", f"Bearer {wide}".encode())],
        "a soft hyphen": [("authorization", f"Bearer {head}_\u00ad{tail}".encode())],
        "a combining mark": [("authorization", f"Bearer {raw}\u0301".encode())],
        "a Cyrillic letter": [("authorization", f"Bearer {raw.replace('e', chr(0x435), 1)}".encode())],
        "percent signs": [("authorization", f"Bearer {raw.replace('_', '%5F')}")],
        "one character less": [("authorization", f"Bearer {raw[:-1]}")],
        "one character more": [("authorization", f"Bearer {raw}0")],
        "another environment": [("authorization", f"Bearer {raw.replace('_test_', '_prod_')}")],
        "another application": [("authorization", f"Bearer x{raw}")],
        "an invitation": [("authorization", f"Bearer {raw.replace('dip_', 'dipinvite_')}")],
        "in another header": [
            ("x-auth-token", raw),
            ("token", raw),
            ("proxy-authorization", f"Bearer {raw}"),
        ],
        "as a user name": [
            ("authorization", "Basic " + __import__("base64").b64encode(f"{raw}:".encode()).decode())
        ],
        "under another cookie": [("cookie", f"token={raw}"), ("origin", "http://api.example.com")],
    }


NAMES = list(shapes("dip_test_e0"))


@pytest.mark.parametrize("shape", NAMES)
async def test_a_right_token_shown_wrongly_is_none(arena: Arena, shape: str) -> None:
    """Attack 41: 401 on both surfaces, and the token that came is not told back."""
    raw = arena.admin.token or ""
    with arena.untouched():
        answers = await asked(arena.anybody, shapes(raw)[shape])

    for answer in answers:
        assert answer.status == 401, (shape, answer.body)
        assert b"invalid-token" in answer.body
        assert raw.encode() not in answer.body
        assert (answer.header("www-authenticate") or "").startswith("Bearer")


async def test_a_token_in_the_address_or_in_the_body_is_none(arena: Arena) -> None:
    """Attack 41: addresses are written to logs and histories, so no token is ever taken from one."""
    raw = arena.admin.token or ""
    anybody = arena.anybody
    with arena.untouched():
        for name in ("access_token", "token", "api_key", "key", "authorization", "bearer"):
            for target in ("/api/v1/brands", "/graphql"):
                answer = await anybody.get(f"{target}?{name}={raw}")
                assert answer.status == 401
                assert raw.encode() not in answer.body
            answer = await anybody.post("/api/v1/brands", {"name": "X", name: raw})
            assert answer.status == 401
            answer = await anybody.post("/graphql", {"query": "{ brands { totalCount } }", name: raw})
            assert answer.status == 401


async def test_two_tokens_that_differ_are_refused(arena: Arena) -> None:
    """Attack 41, C-02: whichever a proxy would have believed."""
    both = [("authorization", f"Bearer {arena.admin.token}"), ("x-api-key", arena.stranger.token or "")]
    with arena.untouched():
        for answer in await asked(arena.anybody, [*both]):
            assert answer.status == 400
            assert b"different tokens" in answer.body


@pytest.mark.parametrize("size", [600, 20_000])
async def test_a_long_credential_costs_no_question(arena: Arena, besieged: Application, size: int) -> None:
    """Attacks 40 and 41: it is refused by its length before anything is computed of it."""
    driver = driver_of(besieged)
    before = driver.statements_sent
    for header in (("authorization", "Bearer " + "a" * size), ("x-api-key", "dip_test_" + "0" * size)):
        for answer in await asked(arena.anybody, [header]):
            assert answer.status == 401
    assert driver.statements_sent == before


async def test_a_megabyte_of_credential_ends_the_connection(wire: Wire) -> None:
    """Attack 41: nobody reads it to its end."""
    for name in ("Authorization: Bearer ", "X-API-Key: ", "Cookie: access_token="):
        line = await wire.connect()
        line.writer.write(request("GET /api/v1/brands", name + "a" * 1_000_000))
        answer = await line.reply()
        assert answer is not None
        assert answer.problem(431)["code"] == "request-headers-too-large"
        await line.close()


class Counted:
    """How often argon2id ran."""

    def __init__(self, authenticator: Authenticator) -> None:
        self.runs, self._verify = 0, authenticator._verify

    def __call__(self, raw: str, stored: str) -> bool:
        self.runs += 1
        return self._verify(raw, stored)


async def test_forged_tokens_are_refused_without_a_hash(
    arena: Arena, besieged: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 40, promise 19: with lookup keys of live tokens and of none, over the whole application.

    `python -m tests.attacks.forging` sends a hundred thousand of them.
    """
    assert isinstance(besieged, Edge)
    counted, driver = Counted(besieged._authenticator), driver_of(besieged)
    monkeypatch.setattr(besieged._authenticator, "_verify", counted)
    live = (arena.admin.token or "")[:25]
    before = driver.statements_sent
    heads = [live, "dip_test_" + secrets.token_hex(8)]

    async def one(head: str) -> int:
        body = head + secrets.token_hex(32)
        return (await arena.anybody.using(body + tokens._checksum(body)).get("/api/v1/brands")).status

    told = set()
    for start in range(0, FORGERIES, 100):
        told |= set(await asyncio.gather(*(one(heads[(start + n) % 2]) for n in range(100))))

    assert told == {401}
    assert counted.runs == 0
    assert driver.statements_sent - before == FORGERIES
    assert (await arena.admin.get("/api/v1/whoami")).status == 200


async def test_a_wrong_checksum_asks_nobody(arena: Arena, besieged: Application) -> None:
    """Attack 40, C-02."""
    driver = driver_of(besieged)
    before = driver.statements_sent
    for _ in range(200):
        raw = f"dip_test_{secrets.token_hex(44)}"
        assert (await arena.anybody.using(raw).get("/api/v1/brands")).status == 401

    assert driver.statements_sent == before


async def test_dead_and_unknown_tokens_are_refused_in_the_same_words(arena: Arena) -> None:
    """Attack 25, S3-059: whether it was revoked, has expired, or never was."""
    from datetime import UTC, datetime, timedelta

    from tests.support.workshop import Workshop

    shop = Workshop(arena.anybody, arena.seed.database)
    past = datetime.now(UTC) - timedelta(days=1)
    head = "dip_test_" + secrets.token_hex(40)
    clients = [
        shop.holder("all:read", revoked_at=past, deleted_at=past),
        shop.holder("all:read", expires_at=past),
        arena.anybody.using(head + tokens._checksum(head)),
        arena.anybody.using("dip_test_" + "0" * 88),
        arena.anybody.using("nonsense"),
    ]
    told = set()
    for client in clients:
        problem = (await client.get("/api/v1/brands")).problem(401)
        told.add(json.dumps({**problem, "request_id": ""}))
    assert len(told) == 1


async def test_whatever_is_wrong_besides_a_dead_token_hears_of_nothing_else(arena: Arena) -> None:
    """Attack 25: 401 comes before every other refusal, on every kind of mistake."""
    for answer in [
        await arena.anybody.get("/api/v1/brands?nope=1"),
        await arena.anybody.get("/api/v1/nothing"),
        await arena.anybody.request("PATCH", "/api/v1/brands/search"),
        await arena.anybody.request(
            "POST", "/api/v1/brands", body=b"{", headers=[("content-type", "text/plain")]
        ),
        await arena.anybody.request("POST", "/api/v1/brands", body=b" " * 1_048_577),
        await arena.anybody.post("/graphql", {"query": "{ nope }"}),
        await arena.anybody.post("/graphql", [{"query": "{ a }"}] * (BATCH_LIMIT + 1)),
    ]:
        assert answer.status == 401, answer.body
