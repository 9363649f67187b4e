"""Operations that no declaration makes: who calls, whether the server lives, and what describes it."""

from collections.abc import Iterator

from rest.openapi import parameters
from rest.openapi.draft import Draft, Json, array, nullable, opened
from rest.openapi.headers import answered
from rest.openapi.operations import Operation, response
from rest.openapi.values import named
from services.engine.enumerations import enumerations
from services.roles import Role

ROOT = "/"
_TEXT: Json = {"type": "string"}
_UUID: Json = {"type": "string", "format": "uuid"}
_NUMBER: Json = {"type": "integer", "format": "int64"}


def operations(draft: Draft, tag: str) -> Iterator[tuple[Operation, Json]]:
    """Yield the operations, those that tell of the server under `tag`."""
    caller = draft.catalog.modules[0].name if draft.catalog.modules else tag
    for path, name, said in _CALLERS:
        found = Operation(path, "get", name, said, caller)
        schema = draft.schema(f"{name[:1].upper()}{name[1:]}Response", _identity, draft, path)
        found.responses = {"200": response(draft, said, schema)}
        yield found, found.document(draft)
    found = Operation("/enums", "get", "getEnums", "The values of every enum", tag)
    found.description = (
        "By resource and field, in the order in which they are declared; and every code of errors."
    )
    found.parameters = [parameters.header(draft, "IfNoneMatch")]
    found.responses = _kept(response(draft, "All of them.", _enums(draft), "ETag"))
    yield found, found.document(draft)
    for path, name, said, server in _PUBLIC:
        found = Operation(path, "get", name, said, tag, public=True, server=server)
        found.responses = _answers(draft, name, said)
        yield found, found.document(draft, *((404,) if "{" in path else ()))


_CALLERS = (
    ("/token", "getCurrentToken", "What the token may do"),
    ("/whoami", "whoami", "Who calls, and with which token"),
)
_PUBLIC = (
    ("/", "getIndex", "Where everything is", None),
    ("/openapi.json", "getOpenapi", "This document", None),
    ("/agents", "getAgents", "The whole API in one text, for language models", None),
    ("/schema.graphql", "getGraphqlSchema", "The schema of the GraphQL surface", None),
    ("/health", "getHealth", "Whether the server lives, and its version", None),
    ("/health/live", "getLiveness", "Whether the server lives", ROOT),
    ("/health/ready", "getReadiness", "Whether the server and what it depends on are ready", ROOT),
)


def _identity(draft: Draft, path: str) -> Json:
    workspace: Json = {"id": _UUID, "slug": {**_TEXT, "examples": ["acme"]}}
    shown = {"limit": 240, "remaining": 198, "reset_at": 1_773_568_860}
    limit = {part: {**_NUMBER, "examples": [value]} for part, value in shown.items()}
    told: Json = {
        "workspace": opened(workspace, list(workspace)),
        "scopes": array({**_TEXT, "examples": ["orders:read"]}),
        "rate_limit": nullable(draft.schema("RateLimitState", lambda: opened(limit, list(limit)))),
    }
    if path == "/whoami":
        named = {**workspace, "name": {**_TEXT, "examples": ["Acme"]}}
        told |= {"workspace": opened(named, list(named)), "user": _user(draft), "token": _token(draft)}
    return opened({"data": opened(told, list(told))}, ["data"])


def _user(draft: Draft) -> Json:
    members: Json = {
        "id": _UUID,
        "email": {**_TEXT, "examples": ["ada@example.com"]},
        "name": {**_TEXT, "examples": ["Ada"]},
        "role": {"anyOf": [named(draft, Role), {"type": "null"}]},
        "is_platform_admin": {"type": "boolean", "examples": [False]},
    }
    return nullable(draft.schema("SessionUser", lambda: opened(members, list(members))))


def _token(draft: Draft) -> Json:
    members: Json = {
        "id": _UUID,
        "name": {**_TEXT, "examples": ["research-bot"]},
        "token_prefix": {**_TEXT, "examples": ["dip_prod_a1b"]},
        "kind": {**_TEXT, "examples": ["api"]},
        "expires_at": {"type": ["string", "null"], "format": "date-time", "examples": [None]},
    }
    return draft.schema("CallingToken", lambda: opened(members, list(members)))


def _answers(draft: Draft, name: str, said: str) -> Json:
    if name == "getOpenapi":
        schema: Json = {"type": "object", "additionalProperties": True, "examples": [{"openapi": "3.1.0"}]}
        found = response(draft, f"{said}.", schema, "ETag")
        found["content"]["application/openapi+json"] = found["content"]["application/json"]
        return _kept(found)
    if name == "getIndex":
        return _kept(response(draft, f"{said}.", draft.schema("Index", _index, draft), "ETag", "Link"))
    if name in _TEXTS:
        text = {"schema": {**_TEXT, "examples": ["# Diptych API"]}}
        content = dict.fromkeys(_TEXTS[name], text)
        return _kept({"description": f"{said}.", "headers": answered(draft, "ETag"), "content": content})
    health = draft.schema("Health", lambda: _HEALTH)
    found = {"200": response(draft, "It does.", health)}
    return found | ({"503": response(draft, "It does not.", health)} if name == "getReadiness" else {})


_TEXTS = {
    "getAgents": ("text/markdown", "text/plain"),
    "getGraphqlSchema": ("text/plain", "application/graphql"),
}


def _kept(found: Json) -> Json:
    """Return what is answered, or that the client has it already."""
    return {"200": found, "304": {"description": "The client has it already.", "headers": found["headers"]}}


def _index(draft: Draft) -> Json:
    place = {"type": "string", "format": "uri-reference", "examples": ["/api/v1"]}
    links = (
        "self",
        "openapi",
        "agents",
        "graphql_schema",
        "enums",
        "token",
        "api_catalog",
        "problems",
        "docs",
    )
    told: Json = {
        "name": {**_TEXT, "examples": ["Diptych API"]},
        "version": {**_TEXT, "description": "Of the server.", "examples": ["0.1.0"]},
        "links": {
            **opened(dict.fromkeys(links, place), list(links)),
            "additionalProperties": place,
            "description": "Descriptions, and the other surfaces by name.",
        },
        "resources": {
            "type": "object",
            "additionalProperties": place,
            "description": "Where the rows of each resource are.",
            "examples": [{resource.plural: f"/api/v1/{resource.path}" for resource in draft.catalog}],
        },
    }
    return opened({"data": opened(told, list(told))}, ["data"])


def _enums(draft: Draft) -> Json:
    return draft.schema("EnumsResponse", lambda: opened({"data": _enums_by_resource(draft)}, ["data"]))


def _enums_by_resource(draft: Draft) -> Json:
    values = array({**_TEXT, "examples": ["active"]}, description="In the order to show them in.")
    told = {"values": values, "description": {**_TEXT, "examples": ["Life cycle of the product."]}}
    one = draft.schema("EnumValues", lambda: opened(told, list(told), description="The values of one enum."))
    found: Json = {
        plural: opened(dict.fromkeys(fields, one), list(fields))
        for plural, fields in enumerations(draft.catalog).items()
    }
    found |= {"error_codes": one, "problem_codes": one}
    return opened(found, list(found))


_HEALTH = opened(
    {
        "status": {"type": "string", "enum": ["ok", "degraded"]},
        "version": {**_TEXT, "description": "Of the server.", "examples": ["0.1.0"]},
        "checks": {"type": "object", "additionalProperties": _TEXT, "examples": [{"database": "ok"}]},
    },
    ["status"],
)
