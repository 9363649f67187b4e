"""A client that calls the whole application in process and reads its answers byte for byte."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

import orjson

Application = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]
HeaderPairs = Iterable[tuple[str, str | bytes]]

_BODILESS = (204, 304)
_SAFE = "/?&=%,:;@!$'()*+~-._[]"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; header names are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the only value of a header, None where it is absent; a repeated one fails the test."""
        found = [value for known, value in self.headers if known == name]
        assert len(found) <= 1, f"{name} is repeated: {found}"
        return found[0] if found else None

    def problem(self, status: int) -> dict[str, Any]:
        """Return the problem object after checking that it is a whole one of that status (RFC 9457)."""
        assert self.status == status, (self.status, self.body[:500])
        assert self.header("content-type") == "application/problem+json"
        found = self.json()
        assert found["status"] == status
        assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(found)
        # A repeated refusal is the one that was given first.
        if self.header("idempotency-replayed") is None:
            assert found["request_id"] == self.header("x-request-id")
        assert isinstance(found, dict)
        return found

    def names(self, status: int, *named: str) -> dict[str, Any]:
        """Return the problem of that status after checking that its detail names the offending things."""
        found = self.problem(status)
        for name in named:
            assert name in found["detail"], found["detail"]
        return found

    def data(self, status: int = 200) -> dict[str, Any]:
        """Return the one row of a successful answer."""
        assert self.status == status, (self.status, self.body[:500])
        found = self.json()
        assert set(found) == {"data"}
        assert isinstance(found["data"], dict)
        return found["data"]

    def invalid(self, **expected: list[str]) -> dict[str, Any]:
        """Return the 422 problem after checking that exactly these fields are invalid, with these codes."""
        return self.invalid_at(expected)

    def invalid_at(self, expected: dict[str, list[str]]) -> dict[str, Any]:
        """Return the 422 problem after checking that exactly these paths are invalid, with these codes."""
        found = self.problem(422)
        assert found["code"] == "validation-failed"
        assert found["errors"] == expected
        assert {name: len(codes) for name, codes in expected.items()} == {
            name: len(sentences) for name, sentences in found["error_messages"].items()
        }
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return the data of a successful collection."""
        assert self.status == 200, (self.status, self.body[:500])
        data = self.json()["data"]
        assert isinstance(data, list)
        return data

    def ids(self) -> list[str]:
        """Return the ids of a successful collection, in order."""
        return [row["id"] for row in self.rows()]


@dataclass(frozen=True, slots=True)
class Client:
    """Calls `application` with one token, or with none, from the address `peer`."""

    application: Application
    token: str | None = None
    scheme: str = "http"
    peer: str = "127.0.0.1"

    def using(self, token: str | None) -> "Client":
        """Return a client of the same application with another token."""
        return replace(self, token=token)

    async def get(self, target: str, *, headers: HeaderPairs = ()) -> Answer:
        """GET a path with its query string; what a URL cannot hold is percent-encoded."""
        return await self.request("GET", target, headers=headers)

    async def search(self, resource: str, body: Any, query: str = "") -> Answer:
        """POST a search to a resource's search address."""
        target = f"/api/v1/{resource}/search" + (f"?{query}" if query else "")
        return await self.post(target, body)

    async def post(self, target: str, body: Any, *, headers: HeaderPairs = ()) -> Answer:
        """POST a JSON body."""
        return await self._sending("POST", target, body, headers)

    async def put(self, target: str, body: Any, *, headers: HeaderPairs = ()) -> Answer:
        """PUT a JSON body."""
        return await self._sending("PUT", target, body, headers)

    async def patch(
        self, target: str, body: Any, *, headers: HeaderPairs = (), merge: bool = False
    ) -> Answer:
        """PATCH with a JSON body, or a merge patch (RFC 7396)."""
        return await self._sending("PATCH", target, body, headers, "merge-patch+json" if merge else "json")

    async def delete(self, target: str, body: Any = None, *, headers: HeaderPairs = ()) -> Answer:
        """DELETE, with a JSON body unless that is None."""
        if body is None:
            return await self.request("DELETE", target, headers=headers)
        return await self._sending("DELETE", target, body, headers)

    async def _sending(
        self, method: str, target: str, body: Any, headers: HeaderPairs, kind: str = "json"
    ) -> Answer:
        sent = [("content-type", f"application/{kind}"), *headers]
        return await self.request(
            method, target, headers=sent, body=json.dumps(body, ensure_ascii=False).encode()
        )

    async def request(
        self, method: str, target: str, *, headers: HeaderPairs = (), body: bytes = b"", chunk: int = 65_536
    ) -> Answer:
        """Send one request, its body in chunks, and return the response after checking its framing."""
        path, _, query = quote(target, safe=_SAFE).partition("?")
        pairs = [(name.lower().encode(), _encoded(value)) for name, value in headers]
        if self.token is not None:
            pairs.append((b"authorization", b"Bearer " + self.token.encode()))
        if body and not any(name == b"content-length" for name, _ in pairs):
            pairs.append((b"content-length", b"%d" % len(body)))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(b"host", b"api.example.com"), *pairs],
            "client": (self.peer, 50_000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        sent: list[MutableMapping[str, Any]] = []
        pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
        messages = iter(
            {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
            for place, piece in enumerate(pieces)
        )

        async def receive() -> MutableMapping[str, Any]:
            found = next(messages, None)
            if found is None:
                # The client stays until it is answered.
                await asyncio.Event().wait()
            return found or {}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        return _answer(method, sent)


def _encoded(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _answer(method: str, sent: list[MutableMapping[str, Any]]) -> Answer:
    assert [message["type"] for message in sent[:1]] == ["http.response.start"]
    assert all(message["type"] == "http.response.body" for message in sent[1:])
    headers = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    assert all(name == name.lower() for name, _ in headers)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    answer = Answer(sent[0]["status"], headers, body)
    if method == "HEAD" or answer.status in _BODILESS:
        assert body == b""
    elif sent[1].get("more_body"):
        assert answer.header("content-length") is None
        assert not sent[-1].get("more_body"), "The body breaks off."
    else:
        assert answer.header("content-length") == str(len(body))
    return answer
