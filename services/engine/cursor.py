"""Opaque cursors: reading what the database wrote (`db.cursors`), and refusing everything else."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import orjson

from db.cursors import DIGEST_BYTES
from services.engine.errors import Problem, bad_request

_LONGEST = 4_096
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Cursor:
    """A verified cursor: the query it belongs to, its direction, and the sort values and id it points at."""

    query: str
    backward: bool
    keys: tuple[str | None, ...]

    @property
    def nulls(self) -> tuple[bool, ...]:
        """Tell which keys are null."""
        return tuple(key is None for key in self.keys)


@dataclass(frozen=True, slots=True)
class CursorCodec:
    """Cursors under one key, those under `earlier` ones read too; they expire after `days` (S3-180)."""

    key: bytes
    days: int = 7
    earlier: tuple[bytes, ...] = ()

    def beginning(self, query: str, *, backward: bool, now: float) -> bytes:
        """Return the start of the payload that every cursor of one page shares."""
        direction = "p" if backward else "n"
        return f'{{"v":1,"q":"{query}","t":{_day(now)},"d":"{direction}","k":'.encode()

    def decode(self, text: str, now: float) -> Cursor:
        """Return the cursor behind `text`; raises the 400 problem if it is malformed, forged or expired."""
        if not text or len(text) > _LONGEST:
            raise _malformed()
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            raise _malformed() from None
        payload, digest = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not any(_matches(key, payload, digest) for key in (self.key, *self.earlier)):
            raise _malformed()
        fields = orjson.loads(payload)
        if fields["t"] + self.days < _day(now):
            raise bad_request("The cursor has expired; start again without it.")
        return Cursor(fields["q"], fields["d"] == "p", tuple(fields["k"]))


def _matches(key: bytes, payload: bytes, digest: bytes) -> bool:
    return hmac.compare_digest(digest, hmac.digest(key, payload, "sha256")[:DIGEST_BYTES])


def fingerprint(text: str, values: list[bytes | None]) -> str:
    """Return the short name of a query: its shape and the values that narrow it."""
    digest = hashlib.blake2b(text.encode(), digest_size=9)
    for value in values:
        digest.update(b"\0" if value is None else b"\1" + value)
    return base64.urlsafe_b64encode(digest.digest()).decode()


def _day(now: float) -> int:
    return int(now // _SECONDS_PER_DAY)


def _malformed() -> Problem:
    return bad_request("The cursor is malformed; use one from a previous response.")
