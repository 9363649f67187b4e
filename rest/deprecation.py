"""What responses say in their headers of whatever deprecated things their request has used."""

from collections.abc import Sequence
from email.utils import format_datetime
from enum import StrEnum

from rest.http import BASE, Headers
from services.engine.deprecation import Deprecated, beginning

TIMELINE = f"{BASE}/agents"
"""Where all that is deprecated is listed, for those that have no page of their own (S3-098)."""

_MOST_WARNINGS = 8


class Style(StrEnum):
    """How `Deprecation` is written (C-64): as the law has it, or as the standard that came after it."""

    TRUE = "true"
    RFC9745 = "rfc9745"


def headers(used: Sequence[Deprecated], style: Style, origin: str) -> Headers:
    """Return the headers that tell of what was used (S3-097, S3-099, RFC 9745, RFC 8594).

    The earliest days count for all. `origin` is what addresses begin with that lead to this server.
    """
    since = beginning(min(each.told.since for each in used))
    told = b"true" if style is Style.TRUE else b"@%d" % since.timestamp()
    found: Headers = [(b"deprecation", told)]
    ends = [each.told.sunset for each in used if each.told.sunset is not None]
    if ends:
        found.append((b"sunset", format_datetime(beginning(min(ends)), usegmt=True).encode()))
    found.append((b"link", ", ".join(_links(used, origin)).encode()))
    warnings = (f'299 - "{each.warning}"' for each in used[:_MOST_WARNINGS])
    found.append((b"warning", ", ".join(warnings).encode()))
    return found


def _links(used: Sequence[Deprecated], origin: str) -> list[str]:
    links: dict[str, None] = {}
    for each in used:
        address = each.told.link or f"{origin}{TIMELINE}"
        links[f'<{address}>; rel="deprecation"'] = None
        if each.told.sunset is not None:
            links[f'<{address}>; rel="sunset"'] = None
    return list(links)


def joined(present: Headers, added: Headers) -> Headers:
    """Return headers with others, where both have a list of one name as one list (RFC 9110, section 5.3)."""
    found = dict(added)
    whole = [(name, value + b", " + found.pop(name) if name in found else value) for name, value in present]
    return [*whole, *found.items()]
