"""Secrets at rest: what must be read again one day is stored encrypted, under a key that can be changed.

A sealed secret is `s1.` + the key's id (8 hex digits) + `.` + nonce and AES-256-GCM ciphertext in base64url.
It can be opened only at its place, so that copied into another row it is worth nothing.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.engine.deployment import Deployment

_FORMAT = "s1"
_PURPOSE = b"secrets at rest"
_NONCE_BYTES = 12
_ID_BYTES = 4


class SecretUnreadable(Exception):
    """A sealed secret cannot be opened: its key is gone, its place another, or it was changed."""


class Vault:
    """Seals under the first of its keys and opens under any of them; keys are those of the settings."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        derived = [hmac.digest(key, _PURPOSE, hashlib.sha256) for key in keys]
        self._ciphers = {_id(key): AESGCM(key) for key in reversed(derived)}
        self._current = _id(derived[0])

    def seal(self, secret: str, place: str) -> str:
        """Return `secret` as it may be stored at `place`, which `place_of` names."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._ciphers[self._current].encrypt(nonce, secret.encode(), place.encode())
        return f"{_FORMAT}.{self._current}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """Return the secret that was sealed for `place`; raises SecretUnreadable."""
        form, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        cipher = self._ciphers.get(name)
        if form != _FORMAT or cipher is None:
            raise SecretUnreadable("The key that this secret was encrypted under is not known.")
        try:
            raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise SecretUnreadable("This secret was changed, or belongs elsewhere.") from None

    def is_current(self, sealed: str) -> bool:
        """Tell whether a secret was sealed under the present key."""
        return sealed.startswith(f"{_FORMAT}.{self._current}.")

    def renewed(self, sealed: str, place: str) -> str | None:
        """Return a secret sealed anew under the present key, None if it is; raises SecretUnreadable."""
        return None if self.is_current(sealed) else self.seal(self.open(sealed, place), place)


@lru_cache(maxsize=8)
def vault_of(deployment: Deployment) -> Vault:
    """Return the vault of an installation."""
    return Vault([deployment.key, *deployment.previous])


def place_of(table: str, column: str, id_: str) -> str:
    """Return the name of the place of one value, which a sealed secret is bound to."""
    return f"{table}.{column}:{id_}"


def _id(key: bytes) -> str:
    return hmac.digest(key, b"id", hashlib.sha256)[:_ID_BYTES].hex()
