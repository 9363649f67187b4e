"""Who calls: what a token can learn of itself, at no cost (S3-335 to S3-337, C-81)."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from rest.http import JSON, PRIVATE, Handler, Request, Response
from services.engine.context import Caller, Identity
from services.engine.errors import bad_request
from services.engine.read import Reader


def handlers(reader: Reader) -> dict[str, Handler]:
    """Return what answers, by path segment."""
    return {"token": _answering(reader, _token), "whoami": _answering(reader, _whoami)}


def _answering(reader: Reader, shown: Callable[[Identity, Caller], dict[str, Any]]) -> Handler:
    async def get(caller: Caller, request: Request) -> Response:
        if request.query:
            raise bad_request(f"{request.path} takes no query parameters.")
        found = await reader.identify(caller)
        return Response(200, [JSON, *PRIVATE], orjson.dumps({"data": shown(found, caller)}))

    return get


def _token(found: Identity, caller: Caller) -> dict[str, Any]:
    return {
        "workspace": {"id": found.workspace_id, "slug": found.workspace_slug},
        "scopes": found.scopes,
        "rate_limit": _rate_limit(caller),
    }


def _whoami(found: Identity, caller: Caller) -> dict[str, Any]:
    named = {"name": found.workspace_name}
    own = {
        "id": found.token_id,
        "name": found.token_name,
        "token_prefix": found.token_prefix,
        "kind": found.kind,
        "expires_at": found.expires_at,
    }
    told = _token(found, caller)
    return {
        "user": None if found.user is None else asdict(found.user),
        **told,
        "workspace": {**told["workspace"], **named},
        "token": own,
    }


def _rate_limit(caller: Caller) -> dict[str, int] | None:
    """Return what is left of the budget, null where nothing is limited."""
    standing = caller.standing
    if standing is None:
        return None
    return {
        "limit": standing.limit,
        "remaining": standing.remaining,
        "reset_at": int(caller.now) + standing.reset,
    }
