"""The log holds no secret, wherever in a record it stands."""

import json
import logging
import sys
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from diptych.logs import JsonLines
from diptych.redaction import REDACTED, redacted, without_secrets
from diptych.runtime import precheck_key
from services import tokens
from services.engine.read import Reader
from services.tokens import Environment
from tests.support import seed as seeding
from tests.support.application import running
from tests.support.client import Client

CANARY = "canary8f1d"
TOKEN = tokens.generate(Environment.PROD, b"k" * 32).raw

HIDDEN = [
    f"Authorization: Bearer {CANARY}",
    f"authorization:Basic {CANARY}==",
    f"Cookie: a={CANARY}; b=2{CANARY}",
    f"Set-Cookie: session={CANARY}; HttpOnly",
    f"X-API-Key: {CANARY}",
    f"sent Bearer {CANARY} to it",
    f"[(b'authorization', b'Bearer {CANARY}'), (b'accept', b'*/*')]",
    f"[(b'cookie', b'session={CANARY}')]",
    f"{{'x-api-key': '{CANARY}'}}",
    f'{{"password": "{CANARY}", "name": "x"}}',
    f'{{"password": "with \\"quotes\\" {CANARY}"}}',
    f"password={CANARY}",
    f"password='two words {CANARY}'",
    f"passwd: {CANARY}",
    f"PGPASSWORD={CANARY}",
    f"DIPTYCH_SECRET_KEY={CANARY}",
    f"client_secret={CANARY}&grant_type=x",
    f"access_token={CANARY}",
    f"recovery_codes: {CANARY}",
    f"postgresql://diptych:{CANARY}@db.example:5432/x?sslmode=require",
    f"redis://:{CANARY}@cache.example/0",
    f"postgresql+psycopg://diptych:a@b:{CANARY}@db.example/x",
    f"connection to 'postgresql://u:{CANARY}@h/d' failed",
]
SHOWN = [
    "The body is larger than 1048576 bytes.",
    "Bearer tokens are shown once.",
    "GET /api/v1/tokens/0af7651916cd43dd8448eb211c80319c",
    "request 3f2b8c1e-0000-4000-8000-000000000000 failed",
    "the password is wrong",
    "https://api.example.com:8443/api/v1/products?page=2",
    "dip_prod is the beginning of it",
    "postgresql://db.example:5432/diptych",
    "column logo_url does not exist",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_secrets_are_taken_out_of_texts(text: str) -> None:
    """S3-135: and they stay out of what is redacted twice."""
    found = redacted(f"before\n{text}\nafter")

    assert CANARY not in found
    assert REDACTED in found
    assert found.startswith("before\n")
    assert found.endswith("\nafter")
    assert redacted(found) == found


@pytest.mark.parametrize("text", SHOWN)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("frame", ["{}", "'{}'", "b'{}'", "x={}&y=1", "{}.", "a {} b", "[{}]", "k:{}"])
def test_a_token_is_found_in_whatever_surrounds_it(frame: str) -> None:
    found = redacted(frame.format(TOKEN))

    assert found == frame.format(f"dip_prod_{REDACTED}")
    assert TOKEN[9:25] not in found


def test_values_are_hidden_by_their_names_however_deep() -> None:
    given = {"a": [{"password": CANARY, "n": 1}], "cookie": {"x": CANARY}, "b": CANARY.encode(), "ok": True}

    found = without_secrets(given)

    assert found == {"a": [{"password": REDACTED, "n": 1}], "cookie": REDACTED, "b": CANARY, "ok": True}


def test_an_endless_text_is_redacted_in_reasonable_time() -> None:
    """No pattern backtracks: ten times the text takes about ten times as long, not a hundred times."""
    text = "password='" * 20_000 + "a" * 100_000 + "://" * 20_000 + "bearer " * 20_000

    assert len(redacted(text)) <= len(text) * 3


def line(record: logging.LogRecord) -> str:
    return JsonLines().format(record)


def record(**more: object) -> logging.LogRecord:
    made = logging.getLogger("trial").makeRecord(
        "trial", logging.ERROR, "f", 1, "%s and %r", ("a", TOKEN), None
    )
    vars(made).update(more)
    return made


def test_arguments_extras_tracebacks_and_stacks_are_redacted() -> None:
    try:
        raise ValueError(f"connecting to postgresql://u:{CANARY}@h failed with {TOKEN}")
    except ValueError:
        failure = sys.exc_info()
    made = record(
        headers={"authorization": f"Bearer {CANARY}"}, exc_info=failure, stack_info=f"password={CANARY}"
    )

    text = line(made)

    told = json.loads(text)
    assert CANARY not in text
    assert TOKEN[9:] not in text
    assert told["event"] == f"a and 'dip_prod_{REDACTED}'"
    assert told["headers"] == {"authorization": REDACTED}
    assert "ValueError: connecting to postgresql://u:" in told["exception"]
    assert "stack" in told


# Through a request that fails


@pytest.fixture
async def failing(database: str) -> AsyncIterator[Client]:
    """A client of a server whose brands lost a column, so that asking for them fails."""
    with psycopg.connect(database) as connection:
        found = connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a') RETURNING id")
        (workspace,) = found.fetchone() or (None,)
        token = seeding.add_token(
            connection, workspace, ["all:write"], precheck_key(seeding.settings(database))
        )
        connection.execute("ALTER TABLE brands DROP COLUMN logo_url")
    async with running(database) as application:
        yield Client(application, token)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, sent: client.get("/api/v1/brands", headers=sent),
        lambda client, sent: client.post("/api/v1/brands", {"name": "x", "slug": CANARY}, headers=sent),
        lambda client, sent: client.post(
            "/graphql", {"query": "{ brands { nodes { logoUrl } } }"}, headers=sent
        ),
    ],
    ids=["read", "write", "graphql"],
)
async def test_a_failing_request_leaves_none_of_its_secrets_in_the_log(
    failing: Client, caplog: pytest.LogCaptureFixture, ask: Callable
) -> None:
    """Promise 20."""
    sent = [("cookie", f"session={CANARY}"), ("x-api-key", failing.token or "")]

    answer = await ask(failing, sent)

    assert b"INTERNAL_ERROR" in answer.body or answer.status == 500
    assert caplog.records
    for each in caplog.records:
        text = line(each)
        assert CANARY not in text
        assert (failing.token or "")[9:] not in text


async def test_what_an_exception_quotes_of_a_request_is_redacted(
    failing: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst case: an error that quotes the whole request."""

    async def fail(self: Reader, caller: object, *_: object, **__: object) -> None:
        raise RuntimeError(f"cannot read for {failing.token} with Authorization: Bearer {failing.token}")

    monkeypatch.setattr(Reader, "read", fail)

    (await failing.get("/api/v1/brands")).problem(500)

    (told,) = [line(each) for each in caplog.records]
    assert "cannot read for dip_test_" in told
    assert (failing.token or "")[9:] not in told
