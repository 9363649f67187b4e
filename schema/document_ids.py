"""Documents named by their hash in place of their text, as the standard and as Apollo's clients do it."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

_ID = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Named:
    """The SHA-256 of a document, in hexadecimal digits; `kept` asks that a text beside it be remembered."""

    sha256: str
    kept: bool = False


def named(document_id: str | None, persisted: Any) -> Named | None:
    """Return which document a request names, None where it names none.

    `document_id` is the parameter `documentId` (GraphQL over HTTP, appendix on persisted documents) and
    `persisted` the extension `persistedQuery` of automatic persisted queries. Raises ValueError with a
    sentence.
    """
    by_extension = None if persisted is None else _of_extension(persisted)
    if document_id is None:
        return None if by_extension is None else Named(by_extension, kept=True)
    found = _ID.fullmatch(document_id)
    if found is None:
        raise ValueError("documentId must be 'sha256:' and 64 hexadecimal digits.")
    sha256 = found[1].lower()
    if by_extension not in (None, sha256):
        raise ValueError("documentId and extensions.persistedQuery name different documents.")
    return Named(sha256, kept=by_extension is not None)


def _of_extension(persisted: Any) -> str:
    if not isinstance(persisted, dict) or type(persisted.get("version")) is not int:
        raise ValueError("extensions.persistedQuery must be an object with a version and a sha256Hash.")
    if persisted["version"] != _VERSION:
        raise ValueError("extensions.persistedQuery has a version that is not known here; there is only 1.")
    text = persisted.get("sha256Hash")
    found = _ID.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("extensions.persistedQuery.sha256Hash must be 64 hexadecimal digits.")
    return found[1].lower()


def hash_of(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 in hexadecimal digits; half characters have one of their own."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
