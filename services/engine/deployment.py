"""What settings decide that rules need: where the server runs, and keys for secrets."""

import hashlib
import hmac
from dataclasses import dataclass, field


def derived(key: bytes, purpose: str) -> bytes:
    """Return the key for one purpose, so that no two uses share one."""
    return hmac.digest(key, purpose.encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One installation: its environment (`prod`, `dev` or `test`) and its secret key."""

    environment: str
    key: bytes = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """Return this installation's key for one purpose."""
        return derived(self.key, purpose)
