"""The entrance: whose request it is behind the proxies that are trusted, and whether it came as it must."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from rest.http import Response
from services.engine.errors import Problem, Slug

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MOST_HEADERS = 100
_HOST = re.compile(rb"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_LONGEST_CHAIN = 32


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a request must be like to come in.

    `trusted` are the networks of proxies whose word on the client and its scheme is believed, `origin` the
    public address that a redirect leads to (else the one that was asked), `header_limit` is in bytes.
    """

    trusted: tuple[Network, ...] = ()
    require_https: bool = False
    origin: str = ""
    header_limit: int = 32_768

    def seen(self, peer: str, scheme: str, headers: Mapping[bytes, bytes]) -> tuple[str, bool]:
        """Return the client's address and whether it came by TLS; `peer` is the other end of the connection.

        Forwarded headers are believed from trusted proxies alone, and among the addresses that they name the
        last one that is not trusted is the client: whatever stands before it, the client wrote itself.
        """
        if not self.trusted or not trusts(self.trusted, peer):
            return peer, scheme == "https"
        forwarded = headers.get(b"x-forwarded-proto")
        if forwarded is not None:
            scheme = forwarded.rpartition(b",")[2].strip().decode("latin-1").lower()
        return self._client(peer, headers.get(b"x-forwarded-for", b"")), scheme == "https"

    def _client(self, peer: str, chain: bytes) -> str:
        client = peer
        for hop in reversed(chain.decode("latin-1").split(",")[-_LONGEST_CHAIN:]):
            address = _parsed(hop)
            if address is None:
                # What is no address cannot be told from a forgery: the last known hop answers for it.
                return client
            client = str(address)
            if not trusts(self.trusted, client):
                return client
        return client

    def check_headers(self, count: int, size: int) -> None:
        """Raise the 431 problem if there are too many headers, or too large ones."""
        if count > MOST_HEADERS:
            raise too_large(f"A request has at most {MOST_HEADERS} headers.")
        if size > self.header_limit:
            raise too_large(f"The headers are larger than {self.header_limit} bytes.")

    def address(self, host: bytes, *, secure: bool) -> str:
        """Return the address of this server, as the client names it unless it is known; else nothing."""
        if self.origin or not _HOST.fullmatch(host):
            return self.origin
        return f"http{'s' if secure else ''}://{host.decode()}"

    def redirect(self, method: str, target: bytes, host: bytes, *, secrets: bool) -> Response:
        """Return where a plain read without TLS belongs; `target` is its path and query as they came (C-62).

        Raises the 403 problem for all else: what came with secrets has leaked them already.
        """
        base = self.origin.encode() if self.origin.startswith("https://") else b""
        if not base and _HOST.fullmatch(host):
            base = b"https://" + host
        if method not in ("GET", "HEAD") or secrets or not base:
            raise Problem(Slug.HTTPS_REQUIRED, "This server answers over HTTPS alone.")
        return Response(308, [(b"location", base + target), (b"cache-control", b"no-store")])


def too_large(detail: str) -> Problem:
    """Return the 431."""
    return Problem(Slug.REQUEST_HEADERS_TOO_LARGE, detail)


@lru_cache(maxsize=4_096)
def trusts(networks: tuple[Network, ...], address: str) -> bool:
    """Tell whether an address belongs to one of the networks."""
    found = _parsed(address)
    return found is not None and any(found in network for network in networks)


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of addresses and networks as text; raises ValueError naming what is neither."""
    try:
        return tuple(ip_network(each, strict=False) for each in given)
    except ValueError as error:
        raise ValueError(f"{error}: this takes addresses and networks such as 10.0.0.0/8") from None


def _parsed(text: str) -> Address | None:
    """Return the address in `text`, without a port or brackets; an IPv4 one in IPv6's clothes undressed."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
