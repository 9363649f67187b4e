"""The second factor: codes that change with time (RFC 6238), and recovery codes for whoever has lost them."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from pyotp import TOTP, random_base32

from db.queries import second_factors as queries
from services.engine.deployment import Deployment
from services.engine.encoding import text_array
from services.engine.secrets import place_of, vault_of
from services.engine.work import Work

ISSUER = "Diptych"
RECOVERY_CODES = 10

_STEP_SECONDS = 30
# The code of now, then those of a clock that is one step behind or ahead.
_DRIFT = (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}")
# Crockford's base 32 leaves out what people confuse; twenty of them are 100 bits.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 4, 5


@dataclass(frozen=True, slots=True)
class Proof:
    """A code that fits, still to be used up: the step of a changing code, or the hash of a recovery code."""

    secret: str
    step: int | None = None
    code_hash: str | None = None


def new_secret(deployment: Deployment, user_id: str) -> tuple[str, str]:
    """Return a secret, and how it is stored for a user."""
    secret = random_base32()
    return secret, vault_of(deployment).seal(secret, _place(user_id))


def address_of(secret: str, email: str) -> str:
    """Return the address that an authenticator reads a secret from, as a rule off a picture."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def proof(
    deployment: Deployment, user_id: str, sealed: str, *, code: str | None, recovery: str | None, now: float
) -> Proof | None:
    """Return what a code proves, None if it fits nothing; that it was not used before is proven by using it.

    Raises SecretUnreadable where the secret's key is gone.
    """
    if recovery:
        return Proof(sealed, code_hash=_hash(user_id, recovery))
    wanted = (code or "").replace(" ", "")
    if not _CODE.fullmatch(wanted):
        return None
    totp = TOTP(vault_of(deployment).open(sealed, _place(user_id)))
    steps = (int(now) // _STEP_SECONDS + drift for drift in _DRIFT)
    fitting = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), wanted)]
    return Proof(sealed, step=fitting[0]) if fitting else None


async def use(work: Work, user_id: str, found: Proof) -> bool:
    """Use a code up; tell whether nobody had."""
    user = user_id.encode()
    if found.code_hash is not None:
        return bool(await work.rows(queries.USE_CODE, user, found.code_hash.encode()))
    return bool(await work.rows(queries.USE_STEP, user, found.secret.encode(), b"%d" % (found.step or 0)))


async def new_recovery_codes(work: Work, user_id: str) -> list[str]:
    """Return recovery codes, which take the place of earlier ones and are stored as hashes."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    await work.rows(queries.FORGET_CODES, user_id.encode())
    hashes = text_array(_hash(user_id, code) for code in codes)
    await work.rows(queries.KEEP_CODES, user_id.encode(), hashes)
    return codes


async def disable(work: Work, user_id: str) -> None:
    """Forget the secret, and the recovery codes with it."""
    await work.rows(queries.DISABLE, user_id.encode())
    await work.rows(queries.FORGET_CODES, user_id.encode())


def _recovery_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_GROUPS * _GROUP))
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def _hash(user_id: str, code: str) -> str:
    """Return the hash of a recovery code however it is typed; its 100 bits leave nothing to guess."""
    bare = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(f"{user_id} {bare}".encode()).hexdigest()


def _place(user_id: str) -> str:
    return place_of("users", "totp_secret", user_id)
