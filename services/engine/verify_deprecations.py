"""Start-up checks of what is deprecated, and what has been so for longer than was said."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from services.engine.catalog import Catalog
from services.engine.deprecation import Deprecated
from services.engine.noticing import API, declared
from services.engine.resource import Field

_QUOTING = frozenset('"\\')
_BRACKETING = frozenset('<>"\\ ')
_SUPPORTED_YEARS = 1


def verify_deprecations(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the deprecations of a catalogue, a sentence each."""
    for each in declared(catalog):
        yield from _sound(each)
    for name, count in Counter(each.name for each in declared(catalog)).items():
        if count > 1:
            yield f"{name} is deprecated in {count} different ways."
    for owner, field in _inputs(catalog):
        if field.required and field.deprecated is not None:
            yield f"{owner}.{field.name} is deprecated but required, so that nobody could stop to send it."


def overdue(catalog: Catalog, today: date) -> Iterator[str]:
    """Yield what is past its sunset and still there, a sentence each; it works as before."""
    for each in declared(catalog):
        sunset = each.told.sunset
        if sunset is not None and sunset < today:
            yield f"{each.name} is past its sunset of {sunset.isoformat()}; a release may remove it."


def _sound(each: Deprecated) -> Iterator[str]:
    told = each.told
    if told.sunset is not None and told.sunset < told.since:
        yield f"The sunset of {each.name} comes before its deprecation."
    if not told.instead.strip():
        yield f"{each.name} is deprecated without anything instead."
    elif not (told.instead.isascii() and told.instead.isprintable()) or _QUOTING & set(told.instead):
        yield f"What to use instead of {each.name} is no plain text that a header could hold."
    link = told.link
    if link is not None and not (link.isascii() and link.isprintable() and "://" in link):
        yield f"The link of {each.name} is no address."
    elif link is not None and _BRACKETING & set(link):
        yield f"The link of {each.name} holds characters that have no place in an address."
    if each.name == API and told.sunset is not None and told.sunset < _supported(told.since):
        yield f"{API} must be supported for twelve months after the next version (S3-096)."


def _supported(since: date) -> date:
    """Return the day until which a version is supported at least."""
    try:
        return since.replace(year=since.year + _SUPPORTED_YEARS)
    except ValueError:
        return date(since.year + _SUPPORTED_YEARS, 3, 1)


def _inputs(catalog: Catalog) -> Iterator[tuple[str, Field]]:
    for resource in catalog:
        yield from ((resource.name, field) for field in resource.fields)
        for action in resource.actions:
            yield from ((f"{action.name}_{resource.name}", field) for field in action.inputs)
    for procedure in catalog.procedures:
        yield from ((procedure.name, field) for field in procedure.inputs)
