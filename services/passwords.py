"""Passwords: argon2id with parameters for what people choose, in the same time for whoever is unknown."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.engine.errors import Invalid, Problem, Slug

_T = TypeVar("_T")

SHORTEST, LONGEST = 12, 1_024
PATTERN = rf"^\S.{{{SHORTEST - 2},{LONGEST - 2}}}\S$"
"""What a new password looks like at its plainest, as clients are told."""

# RFC 9106, section 4, second recommended option: 64 MiB, three passes, four lanes.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)

# The hash of a random password that nobody knows, made with these parameters.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$pekslhjm178+Y0+ry86UJg$TcwHfGR6I7zewgvRbNDnOh7dYAQkj3/oXrZXiHeuXMc"

# Each takes 64 MiB, whatever else the server does.
_MOST_AT_ONCE, _MOST_WAITING = 2, 100
_threads = ThreadPoolExecutor(_MOST_AT_ONCE, "passwords")
_under_way = 0


def given(text: str) -> str | Invalid:
    """Return a password as it is compared: in Unicode's form NFC, without white space around it.

    What is absurdly long is never hashed.
    """
    if len(text) > LONGEST:
        return Invalid("too_long", f"A password has at most {LONGEST} characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Invalid("invalid_format", "This is no text.")
    return unicodedata.normalize("NFC", text).strip()


def chosen(text: str) -> str | Invalid:
    """Return a new password as it is compared; its length is all that is asked of it (NIST SP 800-63B)."""
    found = given(text)
    if isinstance(found, str) and len(found) < SHORTEST:
        return Invalid("too_short", f"A password has at least {SHORTEST} characters.")
    return found


async def hashed(password: str) -> str:
    """Return the argon2id hash of a password in normal form; raises the 503 problem where too many wait."""
    return await _thread(lambda: _HASHER.hash(password))


def hash_now(password: str) -> str:
    """Return the same where nobody waits meanwhile."""
    return _HASHER.hash(password)


def verified_now(password: str, stored: str) -> bool:
    """Tell whether a password is the one behind a hash, where nobody waits meanwhile."""
    return _is_right(password, stored)


async def verified(password: str, stored: str | None) -> bool:
    """Tell whether a password is the one behind a hash, in the same time where there is none.

    Raises the 503 problem where too many wait.
    """
    right = await _thread(lambda: _is_right(password, stored or _NOBODYS))
    return right and stored is not None


def _is_right(password: str, stored: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


async def _thread(work: Callable[[], _T]) -> _T:
    global _under_way
    if _under_way >= _MOST_WAITING:
        raise Problem(Slug.SERVICE_UNAVAILABLE, "Too many are logging in at the moment.", retry_after=1)
    _under_way += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _under_way -= 1
