"""Formats of texts that several resources share; each check returns the text, normalised, or a refusal."""

import re

from services.engine.errors import Invalid

# RFC 5321 section 4.5.3.1 gives the lengths; internationalised addresses (RFC 6531) are welcome.
_EMAIL = re.compile(
    r"""[^\s@"(),:;<>\[\]\\]{1,64}@(?=.{1,255}$)(?:[^\W_](?:[^\W_]|-)*\.)+[^\W_](?:[^\W_]|-)+"""
)
WEB_ADDRESS = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+([/?#]\S*)?$"
EMAIL = r"^[^\s@]+@[^\s@]+\.[^\s@]+$"
"""What addresses look like, as clients are told; the second is only the outline of what is demanded."""

_WEB_ADDRESS = re.compile(r"(?i:https?)://[^\s/?#@]+(?:[/?#]\S*)?")


def email(text: str) -> str | Invalid:
    """Return the e-mail address with its domain in lower case (RFC 1035: domains know no case)."""
    if not _EMAIL.fullmatch(text) or ".." in text or text.startswith(".") or ".@" in text:
        return Invalid("invalid_format", "This is not an e-mail address such as ada@example.com.")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def web_address(text: str) -> str | Invalid:
    """Return the address if a browser can follow it over HTTP (other schemes may run code)."""
    if _WEB_ADDRESS.fullmatch(text):
        return text
    return Invalid("invalid_format", "This is not a web address that begins with http:// or https://.")
