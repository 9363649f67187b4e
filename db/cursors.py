"""Cursors as the database writes them: a payload and its keyed digest in one base64url text.

The payload is JSON: `{"v":1,"q":<query>,"t":<day>,"d":<direction>,"k":[<sort values as text>, <id>]}`. The
beginning, up to `"k":`, is the same for a whole page and arrives as one value; the digest is HMAC-SHA-256
(RFC 2104) cut to 96 bits. `services.engine.cursor` reads what is written here.
"""

from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import BYTEA

INNER = bindparam("cursor_inner", type_=BYTEA())
OUTER = bindparam("cursor_outer", type_=BYTEA())
DIGEST_BYTES = 12
BLOCK_BYTES = 64


def key_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer pads of HMAC-SHA-256 for `key` (at most 64 bytes)."""
    block = key.ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def keys(source: str, columns: tuple[str, ...]) -> ColumnElement[Any]:
    """Return the sort values and id of a row of `source`, as the text of a JSON array of texts."""
    values = ", ".join(f"{source}.{column}::text" for column in columns)
    return literal_column(f"json_build_array({values})::text", Text())


def cursor(beginning: ColumnElement[Any], row_keys: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the cursor of a row, null where `row_keys` is null."""
    whole = beginning.op("||")(row_keys).op("||")(_sql("'}'"))
    # The offset keeps the planner from writing the payload out twice, and so from computing it twice.
    made = select(func.convert_to(whole, _sql("'UTF8'")).label("payload")).offset(_sql("0")).subquery("made")
    inner = func.sha256(INNER.op("||")(made.c.payload))
    digest = func.substring(func.sha256(OUTER.op("||")(inner)), _sql("1"), _sql(str(DIGEST_BYTES)))
    text = func.encode(made.c.payload.op("||")(digest), _sql("'base64'"))
    return select(func.translate(text, _sql("E'+/=\\n'"), _sql("'-_'"))).scalar_subquery()


def _sql(text: str) -> ColumnElement[Any]:
    return literal_column(text)
