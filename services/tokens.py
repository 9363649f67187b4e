"""Tokens: their format, their hashes, and what a raw token is checked against.

A raw token is `{app}_{env}_` + 16 hex digits of lookup key + 64 of secret + 8 of CRC-32 over all before. The
key finds the row, the checksum refuses typing errors without any I/O, a keyed four-byte precheck refuses
forged secrets before argon2id, and argon2id proves the rest.
"""

import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.engine.deployment import Deployment

APP = "dip"
INVITATION = "dipinvite"
"""Stands where `dip` does in tokens that open no workspace but let somebody in for good."""

PREFIX_LENGTH = 12

# A token carries 256 bits of entropy, so the smallest parameters OWASP names are ample.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_PATTERN = re.compile(r"([a-z][a-z0-9]{0,15})_(prod|dev|test)_([0-9a-f]{16})([0-9a-f]{64})([0-9a-f]{8})")
_PRECHECK_BYTES = 4


class Environment(StrEnum):
    """Where a token was issued; it is refused elsewhere (C-03)."""

    PROD = "prod"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh token: the raw text, shown once, and what is stored of it."""

    raw: str
    prefix: str
    key: str
    hash: str
    precheck: bytes


def generate(environment: Environment, precheck_key: bytes, app: str = APP) -> NewToken:
    """Return a fresh token."""
    key = secrets.token_hex(8)
    head = f"{app}_{environment}_{key}{secrets.token_hex(32)}"
    raw = head + _checksum(head)
    return NewToken(raw, raw[:PREFIX_LENGTH], key, _HASHER.hash(raw), precheck(raw, precheck_key))


def lookup_key(raw: str, environment: Environment, app: str = APP) -> str | None:
    """Return the lookup key of a well-formed token of this environment, without any I/O."""
    found = _PATTERN.fullmatch(raw)
    if found is None or found[1] != app or found[2] != environment:
        return None
    return found[3] if hmac.compare_digest(_checksum(raw[:-8]), found[5]) else None


def precheck(raw: str, key: bytes) -> bytes:
    """Return the keyed four bytes that a forged secret misses in all but one of 2**32 cases."""
    return hmac.digest(key, raw.encode(), "sha256")[:_PRECHECK_BYTES]


def verify(raw: str, stored: str) -> bool:
    """Tell whether `raw` is the token behind the argon2id hash `stored`; takes tens of milliseconds."""
    try:
        return _HASHER.verify(stored, raw)
    except (VerificationError, InvalidHashError):
        return False


def precheck_key(deployment: Deployment) -> bytes:
    """Return the key of the prechecks of one installation."""
    return precheck_keys(deployment)[0]


def precheck_keys(deployment: Deployment) -> tuple[bytes, ...]:
    """Return the same under every key of the installation, the present one first."""
    return deployment.every("token precheck")


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
