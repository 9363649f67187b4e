"""Files are read record by record: their lines, offsets and faults are exact."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.importing.refusal import ImportRefused
from services.importing.source import Record, open_source


def write(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(path: Path, position: int = 0, line: int = 0) -> list[Record]:
    with open_source(path) as source:
        return list(source.records(position, line))


def told(records: list[Record]) -> list[tuple[int, dict[str, Any] | str]]:
    return [(record.line, record.fault.message if record.fault else record.values) for record in records]


CSV = b'name,note\r\nA,"two\r\nlines"\r\n\r\nB,\r\n'


@pytest.mark.parametrize(
    "content",
    [CSV, b"\xef\xbb\xbf" + CSV, gzip.compress(CSV), gzip.compress(b"\xef\xbb\xbf" + CSV)],
    ids=["plain", "marked", "gzipped", "marked and gzipped"],
)
def test_csv_is_read_whether_gzipped_or_marked_as_utf8(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content, "misleading.json")

    with open_source(path) as source:
        assert source.texts
        assert source.columns == ("name", "note")
    assert told(read(path)) == [(2, {"name": "A", "note": "two\r\nlines"}), (5, {"name": "B", "note": ""})]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_ndjson_keeps_the_types_of_its_values(tmp_path: Path, pack: Any) -> None:
    path = write(tmp_path, pack(b'\xef\xbb\xbf{"name": "A", "n": 1}\n\n{"name": null}'), "misleading.csv")

    with open_source(path) as source:
        assert not source.texts
        assert source.columns == ("name", "n")
    assert told(read(path)) == [(1, {"name": "A", "n": 1}), (3, {"name": None})]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("text", [CSV, b'{"a": "\xc3\xa9"}\n\n{"a": 2}\n{"a": 3}'])
def test_reading_goes_on_exactly_after_any_record(
    tmp_path: Path, pack: Any, mark: bytes, text: bytes
) -> None:
    path = write(tmp_path, pack(mark + text))
    records = read(path)

    for place, record in enumerate(records, 1):
        assert read(path, record.end, record.last_line) == records[place:]


def test_bad_rows_are_told_apart_and_the_next_ones_still_read(tmp_path: Path) -> None:
    rows = [b"a,b", b"1,\xff", b"1,2,3", b"1", b'"x"y,2', b"good,row", b'"open,row']

    assert told(read(write(tmp_path, b"\n".join(rows)))) == [
        (2, "The row is not valid UTF-8."),
        (3, "The row has 3 values for 2 columns."),
        (4, "The row has 1 values for 2 columns."),
        (5, "The row is not valid CSV: ',' expected after '\"'."),
        (6, {"a": "good", "b": "row"}),
        (7, "The row is not valid CSV: unexpected end of data."),
    ]


def test_bad_objects_are_told_apart(tmp_path: Path) -> None:
    rows = [b'{"a": 1}', b"{", b"[1]", b'{"a": "\xff"}', b'{"a": 2}']

    found = told(read(write(tmp_path, b"\n".join(rows))))

    assert [line for line, _ in found] == [1, 2, 3, 4, 5]
    assert str(found[1][1]).startswith("The row is not valid JSON: ")
    assert found[2][1] == "The row is not a JSON object."
    assert found[3][1] == "The row is not valid UTF-8."
    assert found[4][1] == {"a": 2}


def test_a_row_too_long_to_hold_is_skipped_without_holding_it(tmp_path: Path) -> None:
    path = write(tmp_path, b"a\n" + b"x" * (9 * 2**20) + b"\nshort\n")

    assert told(read(path)) == [(2, "A line may have at most 4194304 bytes."), (3, {"a": "short"})]


def test_a_forgotten_quote_does_not_swallow_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\n"' + b"1,2\n" * 100_000)

    first, *others = read(path)

    assert first.line == 2
    assert first.fault is not None
    assert first.fault.message == "The row is not valid CSV: field larger than field limit (131072)."
    assert 100_000 - len(others) == first.last_line - 1
    assert {json.dumps(record.values) for record in others[1:]} == {'{"a": "1", "b": "2"}'}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "file has no first line that names its columns."),
        (b"\n\n", "file has no first line that names its columns."),
        (b"a,a\n1,2\n", "file has a column without a name, or two of the same name: 'a'."),
        (b"a,\n1,2\n", "file has a column without a name, or two of the same name: ''."),
        (b"n\xff\n", "The first line of file is not UTF-8; convert the file first."),
        (b"[{}]", "file is one JSON list; write one object per line instead, as jq -c '.[]' does."),
        (b"{oops}\n", "file holds no line that is a JSON object."),
    ],
)
def test_a_file_without_columns_is_refused_with_advice(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused) as refusal, open_source(write(tmp_path, content)):
        pass

    assert str(refusal.value) == said


def test_an_absent_file_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ImportRefused, match="absent cannot be read: No such file"),
        open_source(tmp_path / "absent"),
    ):
        pass
    whole = gzip.compress(b"a\n" + b"".join(b"%d\n" % n for n in range(50_000)))
    path = write(tmp_path, whole[: len(whole) // 2])

    with open_source(path) as source, pytest.raises(ImportRefused, match="is damaged after line"):
        list(source.records())


def test_a_file_is_known_by_its_size_and_content_and_not_by_its_name(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, content, name)
        for name, content in (("x", b"a\n1\n"), ("y", b"a\n1\n"), ("z", b"a\n2\n"))
    ]
    digests = []
    for path in paths:
        with open_source(path) as source:
            digests.append(source.digest)

    assert digests[0] == digests[1] != digests[2]
