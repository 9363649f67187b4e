"""The edge: one hand-written ASGI prologue before both surfaces, and the shell for everything else.

It gives every request an id, a caller and a problem document if it fails, and every response the headers
that all share. The surfaces see neither ASGI nor each other.
"""

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from diptych import headers as shared
from diptych.entrance import Entrance
from diptych.later import Later
from diptych.notices import REST, Notices
from diptych.origins import Origins
from diptych.streaming import stream
from rest import compat
from rest.http import BASE, Headers, Request, Response
from rest.problems import response as problem_response
from rest.router import Rest
from services.engine.access import Principal
from services.engine.authenticate import Authenticator
from services.engine.calling import Guest
from services.engine.context import Caller, Visit
from services.engine.credentials import presented
from services.engine.deprecation import Noticed
from services.engine.encoding import identifier
from services.engine.errors import Problem, Slug, bad_request, internal_error, not_found
from services.engine.limiter import Limiter
from services.engine.limits import Standing
from services.engine.watching import Watch

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_T = TypeVar("_T")
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PREFIX = f"{BASE}/"
_HEALTH = frozenset({"/health", "/health/live", "/health/ready", f"{BASE}/health"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UNLIMITED = _HEALTH | {"/metrics"}
_UNAUTHORISED, _FAILED = 401, 500
_LONGEST_AGENT = 255
_log = logging.getLogger("diptych")


class Surface(Protocol):
    """A surface behind the edge: GraphQL, and later others."""

    def public(self, request: "Incoming") -> Response | None:
        """Return the response to what needs no token, None for all else."""

    async def answer(self, caller: Caller, request: "Incoming", body: bytes) -> Response:
        """Return the response to an authenticated request."""

    async def visit(self, guest: Guest, request: "Incoming", body: bytes) -> Response | None:
        """Return the response to a request that needs no token, None where it needs one."""

    def problem(self, problem: Problem, request: "Incoming") -> Response:
        """Return the response of a problem in this surface's shape."""


@dataclass(slots=True)
class Incoming:
    """One request as it arrived: headers by lower-case name, and those that may repeat in full.

    `client` is the address it came from, `secure` tells whether by TLS, and `size` is that of its headers.
    `caller` is whose token it carried once that is known, and `standing` what the address has left if it was
    charged. `outdated` is what a request without a caller has used that is deprecated.
    """

    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    authorization: list[bytes]
    api_key: list[bytes]
    request_id: str
    client: str
    secure: bool
    size: int
    caller: Caller | None = None
    standing: Standing | None = None
    outdated: tuple[Noticed, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """What the edge is told: allowed origins, the largest body in bytes, and the address of problem types.

    `origins` are believed where a cookie is all that tells who calls. `rate_aliases` adds the older names of
    the headers about limits (C-57).
    """

    cors_origins: tuple[str, ...] = ()
    body_limit: int = 1_048_576
    origin: str = ""
    rate_aliases: bool = True
    entrance: Entrance = field(default_factory=Entrance)

    @property
    def origins(self) -> Origins:
        """Return the origins whose pages may act with a cookie."""
        return Origins(self.cors_origins, self.origin)


class Edge:
    """The outermost application."""

    def __init__(
        self,
        rest: Rest,
        surfaces: dict[str, Later[Surface]],
        shell: Application,
        authenticator: Authenticator,
        limiter: Limiter,
        watch: Watch,
        notices: Notices,
        settings: EdgeSettings,
    ) -> None:
        self._rest, self._surfaces, self._shell = rest, surfaces, shell
        self._authenticator, self._limiter, self._settings = authenticator, limiter, settings
        self._watch, self._notices = watch, notices
        self._public = frozenset({f"{BASE}/health", f"{BASE}/docs"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection (ASGI 3)."""
        if scope["type"] != "http":
            await self._shell(scope, receive, send)
            return
        request = _incoming(scope, self._settings.entrance, self._rest.modules)
        if (refusal := self._refusal(scope, request)) is not None:
            await self._send(send, request, refusal)
        elif request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            await self._send(send, request, Response(204, shared.preflight(*self._origin(request))))
        elif f"{request.path}/".startswith(_PREFIX) and request.path not in self._public:
            found = await self._guarded(request, receive, self._answer_rest)
            await self._send(send, request, found, receive)
        elif (later := self._surfaces.get("/" + request.path[1:].partition("/")[0])) is not None:
            await self._send(send, request, await self._on_surface(await later.ready(), request, receive))
        else:
            await self._on_shell(scope, receive, send, request)

    def _refusal(self, scope: Scope, request: Incoming) -> Response | None:
        """Return the response to a request that may not come in as it is."""
        entrance = self._settings.entrance
        try:
            entrance.check_headers(len(scope["headers"]), request.size)
            if request.secure or not entrance.require_https or request.path in _HEALTH:
                return None
            target = scope.get("raw_path") or quote(scope["path"]).encode()
            query = b"?" + request.query if request.query else b""
            return entrance.redirect(
                request.method,
                target + query,
                request.headers.get(b"host", b""),
                secrets=bool(request.authorization or request.api_key or b"cookie" in request.headers),
            )
        except Problem as problem:
            return self._problem(problem, request, None)

    # REST

    async def _answer_rest(self, request: Incoming, receive: Receive) -> Response:
        segments = tuple(request.path[len(_PREFIX) :].split("/"))
        if request.method == "OPTIONS":
            return self._options(request, segments)
        if self._rest.is_public(request.method, segments):
            guest, body = self._guest(request), await self._body(request, receive)
            return await self._visited(
                request, guest, self._rest.visit(guest, _asked(request, segments, body))
            )
        caller, body = await self._admitted(request, receive)
        return await self._rest.answer(caller, _asked(request, segments, body))

    def _options(self, request: Incoming, segments: tuple[str, ...]) -> Response:
        found = self._rest.options(segments)
        if found is None:
            raise not_found(f"There is nothing at {request.path}.")
        return found

    # Every surface

    async def _on_surface(self, surface: Surface, request: Incoming, receive: Receive) -> Response:
        async def answer(request: Incoming, receive: Receive) -> Response:
            public = surface.public(request)
            if public is not None:
                return public
            try:
                caller, body = await self._admitted(request, receive)
            except Problem as problem:
                found = await self._unadmitted(problem, surface, request, receive)
                if found is None:
                    raise
                return found
            return await surface.answer(caller, request, body)

        return await self._guarded(request, receive, answer, surface)

    async def _unadmitted(
        self, problem: Problem, surface: Surface, request: Incoming, receive: Receive
    ) -> Response | None:
        """Return the response to a request without a live token that needs none, None for all others."""
        if problem.slug is not Slug.INVALID_TOKEN or request.method != "POST":
            return None
        guest, body = self._guest(request), await self._body(request, receive)
        return await self._visited(request, guest, surface.visit(guest, request, body))

    async def _visited(self, request: Incoming, guest: Guest, answer: Awaitable[_T]) -> _T:
        """Return what a guest is answered, and note what the address has left."""
        try:
            return await answer
        finally:
            request.standing, request.outdated = guest.standing, guest.outdated

    async def _guarded(
        self,
        request: Incoming,
        receive: Receive,
        answer: Callable[[Incoming, Receive], Awaitable[Response]],
        surface: Surface | None = None,
    ) -> Response:
        """Return the answer, or the problem that stopped it; anything unforeseen is logged in full."""
        try:
            found = await answer(request, receive)
        except Problem as problem:
            found = self._problem(problem, request, surface)
        except Exception:
            _log_failure(request)
            found = self._problem(internal_error(request.request_id), request, surface)
        try:
            await self._charge(request, found.status)
            if (caller := request.caller) is not None and caller.watched:
                await self._watch.note(caller, request.method, request.path, found.status)
        except Problem as problem:
            await _forget(found)
            return self._problem(problem, request, surface)
        return self._noticed(request, found, surface)

    def _noticed(self, request: Incoming, found: Response, surface: Surface | None) -> Response:
        """Return a response that tells of what its request has used that is deprecated."""
        noticed = request.outdated if request.caller is None else request.caller.outdated
        if not noticed and self._notices.whole is None:
            return found
        first, *rest = request.path[1:].split("/")
        name, address = first, ""
        if surface is None:
            name, address = REST, self._rest.address(request.method, tuple(rest[1:]))
        return self._notices.told(found, name, address, request.caller, noticed)

    async def _charge(self, request: Incoming, status: int) -> None:
        """Charge what was answered without a charge; raises the 429 problem, which is then the answer.

        Without a live token it is the client's address that pays. What the server failed at costs nothing.
        """
        caller = request.caller
        if status >= _FAILED:
            return
        if caller is None or status == _UNAUTHORISED:
            request.caller = None
            if request.standing is None:
                await self._limiter.charge_visitor(request)
        elif caller.taken is None:
            await self._limiter.charge(caller, 1)

    def _problem(self, problem: Problem, request: Incoming, surface: Surface | None) -> Response:
        if surface is not None:
            return surface.problem(problem, request)
        return problem_response(
            problem, instance=request.path, request_id=request.request_id, origin=self._settings.origin
        )

    async def _caller(self, request: Incoming) -> Caller:
        raw = self._presented(request)
        principal, credential = await self._authenticator.authenticate(raw)
        caller = Caller(principal, credential, request.request_id, request.path, time.time())
        caller.address, caller.user_agent, caller.secure = request.client, _agent(request), request.secure
        caller.presented = raw
        request.caller = caller
        workspace = request.headers.get(b"x-workspace-id")
        if workspace is not None:
            await self._check_workspace(workspace.decode("latin-1"), principal, credential)
        return caller

    def _presented(self, request: Incoming) -> str:
        """Return the raw token of a request; raises the 400, 401 and 403 problems."""
        raw = presented(request.authorization, request.api_key, request.headers.get(b"cookie"))
        if not request.authorization and not request.api_key:
            self._settings.origins.check(request.method, request.headers, secure=request.secure)
        return raw

    def _guest(self, request: Incoming) -> Guest:
        """Return a request as one whose token nobody has looked at; raises the 403 problem."""
        try:
            raw = self._presented(request)
        except Problem as problem:
            if problem.slug is Slug.ORIGIN_REFUSED:
                raise
            raw = ""
        agent = _agent(request)
        visit = Visit(request.client, agent, request.request_id, time.time(), request.secure, raw)
        return Guest(visit, request.path)

    async def _check_workspace(self, named: str, principal: Principal, credential: bytes) -> None:
        """Raise the 404 problem unless `named` is the id or the slug of the token's workspace (C-11)."""
        if identifier(named) == principal.workspace_id:
            return
        if named != await self._authenticator.workspace_slug(principal, credential):
            raise not_found(
                "The workspace that the address or X-Workspace-ID names is not that of the token."
            )

    async def _admitted(self, request: Incoming, receive: Receive) -> tuple[Caller, bytes]:
        """Return the caller and the body; the owner of a dead token hears of nothing but that."""
        caller = await self._caller(request)
        if request.method not in _WITH_BODY:
            return caller, b""
        try:
            return caller, await self._body(request, receive)
        except Problem:
            await self._authenticator.confirm(caller.principal, caller.credential)
            raise

    async def _body(self, request: Incoming, receive: Receive) -> bytes:
        limit = self._settings.body_limit
        declared = request.headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise bad_request("The connection ended before the body did.")
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            more = message.get("more_body", False)
        return b"".join(chunks)

    # Sending

    async def _send(
        self, send: Send, request: Incoming, response: Response, receive: Receive | None = None
    ) -> None:
        present = response.headers
        if response.status == _UNAUTHORISED:
            present = shared.challenged(present, self._address(request), request.path)
        headers = [*present, *self._common(request, present)]
        if response.status not in (204, 304) and response.more is None:
            headers.append((b"content-length", b"%d" % len(response.body)))
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.more is None or receive is None or request.method == "HEAD":
            await _forget(response)
            await send({"type": "http.response.body", "body": body})
            return
        # The server closes the connection of a body without an end, so nobody takes a part for the whole.
        try:
            await stream(send, receive, body, response.more)
        except Problem as problem:
            _log.warning("a body broke off: %s", problem.detail, extra={"request_id": request.request_id})
        except Exception:
            _log_failure(request)

    def _common(self, request: Incoming, present: Headers) -> Headers:
        found = [*shared.SECURITY, (b"x-request-id", request.request_id.encode())]
        standing = request.standing if request.caller is None else request.caller.standing
        if standing is not None:
            found += shared.rate_limit(standing, aliases=self._settings.rate_aliases)
        if not any(name == b"content-security-policy" for name, _ in present):
            found.append((b"content-security-policy", shared.CSP))
        if self._settings.cors_origins:
            found += [*shared.allowed_origin(*self._origin(request)), (b"vary", b"Origin")]
        return found

    def _origin(self, request: Incoming) -> tuple[bytes | None, tuple[str, ...]]:
        return request.headers.get(b"origin"), self._settings.cors_origins

    def _address(self, request: Incoming) -> str:
        """Return the origin that a request was sent to, as far as that is known."""
        host = request.headers.get(b"host", b"")
        return self._settings.origin or self._settings.entrance.address(host, secure=request.secure)

    async def _on_shell(self, scope: Scope, receive: Receive, send: Send, request: Incoming) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                present = list(message.get("headers", ()))
                message["headers"] = [*present, *self._common(request, present)]
            elif request.method == "HEAD":
                message["body"] = b""
            await send(message)

        if request.path not in _UNLIMITED:
            try:
                await self._limiter.charge_visitor(request)
            except Problem as problem:
                await self._send(send, request, self._problem(problem, request, None))
                return
        scope["path"] = request.path
        state = scope.setdefault("state", {})
        state["request_id"], state["origin"] = request.request_id, self._address(request)
        try:
            await self._shell(scope, receive, with_headers)
        except Exception:
            # The shell has answered by then, and raises for the log's sake.
            _log_failure(request)


def _incoming(scope: Scope, entrance: Entrance, modules: compat.Modules) -> Incoming:
    headers: dict[bytes, bytes] = {}
    authorization: list[bytes] = []
    api_key: list[bytes] = []
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"authorization":
            authorization.append(value)
        elif name == b"x-api-key":
            api_key.append(value)
        elif name in headers:
            # Repeated headers are one list (RFC 9110, section 5.3), cookies one of another kind (RFC 9113).
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
        else:
            headers[name] = value
    named = compat.named_workspace(scope["path"], headers.get(b"x-workspace-id"))
    if named is not None:
        headers[b"x-workspace-id"] = named
    client = scope.get("client")
    address, secure = entrance.seen(client[0] if client else "", scope.get("scheme", "http"), headers)
    return Incoming(
        scope["method"],
        compat.rewritten(scope["path"], BASE, modules),
        scope["query_string"],
        headers,
        authorization,
        api_key,
        shared.request_id(headers.get(b"x-request-id")),
        address,
        secure,
        size,
    )


async def _forget(response: Response) -> None:
    """Let go of the rest of a body that nobody is to get."""
    if response.more is not None:
        await response.more.aclose()


def _agent(request: Incoming) -> str:
    return request.headers.get(b"user-agent", b"")[:_LONGEST_AGENT].decode("latin-1")


def _asked(request: Incoming, segments: tuple[str, ...], body: bytes) -> Request:
    return Request(request.method, request.path, segments, request.query, request.headers, body)


def _log_failure(request: Incoming) -> None:
    """Log the exception at hand in full, under the names that find it again (S3-132)."""
    told = {
        "request_id": request.request_id,
        "trace_id": shared.trace_id(request.headers.get(b"traceparent")),
        "method": request.method,
        "path": request.path,
    }
    _log.exception("request failed", extra=told)


def _too_large(limit: int) -> Problem:
    return Problem(Slug.PAYLOAD_TOO_LARGE, f"The body is larger than {limit} bytes.")
