"""Where pages may call from with a cookie, which browsers send along whoever's page it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.engine.errors import Problem, Slug

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins whose pages are believed: those `allowed`, that of `public_url`, and the one that was asked."""

    allowed: tuple[str, ...] = ()
    public_url: str = ""

    def check(self, method: str, headers: Mapping[bytes, bytes], *, secure: bool) -> None:
        """Raise the 403 problem if a request that may change something comes from a page of somebody else.

        A browser tells the page by `Origin` (RFC 6454) and `Sec-Fetch-Site`, and no script can change either.
        What tells neither is no browser, and can send the token in a header.
        """
        if method in _READING:
            return
        origin = headers.get(b"origin")
        if origin is None:
            if headers.get(b"sec-fetch-site") == b"same-origin":
                return
            raise _refused("A request that is authenticated by a cookie needs an Origin.")
        if origin.decode("latin-1") not in self._believed(headers.get(b"host", b""), secure=secure):
            raise _refused("Pages of this origin may not act with the cookie of this server.")

    @property
    def told(self) -> set[str]:
        """Return the origins that the settings name."""
        public = urlsplit(self.public_url)
        own = {f"{public.scheme}://{public.netloc}"} if public.netloc else set()
        return {*self.allowed, *own}

    def _believed(self, host: bytes, *, secure: bool) -> set[str]:
        asked = {f"{'https' if secure else 'http'}://{host.decode('latin-1')}"} if host else set()
        return {*self.told, *asked}


def _refused(detail: str) -> Problem:
    return Problem(Slug.ORIGIN_REFUSED, detail)
