"""One request as it is sent, and the same one with other values in the places of some."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote_plus

import orjson

from tests.isolation.marks import told_by
from tests.parity import graphql_side, rest_side
from tests.parity.writing import rest_side as writing_rest
from tests.support.client import Answer, Client

GRAPHQL = "/graphql"
_JSON = (("content-type", "application/json"),)


@dataclass(frozen=True)
class Ask:
    """One request; `label` says what it is, and `still` that it changes nothing, whatever it answers."""

    label: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    still: bool = False

    @cached_property
    def text(self) -> str:
        """Return all that it says."""
        return "\n".join(
            (
                self.target,
                unquote_plus(self.target),
                *(value for _, value in self.headers),
                self.body.decode(),
            )
        )

    @cached_property
    def told(self) -> set[str]:
        """Return what whoever sends it knows."""
        return told_by(self.text)

    def with_headers(self, *headers: tuple[str, str]) -> "Ask":
        """Return it with more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def changed(self, values: Mapping[str, str]) -> "Ask":
        """Return it with some texts in place of others."""

        def put(text: str) -> str:
            for old, new in values.items():
                text = re.sub(re.escape(old), new, text, flags=re.IGNORECASE)
            return text

        headers = tuple((name, put(value)) for name, value in self.headers)
        return replace(self, target=put(self.target), headers=headers, body=put(self.body.decode()).encode())

    async def send(self, client: Client) -> Answer:
        """Return the answer to it."""
        return await client.request(self.method, self.target, headers=self.headers, body=self.body)

    def __str__(self) -> str:
        """Return it in one line for whoever reads of it."""
        headers = "".join(f" {name}: {value};" for name, value in self.headers)
        return f"{self.label}: {self.method} {self.target}{headers} {self.body.decode()[:1500]}"


def get(label: str, target: str) -> Ask:
    """Return a GET."""
    return Ask(label, "GET", target, still=True)


def sent(label: str, method: str, target: str, body: Any, *, still: bool = False) -> Ask:
    """Return a request with a JSON body."""
    return Ask(label, method, target, _JSON, orjson.dumps(body), still)


def of_read(label: str, request: rest_side.Request | graphql_side.Request, *, by_get: bool = False) -> Ask:
    """Return a read of either surface."""
    if isinstance(request, graphql_side.Request):
        return graphql(label, request.query, request.variables, by_get=by_get, still=True)
    if request.body is None:
        return get(label, request.target)
    return sent(label, "POST", request.target, request.body, still=True)


def of_write(label: str, request: writing_rest.Request | graphql_side.Request, *, still: bool) -> Ask:
    """Return a write of either surface."""
    if isinstance(request, graphql_side.Request):
        return graphql(label, request.query, request.variables, still=still)
    return Ask(label, request.method, request.target, request.headers, request.body, still)


def graphql(
    label: str, query: str, variables: Any = None, *, by_get: bool = False, still: bool = False
) -> Ask:
    """Return a GraphQL operation."""
    if by_get:
        given = orjson.dumps(variables or {}).decode()
        return get(label, f"{GRAPHQL}?query={quote(query)}&variables={quote(given)}")
    return sent(label, "POST", GRAPHQL, {"query": query, "variables": variables or {}}, still=still)
