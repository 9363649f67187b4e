"""Throttling: how many guesses at passwords and codes are judged at all, per account and per address.

Guesses are counted in PostgreSQL, without which nobody logs in: where nothing can be counted nothing is
judged. They are counted before they are judged and taken back if they were right.
"""

import hmac
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from db.queries import login_attempts as queries
from services.engine.errors import Problem, Slug
from services.engine.procedures import Desk
from services.engine.work import Work

MOST_PER_ACCOUNT, MOST_PER_ADDRESS = 5, 50

_PURPOSE = "login attempts"
# Whoever has an IPv6 address has as many as there are in its network of this size.
_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess that may be judged: the keys of its account and address, and when it was counted there."""

    account: bytes
    address: bytes
    account_moment: bytes
    address_moment: bytes


async def guess(desk: Desk, account: str) -> Guess:
    """Count a guess at an account, whether there is such a one or not; raises the 429 problem.

    `account` is its address in normal form, so that another spelling is no other account.
    """
    key = desk.deployment.derived(_PURPOSE)
    address = _key(key, "address", _network(desk.visit.address))
    noted = await _count(desk, address, MOST_PER_ADDRESS)
    named = _key(key, "account", account)
    return Guess(named, address, await _count(desk, named, MOST_PER_ACCOUNT), noted)


async def right(work: Work, guessed: Guess) -> None:
    """Forget the wrong guesses at an account whose owner has come, and that this one was a guess."""
    await work.rows(queries.FORGET, guessed.account)
    await work.rows(queries.TAKE_BACK, guessed.address, guessed.address_moment)


async def take_back(desk: Desk, guessed: Guess) -> None:
    """Let a guess count for none, and the earlier ones as they did."""
    await desk.rows(queries.TAKE_BACK, guessed.account, guessed.account_moment)
    await desk.rows(queries.TAKE_BACK, guessed.address, guessed.address_moment)


async def _count(desk: Desk, key: bytes, most: int) -> bytes:
    found = await desk.rows(queries.COUNT, key, b"%d" % most)
    if found:
        return found[0][0] or b""
    left = await desk.rows(queries.WAIT, key)
    seconds = max(int(left[0][0] or 1), 1)
    detail = "There were too many failures for this account, or from this address; try again later."
    raise Problem(Slug.RATE_LIMIT_EXCEEDED, detail, retry_after=seconds)


def _key(key: bytes, kind: str, text: str) -> bytes:
    """Return what stands for a person or an address in the database, which need not know them."""
    return f"{kind}:{hmac.digest(key, f'{kind} {text}'.encode(), 'sha256').hex()}".encode()


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or int(found) >> (128 - _IPV6_NETWORK_BITS))
    return str(found)
