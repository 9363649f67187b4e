"""One request of every class of routes and refusals, made from the catalogue: what headers are checked on."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.catalog import CATALOG

ANY_ID = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
BODY = b"{}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request; `token` tells whether a live one goes with it."""

    name: str
    method: str
    target: str
    status: int
    token: bool = True
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


_JSON = (("content-type", "application/json"),)


def calls() -> Iterator[Call]:
    """Yield requests of every class, each with the status it gets."""
    for resource in CATALOG:
        path = f"/api/v1/{resource.path}"
        yield Call(f"{resource.plural} listed", "GET", path, 200)
        yield Call(f"{resource.plural} looked at", "HEAD", path, 200)
        yield Call(f"{resource.plural} searched", "POST", f"{path}/search", 200, body=BODY, headers=_JSON)
        yield Call(f"{resource.plural} absent", "GET", f"{path}/{ANY_ID}", 404)
        yield Call(f"{resource.plural} without a token", "GET", path, 401, token=False)
        yield Call(
            f"{resource.plural} forbidden",
            "PATCH",
            f"{path}/bulk",
            403 if "update" in resource.actions_by_name else 405,
            body=BODY,
            headers=_JSON,
        )
        yield Call(f"{resource.plural} asked in vain", "GET", f"{path}?nope=1", 400)
        yield Call(f"{resource.plural} offered", "OPTIONS", path, 204, token=False)
    yield from _others()
    yield from _graphql()


def _others() -> Iterator[Call]:
    yield Call("oneself", "GET", "/api/v1/whoami", 200)
    yield Call("one's own token", "GET", "/api/v1/token", 200)
    yield Call("no such resource", "GET", "/api/v1/nothing", 404)
    yield Call("no such address", "GET", "/nothing", 404, token=False)
    yield Call("the root", "GET", "/", 404, token=False)
    yield Call(
        "a method that is none of its", "PATCH", "/api/v1/brands/search", 405, body=BODY, headers=_JSON
    )
    yield Call("health", "GET", "/health", 308, token=False)
    yield Call("life", "GET", "/health/live", 200, token=False)
    yield Call("life, looked at", "HEAD", "/health/live", 200, token=False)
    yield Call("readiness", "GET", "/health/ready", 200, token=False)
    yield Call("health of the API", "GET", "/api/v1/health", 200, token=False)
    yield Call("health, written to", "POST", "/health/live", 405, token=False, body=BODY, headers=_JSON)
    yield Call("the page of a problem", "GET", "/problems/not-found", 200, token=False)
    yield Call("the page of none", "GET", "/problems/nothing", 404, token=False)
    yield Call("the index", "GET", "/api/v1", 200, token=False)
    yield Call("the text for models", "GET", "/api/v1/agents", 200, token=False)
    yield Call("the catalogue of APIs", "GET", "/.well-known/api-catalog", 200, token=False)
    yield Call("metadata", "GET", "/.well-known/oauth-protected-resource", 200, token=False)
    yield Call("metadata of nothing", "GET", "/.well-known/oauth-protected-resource/x", 404, token=False)
    yield Call("links for models", "GET", "/llms.txt", 200, token=False)
    yield Call("the icon", "HEAD", "/favicon.ico", 200, token=False)
    yield Call("the older door", "GET", "/api/brands", 200)
    yield Call("the door of tokens", "GET", "/ui/workspaces/acme/tokens", 200)
    yield Call("a foreign door", "GET", "/ui/workspaces/globex/tokens", 404)
    yield Call("a body too large", "POST", "/api/v1/brands/search", 413, body=b" " * 1_048_577, headers=_JSON)
    yield Call("a body of another type", "POST", "/api/v1/brands/search", 415, body=b"x")
    yield Call(
        "too many headers", "GET", "/api/v1/brands", 431, headers=tuple((f"x-{n}", "v") for n in range(101))
    )
    yield Call(
        "a forged token", "GET", "/api/v1/brands", 401, token=False, headers=(("authorization", "Bearer x"),)
    )


def _graphql() -> Iterator[Call]:
    yield Call(
        "a query", "POST", "/graphql", 200, body=b'{"query":"{ brands { totalCount } }"}', headers=_JSON
    )
    yield Call("a query by address", "GET", "/graphql?query=%7Bbrands%7BtotalCount%7D%7D", 200)
    yield Call(
        "a mutation by address", "GET", "/graphql?query=mutation%7BdeleteBrand(id:1)%7Breplayed%7D%7D", 405
    )
    yield Call("no document", "POST", "/graphql", 200, body=b'{"query":"{"}', headers=_JSON)
    yield Call(
        "no document, strictly",
        "POST",
        "/graphql",
        400,
        body=b'{"query":"{"}',
        headers=(*_JSON, ("accept", "application/graphql-response+json")),
    )
    yield Call("a query without a token", "POST", "/graphql", 401, token=False, body=BODY, headers=_JSON)
    yield Call("a form", "POST", "/graphql", 415, body=b"query=x", headers=(("content-type", "text/plain"),))
    yield Call(
        "an answer that is none of its",
        "POST",
        "/graphql",
        406,
        body=BODY,
        headers=(*_JSON, ("accept", "image/png")),
    )
    yield Call("below it", "GET", "/graphql/nothing", 404, token=False)
    yield Call("what it offers", "OPTIONS", "/graphql", 204, token=False)


CALLS = list(calls())
