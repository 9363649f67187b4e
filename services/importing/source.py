"""Files to import: CSV or NDJSON, plain or gzipped, read record by record in bounded memory."""

import csv
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson

from services.engine.errors import Invalid
from services.importing.refusal import ImportRefused

LONGEST_LINE = 4 * 2**20
LONGEST_ROW = 16 * 2**20

_BOM = b"\xef\xbb\xbf"
_NOT_UTF8 = Invalid("invalid_format", "The row is not valid UTF-8.")
_SAMPLE = 2**20


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file: the line it begins on, where it ends, and its values by column or its fault."""

    line: int
    last_line: int
    end: int
    values: dict[str, Any]
    fault: Invalid | None = None


class Source:
    """An open file; `texts` tells that its values are texts (CSV) rather than JSON values (NDJSON)."""

    def __init__(self, path: Path, raw: IO[bytes]) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.digest = _digest(raw, self.size)
        self._raw = raw
        self._zipped = raw.read(2) == b"\x1f\x8b"
        lines = self._open(0, 0)
        self.texts = not self._looks_like_json(lines)
        self.columns = self._csv_header(lines) if self.texts else self._json_columns()
        self._first = (lines.offset, lines.number) if self.texts else (0, 0)

    @property
    def consumed(self) -> int:
        """Return how many bytes of the file, compressed as it may be, have been read."""
        return self._raw.tell()

    def records(self, position: int = 0, line: int = 0) -> Iterator[Record]:
        """Yield the records after byte `position` of the text, which ends line number `line`.

        Raises `ImportRefused` when compressed data is damaged.
        """
        lines = self._open(*max((position, line), self._first))
        rows = self._csv_rows(lines) if self.texts else self._json_rows(lines)
        try:
            yield from rows
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ImportRefused(
                f"The compressed data of {self.path.name} is damaged after line {lines.number} ({error}). "
                "The rows before are imported; repair the file and import it again: rows that exist are "
                "rejected."
            ) from error

    def _open(self, position: int, line: int) -> "_Lines":
        self._raw.seek(0)
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw) if self._zipped else self._raw)
        stream.seek(position)
        return _Lines(stream, position, line)

    def _looks_like_json(self, lines: "_Lines") -> bool:
        start = lines.peek().removeprefix(_BOM).lstrip()[:1]
        if start == b"[":
            raise ImportRefused(
                f"{self.path.name} is one JSON list; write one object per line instead, as jq -c '.[]' does."
            )
        return start == b"{"

    def _csv_header(self, lines: "_Lines") -> tuple[str, ...]:
        try:
            header = next(csv.reader(lines, strict=True), [])
        except csv.Error as error:
            raise ImportRefused(f"The first line of {self.path.name} is not valid CSV: {error}.") from error
        if lines.fault is not None:
            raise ImportRefused(f"The first line of {self.path.name} is not UTF-8; convert the file first.")
        names = tuple(name.strip() for name in header)
        if not any(names):
            raise ImportRefused(f"{self.path.name} has no first line that names its columns.")
        for name in names:
            if not name or names.count(name) > 1:
                raise ImportRefused(
                    f"{self.path.name} has a column without a name, or two of the same name: '{name}'."
                )
        return names

    def _json_columns(self) -> tuple[str, ...]:
        first = next((row for row in self._json_rows(self._open(0, 0)) if row.fault is None), None)
        if first is None:
            raise ImportRefused(f"{self.path.name} holds no line that is a JSON object.")
        return tuple(first.values)

    def _csv_rows(self, lines: "_Lines") -> Iterator[Record]:
        reader, width = csv.reader(lines, strict=True), len(self.columns)
        while True:
            first = lines.begin()
            fault, cells = None, [""]
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = Invalid("invalid_format", f"The row is not valid CSV: {error}.")
            if not cells:
                continue
            if fault is None and len(cells) != width:
                fault = Invalid("invalid_format", f"The row has {len(cells)} values for {width} columns.")
            yield lines.record(first, dict(zip(self.columns, cells, strict=False)), fault)

    def _json_rows(self, lines: "_Lines") -> Iterator[Record]:
        while True:
            first = lines.begin()
            text = next(lines, None)
            if text is None:
                return
            if text.isspace():
                continue
            fault = None
            values: Any = {}
            try:
                values = orjson.loads(text) if lines.fault is None else {}
            except orjson.JSONDecodeError as error:
                fault = Invalid("invalid_format", f"The row is not valid JSON: {error.msg}.")
            if not isinstance(values, dict):
                fault, values = Invalid("invalid_format", "The row is not a JSON object."), {}
            yield lines.record(first, values, fault)


class _Lines:
    """Decoded lines of a stream; counts the bytes and lines read, and keeps what was wrong with them."""

    def __init__(self, stream: IO[bytes], offset: int, number: int) -> None:
        self._stream = stream
        self._start = offset
        self.offset = offset
        self.number = number
        self.fault: Invalid | None = None

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        if self.offset == 0:
            self.offset += len(_BOM) * line.startswith(_BOM)
            line = line.removeprefix(_BOM)
        self.offset += len(line)
        self.number += 1
        if len(line) == LONGEST_LINE:
            self._skip()
        elif self.offset - self._start > LONGEST_ROW:
            raise csv.Error(f"it has more than {LONGEST_ROW} bytes; a quote may be missing")
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.fault = self.fault or _NOT_UTF8
            return line.decode(errors="replace")

    def begin(self) -> int:
        """Begin a record and return the number of its first line."""
        self.fault = None
        self._start = self.offset
        return self.number + 1

    def record(self, first: int, values: dict[str, Any], fault: Invalid | None) -> Record:
        """Return the record that began on line `first`."""
        return Record(first, self.number, self.offset, values, self.fault or fault)

    def peek(self) -> bytes:
        """Return the first bytes of the stream and go back to its beginning."""
        found = self._stream.read(4096)
        self._stream.seek(0)
        return found

    def _skip(self) -> None:
        self.fault = Invalid("too_long", f"A line may have at most {LONGEST_LINE} bytes.")
        while rest := self._stream.readline(LONGEST_LINE):
            self.offset += len(rest)
            if rest.endswith(b"\n"):
                return


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open `path`; raises `ImportRefused` when it cannot be read or has no columns."""
    with ExitStack() as stack:
        try:
            source = Source(path, stack.enter_context(path.open("rb")))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ImportRefused(f"The compressed data of {path.name} is damaged: {error}.") from error
        except OSError as error:
            raise ImportRefused(f"{path} cannot be read: {error.strerror or error}.") from error
        yield source


def _digest(raw: IO[bytes], size: int) -> str:
    """Identify a file by its size and its first and last MiB, as hashing all of it takes too long."""
    digest = hashlib.sha256(str(size).encode())
    digest.update(raw.read(_SAMPLE))
    raw.seek(max(0, size - _SAMPLE))
    digest.update(raw.read(_SAMPLE))
    raw.seek(0)
    return digest.hexdigest()
