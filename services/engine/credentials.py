"""Credentials as they arrive in headers: exactly one token, however it is sent."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.engine.errors import Problem, bad_request, invalid_token

if TYPE_CHECKING:
    from services.engine.procedures import Credential

COOKIE = "access_token"
"""The cookie that holds a session's token."""

_COOKIES = (COOKIE.encode(), b"sessionid")
# Other applications of the same host have cookies too, perhaps of the same name.
_SESSION = re.compile(rb"[a-z][a-z0-9]{0,15}_(?:prod|dev|test)_[0-9a-f]{88}")

_LONGEST = 512


def presented(authorization: Sequence[bytes], api_key: Sequence[bytes], cookies: bytes | None = None) -> str:
    """Return the raw token of a request.

    `authorization` and `api_key` hold every value of the headers `Authorization` and `X-API-Key` (C-02), and
    `cookies` is the header `Cookie`. Raises the 401 problem when there is none or it is no Bearer token, the
    400 problem when they differ.
    """
    if len(authorization) > 1 or len(api_key) > 1:
        raise invalid_token("The request carries more than one token.")
    found = [_text(value) for value in api_key]
    if authorization:
        found.append(_bearer(authorization[0]))
    in_headers = len(set(found))
    found += _sessions(cookies) if cookies else ()
    if not found:
        raise invalid_token("The request carries no token.")
    if in_headers > 1:
        raise bad_request("Authorization and X-API-Key carry different tokens.")
    if len(set(found)) > 1:
        raise bad_request("The cookie carries another token than the rest of the request.")
    return found[0]


def cookie(credential: "Credential", *, secure: bool) -> bytes:
    """Return the value of `Set-Cookie` that keeps a session's token, or takes it away (RFC 6265).

    No script of a page can read it, and no form of another site sends it along.
    """
    ends = credential.seconds if credential.raw else 0
    text = f"{COOKIE}={credential.raw}; Max-Age={ends}; Path=/; HttpOnly; SameSite=Lax"
    return f"{text}; Secure".encode() if secure else text.encode()


def _sessions(cookies: bytes) -> list[str]:
    """Return the tokens among cookies: those under the name of our own, else those under its older name."""
    pairs = [part.strip().partition(b"=") for part in cookies.split(b";")]
    for name in _COOKIES:
        found = [value.decode() for known, _, value in pairs if known == name and _SESSION.fullmatch(value)]
        if found:
            return found
    return []


def _bearer(value: bytes) -> str:
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer":
        raise invalid_token("Authorization must be a Bearer token.")
    return _text(token)


def _text(value: bytes) -> str:
    if len(value) > _LONGEST or not value.isascii():
        raise _malformed()
    return value.decode()


def _malformed() -> Problem:
    return invalid_token("The token is malformed.")
