"""Slugs: short names in URLs, made of lower-case letters, digits and single hyphens."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any

from services.engine.errors import Invalid

LONGEST = 255

PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
"""What a slug looks like, as clients are told."""

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OTHERS = re.compile(r"[^a-z0-9]+")

# These letters have no decomposition into a plain letter and a mark.
_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th"})


def slugify(text: str) -> str:
    """Return `text` as a slug: marks dropped, all but letters and digits hyphens; may be empty."""
    lowered = text.lower()
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFKD", lowered.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", lowered).strip("-")


def unique_slug(text: str, suffix: str) -> str:
    """Return the slug of `text` and `suffix`, which makes it unique without a look-up."""
    stem = slugify(text)[: LONGEST - 1 - len(suffix)].strip("-")
    return f"{stem}-{suffix}" if stem else suffix


def check(text: str) -> str | Invalid:
    """Return `text` if it is a slug, or what is wrong with it."""
    if _SLUG.fullmatch(text):
        return text
    return Invalid(
        "invalid_format", "A slug consists of lower-case letters and digits, with single hyphens between."
    )


def fallback(values: Mapping[str, Any], attempt: int) -> str:
    """Return a slug made of the name in `values`; from `attempt` 1 on it ends in a random suffix."""
    name = str(values.get("name") or "")
    if attempt == 0 and (slug := slugify(name)[:LONGEST].strip("-")):
        return slug
    return unique_slug(name, secrets.token_hex(3))
