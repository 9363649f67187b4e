"""Requests as they go over the wire."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request of a target."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def raw(self, port: int) -> bytes:
        """Return the bytes to send."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def get(path: str, headers: dict[str, str]) -> Request:
    """Return a GET request for JSON."""
    return Request("GET", path, {"Accept": "application/json", **headers})


def post(path: str, body: Any, headers: dict[str, str]) -> Request:
    """Return a POST request of JSON."""
    kinds = {"Accept": "application/json", "Content-Type": "application/json"}
    return Request("POST", path, {**kinds, **headers}, json.dumps(body).encode())


def graphql(query: str, variables: dict[str, Any], headers: dict[str, str]) -> Request:
    """Return a GraphQL request over POST."""
    return post("/graphql", {"query": query, "variables": variables}, headers)


def ask(port: int, request: Request) -> tuple[int, bytes]:
    """Send one request and return the status and the body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(request.method, request.path, request.body or None, request.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
