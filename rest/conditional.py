"""Conditional requests: entity tags and If-None-Match (RFC 9110, section 13)."""

import hashlib

from services.engine import versions

_REPRESENTATION_LENGTH = 8


def entity_tag(id_: str, version: int, representation: bytes | None = None) -> bytes:
    """Return the strong tag of a version, or of one representation of it where it has several (C-54)."""
    base = versions.tag(id_, version)
    if representation is None:
        return base.encode()
    suffix = hashlib.blake2b(representation, digest_size=_REPRESENTATION_LENGTH // 2).hexdigest()
    return f'{base[:-1]}-{suffix}"'.encode()


def is_current(if_none_match: bytes | None, tag: bytes) -> bool:
    """Tell whether the client already has the representation; the comparison is weak."""
    if if_none_match is None:
        return False
    known = [part.strip().removeprefix(b"W/") for part in if_none_match.split(b",")]
    return tag in known or known == [b"*"]
