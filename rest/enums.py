"""The enumerations over REST: what clients build their choices from (S3-322 to S3-328, C-75)."""

from collections.abc import Sequence
from typing import Any

import orjson

from rest.http import Handler, Request, Response
from rest.published import Published, publish
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.enumerations import enumerations, field_codes, problem_codes
from services.engine.errors import bad_request
from services.engine.read import Reader

PATH = "enums"
SECONDS = 5
"""How long a client may keep them (S3-323)."""

CODES_DOC = "What is wrong with a field, in `errors` of a problem, or with a row of a bulk request."
PROBLEMS_DOC = "The `code` of a problem, the last segment of its `type`."


def document(catalog: Catalog) -> dict[str, Any]:
    """Return every enumeration by resource and field, and the codes of errors."""
    found: dict[str, Any] = {
        plural: {name: _told(each.values, each.doc) for name, each in fields.items()}
        for plural, fields in enumerations(catalog).items()
    }
    found["error_codes"] = _told(field_codes(), CODES_DOC)
    found["problem_codes"] = _told(problem_codes(), PROBLEMS_DOC)
    return {"data": found}


def _told(values: Sequence[str], said: str) -> dict[str, Any]:
    return {"values": list(values), "description": said}


def handler(catalog: Catalog, reader: Reader) -> Handler:
    """Return what answers a live token."""
    made: list[Published] = []

    async def get(caller: Caller, request: Request) -> Response:
        if request.query:
            raise bad_request(f"{request.path} takes no query parameters.")
        await reader.confirm(caller)
        if not made:
            made.append(Published.of_bytes(orjson.dumps(document(catalog)), "enums-"))
        return publish({b"application/json": made[0]}, request.headers, seconds=SECONDS)

    return get
