"""The GraphQL surface behind the edge, and its page for browsers."""

from collections.abc import Sequence
from functools import cache

from diptych import assets, reference
from diptych.edge import Incoming
from rest.http import Response
from schema import graphiql, http
from schema.endpoint import FORCING_HEADER, GraphQL
from schema.endpoint import Response as Answer
from services.engine.calling import Guest
from services.engine.context import Caller
from services.engine.credentials import cookie
from services.engine.deployment import JudgedOperation
from services.engine.errors import Invalid, Problem, not_found

PATH = "/graphql"

_OPTIONS = Response(204, [(b"allow", b"GET, HEAD, POST, OPTIONS")])


class GraphQLSurface:
    """Adapts `schema.endpoint` to the edge; `page` serves GraphiQL to browsers."""

    def __init__(self, graphql: GraphQL, *, page: bool) -> None:
        self._graphql, self._page = graphql, page

    async def sdl(self) -> str:
        """Return the schema in GraphQL's own language."""
        return await self._graphql.sdl()

    async def judge(self, text: str) -> JudgedOperation | Sequence[Invalid]:
        """Return what a document holds that could run here, or all that is wrong with it."""
        return await self._graphql.judge(text)

    def public(self, request: Incoming) -> Response | None:
        """Return the page, its assets or the answer to OPTIONS; raises the 404 problem for other paths."""
        if request.path != PATH:
            return self._asset(request)
        if request.method == "OPTIONS":
            return _OPTIONS
        if self._page and request.method in ("GET", "HEAD") and not request.query:
            accept = _text(request.headers.get(b"accept"))
            return _page(request) if http.prefers_html(accept) else None
        return None

    async def answer(self, caller: Caller, request: Incoming, body: bytes) -> Response:
        """Return the response to an authenticated request."""
        headers = request.headers
        found = await self._graphql.answer(
            caller,
            request.method,
            content_type=_text(headers.get(b"content-type")),
            accept=_text(headers.get(b"accept")),
            raw_query=request.query,
            body=body,
            way=_text(headers.get(FORCING_HEADER)),
            idempotency_key=_text(headers.get(b"idempotency-key")),
            if_match=b"if-match" in headers,
        )
        return _with_cookie(found, caller)

    async def visit(self, guest: Guest, request: Incoming, body: bytes) -> Response | None:
        """Return the response to a request that needs no token, None where it needs one."""
        headers = request.headers
        found = await self._graphql.visit(
            guest,
            content_type=_text(headers.get(b"content-type")),
            accept=_text(headers.get(b"accept")),
            body=body,
            idempotency_key=_text(headers.get(b"idempotency-key")),
        )
        return None if found is None else _with_cookie(*found)

    def problem(self, problem: Problem, request: Incoming) -> Response:
        """Return the response of a problem that stopped a whole request."""
        accept = _text(request.headers.get(b"accept"))
        found = self._graphql.problem(
            problem,
            instance=request.path,
            request_id=request.request_id,
            accept=accept,
            caller=request.caller,
        )
        return Response(found.status, found.headers, found.body)

    def _asset(self, request: Incoming) -> Response:
        path = request.path
        name = path.removeprefix(graphiql.ASSETS_PATH)
        found = graphiql.asset(name) if self._page and name != path else None
        if found is None:
            raise not_found(f"There is nothing at {path}.")
        return assets.response(*found, request.headers, request.query)


def _with_cookie(found: Answer, caller: Caller) -> Response:
    """Return what was answered, with the cookie of a credential that was granted."""
    headers = found.headers
    if caller.granted is not None:
        headers = [*headers, (b"set-cookie", cookie(caller.granted, secure=caller.secure))]
    return Response(found.status, headers, found.body)


def _page(request: Incoming) -> Response:
    found = assets.response(_linked_page(), "text/html; charset=utf-8", request.headers)
    policy = (b"content-security-policy", graphiql.CONTENT_SECURITY_POLICY.encode())
    return Response(found.status, [*found.headers, policy, (b"vary", b"Accept")], found.body)


@cache
def _linked_page() -> bytes:
    """The page, whose links change with what they lead to: its own files, and the form that takes a token."""
    files = {f"{graphiql.ASSETS_PATH[1:]}{name}": content for name, content in graphiql.files().items()}
    for name in ("token.css", "token.js"):
        files[f"{reference.ASSETS_PATH[1:]}{name}"] = reference.content(name)
    return assets.linked(graphiql.page(), files)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
