"""GraphQL over HTTP: requests read from, and answers fitted to, plain HTTP parts, without any framework."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import DocumentNode, OperationDefinitionNode, OperationType

from schema.document_ids import Named, hash_of, named
from services.engine.strict_json import JsonProblem, load

ALLOWED_METHODS = "GET, HEAD, POST"
BATCH_LIMIT = 10

_PARAMETERS = ("query", "operationName", "variables", "extensions", "documentId")
_QUALITY = re.compile(r"[01](?:\.\d{0,9})?")


class MediaType(StrEnum):
    """The response types of GraphQL over HTTP, the preferred one first."""

    GRAPHQL = "application/graphql-response+json"
    JSON = "application/json"

    @property
    def header(self) -> str:
        """The `Content-Type` field for a response of this type."""
        return f"{self.value}; charset=utf-8"


class HttpProblem(Exception):
    """A request that HTTP itself refuses, before any GraphQL is read.

    `slug` is the problem's name in the error catalogue and `headers` are the fields the answer must carry.
    """

    def __init__(self, status: int, slug: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of a GraphQL-over-HTTP request; absent and null are the same.

    Where a document is `named` by its hash, `query` may be empty.
    """

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    named: Named | None = None


def parse(
    method: str,
    content_type: str | None,
    accept: str | None,
    raw_query: bytes,
    body: bytes,
    *,
    body_limit: int,
    batch_limit: int = BATCH_LIMIT,
) -> GraphQLRequest | tuple[GraphQLRequest, ...]:
    """Read a request; a tuple is a batch, answered by a list.

    `raw_query` is the URL's query component as sent and `body_limit` is in bytes. Raises HttpProblem.
    """
    if method not in {"GET", "HEAD", "POST"}:
        raise _method_not_allowed(f"{method[:32]} is not a method of this address.", ALLOWED_METHODS)
    negotiate(accept)
    if max(len(body), len(raw_query)) > body_limit:
        raise HttpProblem(413, "payload-too-large", f"The request is larger than {body_limit} bytes.")
    if method != "POST":
        return _from_url(raw_query)
    if raw_query:
        raise _bad_request("A POST request carries its parameters in the body, and none in the URL.")
    _require_json(content_type or "")
    return _from_body(body, batch_limit)


@lru_cache(maxsize=64)
def negotiate(accept: str | None) -> MediaType:
    """Choose the response type by the `Accept` field (RFC 9110 section 12.5.1).

    The GraphQL type is chosen when it is named and liked no less than plain JSON. Clients that say nothing or
    only `*/*` get plain JSON, as the older ones expect. Raises HttpProblem 406.
    """
    if accept is None or not accept.strip():
        return MediaType.JSON
    ranges = _ranges(accept)
    graphql, graphql_named = _quality(MediaType.GRAPHQL, ranges)
    plain, _ = _quality(MediaType.JSON, ranges)
    if not graphql and not plain:
        raise HttpProblem(406, "not-acceptable", f"Responses are {MediaType.GRAPHQL} or {MediaType.JSON}.")
    if graphql > plain or (graphql == plain and graphql_named):
        return MediaType.GRAPHQL
    return MediaType.JSON


def prefers_html(accept: str | None) -> bool:
    """Whether a browser asks for a page: it names text/html, and likes it no less than either JSON type."""
    ranges = _ranges(accept or "")
    html, named = _quality("text/html", ranges)
    return named and html > 0 and html >= max(_quality(each, ranges)[0] for each in MediaType)


def status_for(media_type: MediaType, has_data: bool, request_error_status: int) -> int:
    """The status of a well-formed request's response.

    `has_data` says that the response has a `data` entry, be it null: then execution began and it is 200.
    Otherwise the GraphQL type carries the error's status. Plain JSON carries 200, because its readers cannot
    trust another status to come from GraphQL, except where the refusal does not depend on the document: 401,
    429 and server errors.
    """
    if has_data:
        return 200
    if media_type is MediaType.GRAPHQL or request_error_status in {401, 429} or request_error_status >= 500:
        return request_error_status
    return 200


def encode(result: Mapping[str, Any]) -> bytes:
    """One response as JSON; an `orjson.Fragment` inside is copied as it is."""
    return orjson.dumps(result)


def encode_batch(responses: Sequence[bytes]) -> bytes:
    """The encoded responses of a batch as one JSON list, in the order of its requests."""
    return b"[" + b",".join(responses) + b"]"


def is_mutation(document: DocumentNode, operation_name: str | None) -> bool:
    """Whether executing this request could run a mutation."""
    return any(
        definition.operation is OperationType.MUTATION
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        and (operation_name is None or (definition.name and definition.name.value == operation_name))
    )


def require_safe(method: str, document: DocumentNode, operation_name: str | None) -> None:
    """Refuse a mutation by a safe method; raises HttpProblem 405."""
    if method != "POST" and is_mutation(document, operation_name):
        raise _method_not_allowed(f"A mutation cannot be sent by {method}; send it by POST.", "POST")


def _from_url(raw_query: bytes) -> GraphQLRequest:
    try:
        pairs = parse_qsl(
            raw_query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(_PARAMETERS),
        )
    except ValueError:
        raise _bad_request("The URL's query is not up to five form-encoded parameters in UTF-8.") from None
    parameters: dict[str, Any] = {}
    for name, value in pairs:
        if name not in _PARAMETERS:
            raise _bad_request(f"Unknown query parameter '{name[:64]}'; known are {', '.join(_PARAMETERS)}.")
        if name in parameters:
            raise _bad_request(f"The query parameter '{name}' is given twice.")
        if "\0" in value:
            raise _bad_request(f"The query parameter '{name}' holds a NUL character.")
        parameters[name] = value
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = _load(parameters[name].encode(), f"The query parameter '{name}'")
        elif name in parameters:
            del parameters[name]
    return _request(parameters, "")


def _from_body(body: bytes, batch_limit: int) -> GraphQLRequest | tuple[GraphQLRequest, ...]:
    if not body:
        raise _bad_request("The body is empty; it must be a JSON object with a query.")
    value = _load(body, "The body")
    if not isinstance(value, list):
        return _request(value, "")
    if not 1 <= len(value) <= batch_limit:
        raise _bad_request(f"A batch holds 1 to {batch_limit} requests, this one {len(value)}.")
    return tuple(_request(item, f" of request {index}") for index, item in enumerate(value, start=1))


def _request(parameters: Any, whose: str) -> GraphQLRequest:
    """Check the types of the parameters.

    Further JSON members are ignored, as the standard reserves them and several clients send some.
    """
    if not isinstance(parameters, dict):
        raise _bad_request(f"The body{whose} must be a JSON object, not {_kind(parameters)}.")
    extensions = _typed(parameters, "extensions", dict, whose) or {}
    try:
        found = named(_typed(parameters, "documentId", str, whose), extensions.get("persistedQuery"))
    except ValueError as error:
        raise _bad_request(f"{error}") from None
    if parameters.get("query") is None and found is None:
        raise _bad_request(f"The parameter 'query'{whose} is missing.")
    query = _typed(parameters, "query", str, whose) or ""
    if query and found is not None and found.sha256 != hash_of(query):
        raise _bad_request(f"The document{whose} has another SHA-256 than the one that names it.")
    return GraphQLRequest(
        query=query,
        operation_name=_typed(parameters, "operationName", str, whose) or None,
        variables=_typed(parameters, "variables", dict, whose) or {},
        extensions=extensions,
        named=found,
    )


def _typed(parameters: Mapping[str, Any], name: str, kind: type, whose: str) -> Any:
    value = parameters.get(name)
    if value is None or isinstance(value, kind):
        return value
    wanted = "a string" if kind is str else "an object"
    raise _bad_request(f"The parameter '{name}'{whose} must be {wanted}, not {_kind(value)}.")


def _kind(value: Any) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


def _load(text: bytes, what: str) -> Any:
    try:
        return load(text)
    except JsonProblem as problem:
        raise _bad_request(f"{what} {problem}") from None


@lru_cache(maxsize=64)
def _require_json(content_type: str) -> None:
    """Refuse every request type but JSON in UTF-8.

    Forms and plain text are what a foreign page may send without asking first (CORS), so they stay refused.
    """
    name, parameters = _media_type(content_type)
    if name != MediaType.JSON or parameters.get("charset", "utf-8") not in {"utf-8", "utf8"}:
        raise HttpProblem(
            415,
            "unsupported-media-type",
            "A POST request must have the content type application/json, in UTF-8.",
            {"Accept": MediaType.JSON.value},
        )


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    """A media type or range in small letters, with its parameters."""
    name, *rest = text.lower().split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _ranges(accept: str) -> dict[str, float]:
    """The ranges of an `Accept` field with their qualities, without malformed ones and other charsets."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, parameters = _media_type(part)
        quality = parameters.get("q", "1")
        if _QUALITY.fullmatch(quality) and parameters.get("charset", "utf-8") in {"utf-8", "utf8"}:
            ranges[name] = max(ranges.get(name, 0.0), min(1.0, float(quality)))
    return ranges


def _quality(media_type: str, ranges: Mapping[str, float]) -> tuple[float, bool]:
    """How much a type is liked, by the most specific range covering it, and whether that names it."""
    if media_type in ranges:
        return ranges[media_type], True
    family = media_type.partition("/")[0] + "/*"
    return ranges.get(family, ranges.get("*/*", 0.0)), False


def _bad_request(detail: str) -> HttpProblem:
    return HttpProblem(400, "bad-request", detail)


def _method_not_allowed(detail: str, allow: str) -> HttpProblem:
    return HttpProblem(405, "method-not-allowed", detail, {"Allow": allow})
