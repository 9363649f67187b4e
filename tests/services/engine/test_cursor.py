"""The cursor codec: what it wrote it reads, and nothing else."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.cursor import Cursor, CursorCodec, fingerprint
from services.engine.errors import Problem

CODEC = CursorCodec(b"k" * 32, days=2)
NOW = 1_800_000_000.0
DAY = 86_400


def signed(payload: bytes, key: bytes = CODEC.key) -> str:
    """Return a cursor as the database writes it."""
    digest = hmac.digest(key, payload, hashlib.sha256)[:12]
    return base64.urlsafe_b64encode(payload + digest).decode().rstrip("=")


def written(
    keys: str = '["2026-01-01 00:00:00+00", "x"]', *, backward: bool = False, now: float = NOW
) -> str:
    return signed(CODEC.beginning("query", backward=backward, now=now) + keys.encode() + b"}")


def test_a_cursor_says_where_it_stands() -> None:
    """S3-178, C-22."""
    assert CODEC.decode(written(), NOW) == Cursor("query", False, ("2026-01-01 00:00:00+00", "x"))
    back = CODEC.decode(written('[null, "x"]', backward=True), NOW)
    assert back == Cursor("query", True, (None, "x"))
    assert back.nulls == (True, False)


def test_padding_may_be_kept() -> None:
    """S3-177."""
    text = written()

    assert CODEC.decode(text + "=" * (-len(text) % 4), NOW) == CODEC.decode(text, NOW)


@pytest.mark.parametrize(
    ("later", "alive"), [(0, True), (2 * DAY, True), (3 * DAY, False), (400 * DAY, False)]
)
def test_a_cursor_expires(later: float, alive: bool) -> None:
    """S3-180: after whole days."""
    if alive:
        assert CODEC.decode(written(), NOW + later).query == "query"
    else:
        with pytest.raises(Problem, match="expired"):
            CODEC.decode(written(), NOW + later)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "\0",
        "a" * 5000,
        signed(b"{}", b"another key"),
        signed(b"", b"other"),
        base64.b64encode(b"{}").decode(),
    ],
)
def test_what_this_key_did_not_write_is_refused(text: str) -> None:
    """S3-180."""
    with pytest.raises(Problem, match="malformed"):
        CODEC.decode(text, NOW)


@given(st.text(max_size=200))
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    """S3-180."""
    with pytest.raises(Problem, match="malformed"):
        CODEC.decode(text, NOW)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_every_changed_byte_is_noticed(place: int, change: int) -> None:
    """S3-177."""
    raw = bytearray(base64.urlsafe_b64decode(written() + "=="))
    raw[place % len(raw)] ^= change

    with pytest.raises(Problem, match="malformed"):
        CODEC.decode(base64.urlsafe_b64encode(bytes(raw)).decode(), NOW)


def test_fingerprints_tell_queries_and_values_apart() -> None:
    """C-22."""
    prints = {
        fingerprint("a", []),
        fingerprint("b", []),
        fingerprint("a", [None]),
        fingerprint("a", [b""]),
        fingerprint("a", [b"x"]),
        fingerprint("a", [b"x", b"y"]),
        fingerprint("a", [b"xy"]),
    }

    assert len(prints) == 7
    assert all(len(item) == 12 for item in prints)
