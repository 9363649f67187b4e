"""What settings decide that rules need: where the server runs, and keys for secrets."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from services.engine.errors import Invalid


def derived(key: bytes, purpose: str) -> bytes:
    """Return the key for one purpose, so that no two uses share one."""
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class JudgedOperation:
    """The one operation of a GraphQL document that could run as it is; `kind` is `query` or `mutation`."""

    name: str
    kind: str


JudgeOperation = Callable[[str], Awaitable[JudgedOperation | Sequence[Invalid]]]
"""Takes the text of a GraphQL document and returns what it holds, or all that is wrong with it."""


async def _no_judge(_: str) -> JudgedOperation | Sequence[Invalid]:
    """Stand where no surface was composed that could tell what a GraphQL document holds."""
    raise LookupError("Nothing here can judge GraphQL documents.")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One installation: its environment (`prod`, `dev` or `test`), its secret key and earlier ones.

    A session ends after `session_idle` seconds unless it is refreshed, and after `session_life` in any case.
    Whoever needs a larger plan is sent to `upgrade_url`. `judge_operation` says of a GraphQL document what a
    request that brought it would hear.
    """

    environment: str
    key: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)
    session_idle: int = 12 * 3_600
    session_life: int = 30 * 86_400
    upgrade_url: str = "/upgrade"
    judge_operation: JudgeOperation = field(default=_no_judge, repr=False, compare=False)

    def derived(self, purpose: str) -> bytes:
        """Return this installation's key for one purpose."""
        return derived(self.key, purpose)

    def every(self, purpose: str) -> tuple[bytes, ...]:
        """Return the same for each of its keys, the present one first."""
        return tuple(derived(key, purpose) for key in (self.key, *self.previous))
