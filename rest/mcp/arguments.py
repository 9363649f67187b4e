"""Arguments of tools: one flat object, of which the request of REST is made that an operation stands for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import orjson

from rest.http import BASE, Request
from services.engine.errors import Problem, bad_request
from services.engine.resource import Operator

_OPERATORS = frozenset(map(str, Operator))
_JSON_BODY = {b"content-type": b"application/json"}
_UNUSABLE = "~"
"""What no row and no literal segment of an address is called."""


class Kind(StrEnum):
    """Where an argument goes."""

    PATH = "path"
    QUERY = "query"
    LIST = "list"
    FILTER = "filter"
    FIELDS = "fields"
    HEADER = "header"
    MEMBER = "member"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an argument goes, and what it is called there."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Form:
    """How the request of one operation is made of arguments, by their names.

    `path` are its segments below the base path, `{name}` for those that are arguments. `literals` are what
    stands in such a place in addresses of other operations. An operation may have a body, and perhaps `must`.
    """

    method: str
    path: tuple[str, ...]
    places: Mapping[str, Place]
    literals: frozenset[str] = frozenset()
    has_body: bool = False
    must_have_body: bool = False
    accept: bytes = b"application/json"
    required: tuple[str, ...] = field(default=())

    def request(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        """Return the request; raises the 400 problem naming the argument that it cannot be made of."""
        for name in arguments:
            if name not in self.places:
                known = ", ".join(self.places) or "none"
                raise bad_request(f"{name[:64]!r} is no argument of {tool}; there are: {known}.")
        given = {name: value for name, value in arguments.items() if self._counts(name, value)}
        segments = tuple(self._segment(each, given) for each in self.path)
        headers = {b"accept": self.accept}
        for name, value in self._of(Kind.HEADER, given):
            headers[name.lower().encode()] = _text(name, value).encode()
        body = self._body(given)
        path = "/".join((BASE, *(quote(each, safe="") for each in segments)))
        query = "&".join(self._query(given)).encode()
        return Request(self.method, path, segments, query, headers | (_JSON_BODY if body else {}), body)

    def _counts(self, name: str, value: Any) -> bool:
        """Tell whether an argument is given; many clients send null for what they leave out."""
        if value is None and name == "cursor":
            # As absent it would start from the beginning again, and a walk would never end.
            raise bad_request("The cursor is null: there is no further page.")
        return value is not None or self.places[name].kind is Kind.MEMBER

    def _of(self, kind: Kind, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the arguments that go to places of one kind, under their names there."""
        for name, value in given.items():
            place = self.places[name]
            if place.kind is kind:
                yield place.name, value

    def _segment(self, each: str, given: Mapping[str, Any]) -> str:
        if not each.startswith("{"):
            return each
        name = each[1:-1]
        if name not in given:
            raise bad_request(f"{name!r} is missing: the address needs it.")
        value = _text(name, given[name])
        # An id must not lead to another operation: `export` names none.
        return _UNUSABLE if value in self.literals or not value else value

    def _query(self, given: Mapping[str, Any]) -> Iterator[str]:
        for name, value in self._of(Kind.QUERY, given):
            yield f"{name}={quote(_text(name, value), safe='')}"
        for name, value in self._of(Kind.LIST, given):
            yield f"{name}={_listed(name, value)}"
        for _, value in self._of(Kind.FIELDS, given):
            for name, each in _object("included_fields", value).items():
                yield f"fields[{quote(name, safe='')}]={_listed(name, each)}"
        for _, value in self._of(Kind.FILTER, given):
            yield from _filters("", _object("filter", value))

    def _body(self, given: Mapping[str, Any]) -> bytes:
        if not self.has_body:
            return b""
        for _, value in self._of(Kind.BODY, given):
            return orjson.dumps(value)
        members = dict(self._of(Kind.MEMBER, given))
        return orjson.dumps(members) if members or self.must_have_body else b""


def _filters(path: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a query parameter for every comparison of a structured filter; raises the 400 problem."""
    for name, value in conditions.items():
        if path and name in _OPERATORS:
            yield _compared(path, name, value)
        elif isinstance(value, dict):
            yield from _filters(f"{path}.{name}" if path else name, value)
        elif path or isinstance(value, list):
            raise bad_request(f"{f'{path}.{name}'.strip('.')[:64]!r} needs an operator, such as eq or in.")
        else:
            # A value by itself is what the field equals.
            yield _compared(name, Operator.EQ, value)


def _compared(path: str, operator: str, value: Any) -> str:
    name = quote(path, safe=".")
    if value is None and operator == Operator.EQ:
        return f"filter[{name}][null]=true"
    told = _listed(path, value) if isinstance(value, list) else quote(_text(path, value), safe="")
    return f"filter[{name}]={told}" if operator == Operator.EQ else f"filter[{name}][{operator}]={told}"


def _listed(name: str, value: Any) -> str:
    if isinstance(value, str):
        return quote(value, safe=",")
    if not isinstance(value, list):
        raise _wrong(name, "a list")
    texts = [_text(name, each) for each in value]
    if any("," in text for text in texts):
        raise bad_request(f"An entry of {name[:64]!r} holds a comma; the search tool takes any text.")
    return ",".join(quote(text, safe="") for text in texts)


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise _wrong(name, "a single value")
    return orjson.dumps(value).decode()


def _wrong(name: str, wanted: str) -> Problem:
    return bad_request(f"{name[:64]!r} takes {wanted}.")
