"""The MCP surface behind the edge: who may post to it, and what is answered to everything else."""

import ipaddress
import re
from urllib.parse import urlsplit

from diptych.edge import Incoming
from diptych.origins import Origins
from rest.http import Response
from rest.mcp.protocol import PATH, Protocol
from rest.problems import method_not_allowed
from rest.problems import response as problem_response
from services.engine.calling import Guest
from services.engine.context import Caller
from services.engine.errors import Problem, Slug, bad_request, not_found

_METHODS = ("POST", "OPTIONS")
_OPTIONS = Response(204, [(b"allow", ", ".join(_METHODS).encode())])
_JSON = b"application/json"
_UNHEEDED = (b"idempotency-key", b"if-match", b"if-none-match")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class McpSurface:
    """Adapts `rest.mcp.protocol` to the edge; `origins` are those whose pages may call."""

    def __init__(self, protocol: Protocol, origins: Origins, public_url: str) -> None:
        self._protocol, self._origins, self._public_url = protocol, origins, public_url

    def public(self, request: Incoming) -> Response | None:
        """Return the answer to OPTIONS and to wrong methods; raises the 403, 404 and 415 problems."""
        if request.path != PATH:
            raise not_found(f"There is nothing at {request.path}.")
        self._check_origin(request)
        if request.method == "OPTIONS":
            return _OPTIONS
        if request.method != "POST":
            # Revisions before that of 2026 let clients ask for a stream by GET, and end a session by DELETE.
            problem, headers = method_not_allowed(request.method, _METHODS)
            found = self.problem(problem, request)
            return Response(found.status, [*found.headers, *headers], found.body)
        return None

    async def answer(self, caller: Caller, request: Incoming, body: bytes) -> Response:
        """Return the response to an authenticated message; raises Problems."""
        _check(request)
        return await self._protocol.answer(caller, request.headers, body)

    async def visit(self, guest: Guest, request: Incoming, body: bytes) -> Response | None:
        """Return the response to a call of a tool that needs no token, None for everything else."""
        if not await self._protocol.is_public(body):
            return None
        _check(request)
        return await self._protocol.answer(guest, request.headers, body)

    def problem(self, problem: Problem, request: Incoming) -> Response:
        """Return the response of a problem that stopped a whole request."""
        return problem_response(
            problem, instance=request.path, request_id=request.request_id, origin=self._public_url
        )

    def _check_origin(self, request: Incoming) -> None:
        """Raise the 403 problem if a page of somebody else calls, perhaps by a name that leads here since.

        Such a name is rebound (DNS rebinding), so that the page seems to be of the server's own origin. Names
        that nobody can rebind are addresses and `localhost`; others must be told in the settings.
        """
        origin = request.headers.get(b"origin")
        if origin is None:
            return
        told = origin.decode("latin-1")
        own = _site(request)
        if told in self._origins.told or (told == own and _is_fixed(told)):
            return
        raise Problem(Slug.ORIGIN_REFUSED, "Pages of this origin may not call this server.")


def _site(request: Incoming) -> str | None:
    """Return the address that was asked, without a path, None where the host is none."""
    host = request.headers.get(b"host", b"").decode("latin-1")
    scheme = "https" if request.secure else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else None


def _is_fixed(origin: str) -> bool:
    """Tell whether the host of an origin is an address or `localhost`."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _check(request: Incoming) -> None:
    """Raise the 400 and 415 problems of what a message does not come with."""
    if request.query:
        raise bad_request(f"{PATH} takes no query parameters.")
    for name in _UNHEEDED:
        if name in request.headers:
            raise bad_request(f"{name.decode().title()} goes into the arguments of a tool; leave it out.")
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != _JSON:
        raise Problem(Slug.UNSUPPORTED_MEDIA_TYPE, "A message must be application/json, in UTF-8.")
