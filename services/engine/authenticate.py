"""Authentication: raw tokens to principals, verified once per process and proven live on every request."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson

from db.driver import DatabaseError, Driver, Row, Statement
from db.queries import tokens as queries
from services.engine.access import Principal
from services.engine.context import Caller, Identity, Person
from services.engine.encoding import decoded
from services.engine.errors import Problem, invalid_token
from services.engine.failures import failed
from services.engine.limits import Policy, policy_of
from services.engine.uses import Uses

_MOST_CACHED = 10_000
_MOST_HASHING = 2
_T = TypeVar("_T")


class Authenticator:
    """Verifies tokens against their stored hashes and remembers the verified ones.

    `lookup_key` returns a raw token's key or None, `precheck` its keyed four bytes, and `verify` compares it
    with an argon2id hash. `earlier` returns the prechecks under keys that came before, which are replaced as
    tokens are used. What is remembered is keyed by a digest under a per-process key, never the token.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        lookup_key: Callable[[str], str | None],
        precheck: Callable[[str], bytes],
        verify: Callable[[str, str], bool],
        uses: Uses | None = None,
        earlier: Callable[[str], Sequence[bytes]] = lambda _: (),
    ) -> None:
        self._driver = driver
        self._lookup_key, self._precheck, self._verify = lookup_key, precheck, verify
        self._earlier = earlier
        self.uses = uses or Uses()
        self._process_key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, tuple[str, Principal]] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[Principal]] = {}
        self._hashing = asyncio.Semaphore(_MOST_HASHING)

    async def authenticate(self, raw: str) -> tuple[Principal, bytes]:
        """Return the principal of `raw` and the digest it is remembered by; raises the 401 problem."""
        digest = hashlib.blake2b(raw.encode(), key=self._process_key, digest_size=16).digest()
        known = self._verified.get(digest)
        if known is not None:
            principal = known[1]
            self.uses.note(principal.token_id, principal.workspace_id)
            return principal, digest
        key = self._lookup_key(raw)
        if key is None:
            raise invalid_token()
        principal = await self._verifying(digest, key, raw)
        self.uses.note(principal.token_id, principal.workspace_id)
        return principal, digest

    async def _verifying(self, digest: bytes, key: str, raw: str) -> Principal:
        """Verify a token that is new here, once however many requests bring it at the same time."""
        begun = self._under_way.get(digest)
        if begun is None:
            begun = asyncio.ensure_future(self._verified_now(digest, key, raw))
            self._under_way[digest] = begun
            begun.add_done_callback(partial(self._end, digest))
        # Whoever began it may be cancelled; the others still wait for what comes of it.
        return await asyncio.shield(begun)

    def _end(self, digest: bytes, verified: "asyncio.Future[Principal]") -> None:
        self._under_way.pop(digest, None)
        if not verified.cancelled():
            # Whoever waited for it may be gone, and then nobody else asks what went wrong.
            verified.exception()

    async def _verified_now(self, digest: bytes, key: str, raw: str) -> Principal:
        row = await self._find(key)
        stored, present = row[4] or b"", self._precheck(raw).hex().encode()
        current = hmac.compare_digest(stored, present)
        if not current and not any(
            hmac.compare_digest(stored, each.hex().encode()) for each in self._earlier(raw)
        ):
            raise invalid_token()
        async with self._hashing:
            if not await asyncio.to_thread(self._verify, raw, decoded(row[3])):
                raise invalid_token()
        principal = self._remember(digest, key, row)
        if not current:
            self.uses.outdated(principal.token_id, principal.workspace_id, present)
        return principal

    async def confirm(self, principal: Principal, digest: bytes) -> Principal:
        """Return the principal as it is now, where no data statement proved it; raises the 401 problem."""
        parameters = (principal.workspace_id.encode(), principal.token_id.encode())
        rows = await self._fetch(queries.CONFIRM, parameters)
        version, tier = rows[0] if rows else (None, None)
        return self._in_tier(await self.renew(principal, digest, version), digest, tier)

    async def renewed(self, caller: Caller) -> bool:
        """Confirm the caller's token and tell whether its principal is another one now; raises the 401."""
        before = caller.principal
        caller.principal = await self.confirm(before, caller.credential)
        return caller.principal is not before

    async def admitted(self, caller: Caller, admit: Callable[[], _T]) -> _T:
        """Return what `admit` returns, and ask it again where its refusal rests on scopes that have changed.

        Raises its Problem, but only the 401 one to the owner of a dead token.
        """
        try:
            return admit()
        except Problem:
            if not await self.renewed(caller):
                raise
            return admit()
        finally:
            caller.proving = True

    async def is_current(self, caller: Caller, version: bytes | None, tier: bytes | None = None) -> bool:
        """Tell whether the token still has the `version` just read; renews the principal if it has not.

        The same goes for the `tier` of its workspace where that was read. Raises the 401 problem for a dead
        token, which has no version.
        """
        before = caller.principal
        if version is None or int(version) != before.version:
            caller.principal = await self.renew(before, caller.credential, version)
            return False
        caller.principal = self._in_tier(before, caller.credential, tier)
        return caller.principal is before

    def _in_tier(self, principal: Principal, digest: bytes, tier: bytes | None) -> Principal:
        """Return the principal whose workspace is in the tier just read."""
        if tier is None or tier.decode() == principal.tier:
            return principal
        moved = replace(principal, tier=tier.decode())
        known = self._verified.get(digest)
        if known is not None:
            self._verified[digest] = known[0], moved
        return moved

    async def workspace_slug(self, principal: Principal, digest: bytes) -> str:
        """Return the slug of the principal's workspace as it is now; raises the 401 problem."""
        parameters = (principal.workspace_id.encode(), principal.token_id.encode())
        rows = await self._fetch(queries.NAMED, parameters)
        await self.renew(principal, digest, rows[0][0] if rows else None)
        return decoded(rows[0][1])

    async def identify(self, caller: Caller) -> Identity:
        """Return who the caller is as of now, renewing its principal; raises the 401 problem."""
        before = caller.principal
        parameters = (before.workspace_id.encode(), before.token_id.encode())
        rows = await self._fetch(queries.IDENTIFY, parameters)
        caller.principal = await self.renew(before, caller.credential, rows[0][0] if rows else None)
        slug, workspace, name, prefix, kind, ends, *person = rows[0][1:]
        return Identity(
            before.workspace_id,
            decoded(slug),
            decoded(workspace),
            before.token_id,
            decoded(name),
            decoded(prefix),
            decoded(kind),
            None if ends is None else ends.decode(),
            tuple(sorted(caller.principal.scopes)),
            _person(*person),
        )

    async def renew(self, principal: Principal, digest: bytes, version: bytes | None) -> Principal:
        """Return the principal that fits the `version` just read, null for a dead token (401)."""
        if version is None:
            self._verified.pop(digest, None)
            raise invalid_token()
        if int(version) == principal.version:
            return principal
        known = self._verified.get(digest)
        if known is None:
            raise invalid_token()
        return self._remember(digest, known[0], await self._find(known[0]))

    async def _find(self, key: str) -> Row:
        rows = await self._fetch(queries.FIND, (key.encode(),))
        if not rows or rows[0][7] != b"t":
            raise invalid_token()
        return rows[0]

    async def _fetch(self, statement: Statement, parameters: tuple[bytes, ...]) -> list[Row]:
        try:
            return await self._driver.fetch(statement, parameters)
        except DatabaseError as error:
            raise failed(error) from error

    def _remember(self, digest: bytes, key: str, row: Row) -> Principal:
        id_, workspace, _prefix, _hash, _precheck, scopes, version, _live, user, *rest = row
        above, trusted_only, tier, *limits = rest
        principal = Principal(
            decoded(id_),
            decoded(workspace),
            frozenset(orjson.loads(scopes or b"[]")),
            int(version or 0),
            _policy(*limits),
            None if user is None else user.decode(),
            above == b"t",
            decoded(tier),
            trusted_only == b"t",
        )
        self._verified[digest] = key, principal
        if len(self._verified) > _MOST_CACHED:
            self._verified.popitem(last=False)
        return principal


def _person(id_: bytes | None, *told: bytes | None) -> Person | None:
    """Return the user whose session it is, None for what is no session."""
    if id_ is None:
        return None
    email, name, role, administers = told
    return Person(
        id_.decode(),
        decoded(email),
        decoded(name),
        None if role is None else role.decode(),
        administers == b"t",
    )


def _policy(tier: bytes | None, *numbers: bytes | None) -> Policy:
    """Return the policy of what is stored: per minute, burst and, where there is one, per day."""
    found = [None if number is None else int(number) for number in numbers]
    per_minute, burst, per_day = [*found, None][:3]
    return policy_of(None if tier is None else tier.decode(), per_minute, burst, per_day)
