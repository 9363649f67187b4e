"""Authentication: raw tokens to principals, verified once per process and proven live on every request."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

import orjson

from db.driver import DatabaseError, Driver, Row, Statement
from db.queries import tokens as queries
from services.engine.access import Principal
from services.engine.context import Caller
from services.engine.encoding import decoded
from services.engine.errors import invalid_token
from services.engine.failures import failed

_MOST_CACHED = 10_000
_MOST_HASHING = 2


class Authenticator:
    """Verifies tokens against their stored hashes and remembers the verified ones.

    `lookup_key` returns a raw token's key or None, `precheck` its keyed four bytes, and `verify` compares it
    with an argon2id hash. What is remembered is keyed by a digest under a per-process key, never the token.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        lookup_key: Callable[[str], str | None],
        precheck: Callable[[str], bytes],
        verify: Callable[[str, str], bool],
    ) -> None:
        self._driver = driver
        self._lookup_key, self._precheck, self._verify = lookup_key, precheck, verify
        self._process_key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, tuple[str, Principal]] = OrderedDict()
        self._hashing = asyncio.Semaphore(_MOST_HASHING)

    async def authenticate(self, raw: str) -> tuple[Principal, bytes]:
        """Return the principal of `raw` and the digest it is remembered by; raises the 401 problem."""
        digest = hashlib.blake2b(raw.encode(), key=self._process_key, digest_size=16).digest()
        known = self._verified.get(digest)
        if known is not None:
            return known[1], digest
        key = self._lookup_key(raw)
        if key is None:
            raise invalid_token()
        row = await self._find(key)
        if not hmac.compare_digest(row[4] or b"", self._precheck(raw).hex().encode()):
            raise invalid_token()
        async with self._hashing:
            if not await asyncio.to_thread(self._verify, raw, decoded(row[3])):
                raise invalid_token()
        return self._remember(digest, key, row), digest

    async def confirm(self, principal: Principal, digest: bytes) -> Principal:
        """Return the principal as it is now, where no data statement proved it; raises the 401 problem."""
        parameters = (principal.workspace_id.encode(), principal.token_id.encode())
        rows = await self._fetch(queries.CONFIRM, parameters)
        return await self.renew(principal, digest, rows[0][0] if rows else None)

    async def renewed(self, caller: Caller) -> bool:
        """Confirm the caller's token and tell whether its principal is another one now; raises the 401."""
        before = caller.principal
        caller.principal = await self.confirm(before, caller.credential)
        return caller.principal is not before

    async def is_current(self, caller: Caller, version: bytes | None) -> bool:
        """Tell whether the token still has the `version` just read; renews the principal if it has not.

        Raises the 401 problem for a dead token, which has none.
        """
        if version is not None and int(version) == caller.principal.version:
            return True
        caller.principal = await self.renew(caller.principal, caller.credential, version)
        return False

    async def workspace_slug(self, principal: Principal, digest: bytes) -> str:
        """Return the slug of the principal's workspace as it is now; raises the 401 problem."""
        parameters = (principal.workspace_id.encode(), principal.token_id.encode())
        rows = await self._fetch(queries.NAMED, parameters)
        await self.renew(principal, digest, rows[0][0] if rows else None)
        return decoded(rows[0][1])

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
        id_, workspace, *_, scopes, version, _live = row
        principal = Principal(
            decoded(id_),
            decoded(workspace),
            frozenset(orjson.loads(scopes or b"[]")),
            int(version or 0),
        )
        self._verified[digest] = key, principal
        if len(self._verified) > _MOST_CACHED:
            self._verified.popitem(last=False)
        return principal
