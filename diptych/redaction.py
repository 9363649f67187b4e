"""Redaction: what must never be in a log is taken out of every text on its way there.

It works on texts alone, since secrets hide in messages, tracebacks and the values of exceptions, where no
caller can be expected to look for them.
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

# A name of letters in front keeps other long hexadecimal words, such as request ids, as they are.
_TOKEN = re.compile(r"\b([a-z][a-z0-9]{0,15}_(?:prod|dev|test)_)[0-9a-fA-F]{8,}")
# What has letters alone is a word of a sentence such as "Bearer tokens".
_SCHEME = re.compile(
    r"(?i)\b(bearer|basic|digest|negotiate)(\s+)(?=[^\s'\",;\\]*[^a-z\s'\",;\\])[^\s'\",;\\]{4,}"
)
# As headers, in JSON, as Python writes them (`(b'cookie', b'x')`) and in connection strings.
_NAMES = (
    r"authorization|proxy-authorization|x-api-key|api[_-]?key|cookie|set-cookie|pass(?:word|wd|phrase)?"
    r"|pgpassword|secret(?:[_-]key(?:[_-]previous)?)?|client[_-]secret|[a-z_]*token(?:_hash)?|token[_-]key"
    r"|recovery[_-]codes?|otp|totp[a-z_]*"
)
_QUOTED = re.compile(
    rf"(?i)(?<![\w-])((?:diptych_)?(?:{_NAMES}))(b?['\"]?\s*[:=,]\s*b?)(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")"
)
_BARE = re.compile(
    rf"(?i)(?<![\w-])((?:diptych_)?(?:{_NAMES}))(['\"]?\s*[:=]\s*)(?!\[redacted\])[^\s'\",;&}})\]]+"
)
_HEADER = re.compile(r"(?im)^((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(\s*:\s*).*$")
_ADDRESS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"]{0,64}):[^\s/'\"]{1,512}@")
_SENSITIVE = re.compile(rf"(?i)(?:{_NAMES})")


def redacted(text: str) -> str:
    """Return `text` without tokens, credentials, cookies, passwords and the passwords of addresses."""
    text = _HEADER.sub(rf"\1\2{REDACTED}", text)
    text = _ADDRESS.sub(rf"\1:{REDACTED}@", text)
    text = _TOKEN.sub(rf"\1{REDACTED}", text)
    text = _SCHEME.sub(rf"\1\2{REDACTED}", text)
    text = _QUOTED.sub(rf"\1\2'{REDACTED}'", text)
    return _BARE.sub(rf"\1\2{REDACTED}", text)


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value for the log: texts within are redacted, and all that is called like a secret is."""
    if name and _SENSITIVE.fullmatch(name):
        return REDACTED
    match value:
        case str():
            return redacted(value)
        case bytes():
            return redacted(value.decode("utf-8", "replace"))
        case Mapping():
            return {str(key): without_secrets(each, str(key)) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [without_secrets(each) for each in value]
        case None | bool() | int() | float():
            return value
    return redacted(str(value))
