"""Exports: rows as CSV or NDJSON, portion by portion, the same over HTTP as at the command line."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

# Spreadsheets take the wide forms of some of these for the same.
_FORMULA = (
    *"=+-@\t\r\n",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def media_type(self) -> str:
        """Return its media type: RFC 4180 for CSV, one JSON object a line for the other."""
        return "text/csv" if self is Format.CSV else "application/x-ndjson"


def head(format_: Format, columns: Sequence[str]) -> bytes:
    """Return what comes before all rows."""
    return _csv([columns]) if format_ is Format.CSV else b""


def portion(format_: Format, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return some rows, reduced to `columns`."""
    if format_ is Format.CSV:
        return _csv([_cell(row[name]) for name in columns] for row in rows)
    return b"".join(
        orjson.dumps({name: row[name] for name in columns}, option=orjson.OPT_APPEND_NEWLINE) for row in rows
    )


def _csv(lines: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue().encode()


def _cell(value: Any) -> str:
    """Return a value as a cell: objects as JSON, and no text that a spreadsheet takes for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return f"'{value}" if value.startswith(_FORMULA) else value
