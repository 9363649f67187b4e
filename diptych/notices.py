"""Notices: what clients are told of the deprecated things that they use, and what is written down of it."""

from dataclasses import dataclass

from rest import deprecation
from rest.deprecation import Style
from rest.http import Response
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.deprecation import Deprecated, Noticed, each_once
from services.engine.noticing import API
from services.engine.tallying import Tally

REST = "rest"
"""The surface whose version is part of its addresses."""

_UNHEARD = frozenset({401, 429})


@dataclass(frozen=True, slots=True)
class Notices:
    """Tells of what a request has used, on whichever surface, and counts it for the caller's token.

    `whole` is the deprecation of the version of the API itself.
    """

    tally: Tally
    style: Style = Style.TRUE
    origin: str = ""
    whole: Deprecated | None = None

    def told(
        self,
        response: Response,
        surface: str,
        address: str,
        caller: Caller | None,
        noticed: tuple[Noticed, ...],
    ) -> Response:
        """Return a response with what is to be told in it; `address` is what was asked for."""
        if self.whole is not None and surface == REST:
            noticed = (*noticed, Noticed("", self.whole))
        if not noticed:
            return response
        noticed = tuple(each if each.operation else Noticed(address, each.used) for each in noticed)
        if caller is not None and response.status not in _UNHEARD:
            self.tally.note(caller, surface, noticed)
        added = deprecation.headers(each_once(noticed), self.style, self.origin)
        return response._replace(headers=deprecation.joined(response.headers, added))


def notices(catalog: Catalog, tally: Tally, style: str, origin: str) -> Notices:
    """Return the notices of a server that serves `catalog`."""
    whole = None if catalog.deprecated is None else Deprecated(API, catalog.deprecated)
    return Notices(tally, Style(style), origin, whole)
