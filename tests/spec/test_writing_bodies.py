"""Bodies of writes: what is no JSON object of the right type is refused, and nothing changes (Q-03, Q-04)."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.stored import Stored

JSON = [("content-type", "application/json")]
UTF16 = '{"name": "x"}'.encode("utf-16")

MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "missing"),
    "blank": (b" \r\n\t ", "missing"),
    "cut short": (b'{"name": "x"', "JSON"),
    "two objects": (b'{"name": "x"}{}', "JSON"),
    "a word": (b"name", "JSON"),
    "single quotes": (b"{'name': 'x'}", "JSON"),
    "a last comma": (b'{"name": "x",}', "JSON"),
    "a comment": (b'{"name": "x"} // y', "JSON"),
    "not a number": (b'{"name": "x", "position": NaN}', "JSON"),
    "infinity": (b'{"name": "x", "position": Infinity}', "JSON"),
    "a leading zero": (b'{"name": "x", "position": 01}', "JSON"),
    "bad bytes": (b'{"name": "\xff\xfe"}', "JSON"),
    "another encoding": (UTF16, "JSON"),
    "half a character": (rb'{"name": "\ud83c"}', "JSON"),
    "a raw control character": (b'{"name": "a\nb"}', "JSON"),
    "a byte order mark": (b'\xef\xbb\xbf{"name": "x"}', "JSON"),
    "a form": (b"name=x", "JSON"),
    "a NUL character": (rb'{"name": "a\u0000b"}', "NUL"),
    "a NUL in a map": (rb'{"name": "x", "metadata": {"a\u0000": 1}}', "NUL"),
    "null": (b"null", "object"),
    "a list": (b"[]", "object"),
    "a list of objects": (b'[{"name": "x"}]', "object"),
    "a text": (b'"name"', "object"),
    "a number": (b"1", "object"),
    "true": (b"true", "object"),
    "a member twice": (b'{"name": "x", "name": "y"}', "'name' twice"),
    "a member twice, escaped": (rb'{"name": "x", "n\u0061me": "y"}', "'name' twice"),
    "a member twice within": (b'{"name": "x", "metadata": {"a": {"b": 1, "b": 1}}}', "'b' twice"),
    "a huge number": (b'{"name": "x", "position": 1' + b"0" * 30 + b"}", "64 bits"),
    "deep lists": (b'{"name": "x", "metadata": ' + b"[" * 100 + b"]" * 100 + b"}", "deeper than 64"),
    "deep objects": (b'{"a":' * 500 + b"1" + b"}" * 500, "deeper than 64"),
    "endless depth": (b"[" * 100_000, "JSON"),
}
WRITES = {
    "create": ("POST", "/api/v1/customers"),
    "replace": ("PUT", "{target}"),
    "update": ("PATCH", "{target}"),
    "bulk create": ("POST", "/api/v1/customers/bulk"),
    "bulk update": ("PATCH", "/api/v1/customers/bulk"),
    "bulk delete": ("DELETE", "/api/v1/customers/bulk"),
    "bulk-delete": ("POST", "/api/v1/customers/bulk-delete"),
}


@pytest.fixture(scope="module")
async def target(shop: Client) -> AsyncIterator[str]:
    """The address of a row that none of these requests may change."""
    made = (await shop.post("/api/v1/customers", {"name": "Untouched", "email": "u@example.com"})).data(201)
    yield made["links"]["self"]
    assert (await shop.get(made["links"]["self"])).data() == made


async def sent(shop: Client, write: str, target: str, body: bytes, headers: Any = JSON) -> Answer:
    method, address = WRITES[write]
    tagged = [*headers, ("if-match", "*")] if "target" in address else list(headers)
    return await shop.request(method, address.format(target=target), headers=tagged, body=body)


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_is_no_json_object_is_refused(
    shop: Client, stored: Stored, target: str, case: str
) -> None:
    """S3-255, Q-03, Q-04: by every write that takes a body."""
    body, named = MALFORMED[case]
    with stored.unchanged():
        for write in WRITES:
            (await sent(shop, write, target, body)).names(400, named)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json-patch+json",
        "application/vnd.api+json",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/merge-patch+json; charset=utf-16",
        "json",
        "*/*",
    ],
)
async def test_other_media_types_are_refused(
    shop: Client, stored: Stored, target: str, content_type: str
) -> None:
    """Q-04: also with a body that would be right."""
    with stored.unchanged():
        for write in WRITES:
            answer = await sent(shop, write, target, b'{"name": "x"}', [("content-type", content_type)])
            answer.names(415, "application/json")


async def test_a_body_without_a_type_is_refused(shop: Client, stored: Stored, target: str) -> None:
    """Q-04."""
    with stored.unchanged():
        for write in WRITES:
            (await sent(shop, write, target, b'{"name": "x"}', [])).problem(415)


@pytest.mark.parametrize("write", [write for write in WRITES if WRITES[write][0] != "PATCH"])
async def test_merge_patches_are_for_patch_alone(
    shop: Client, stored: Stored, target: str, write: str
) -> None:
    """C-41."""
    with stored.unchanged():
        headers = [("content-type", "application/merge-patch+json")]
        (await sent(shop, write, target, b'{"name": "x"}', headers)).problem(415)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json ; charset=utf8",
    ],
)
async def test_json_is_read_however_its_type_is_spelled(shop: Client, content_type: str) -> None:
    """S3-101, RFC 9110 section 8.3.1."""
    answer = await shop.request(
        "POST", "/api/v1/brands", headers=[("content-type", content_type)], body=b'{"name": "Spelled"}'
    )

    assert answer.data(201)["name"] == "Spelled"


async def test_patch_tells_what_it_reads(shop: Client) -> None:
    """RFC 5789, section 3.1."""
    answer = await shop.request("OPTIONS", f"/api/v1/brands/{uuid.uuid4()}")

    assert answer.header("accept-patch") == "application/json, application/merge-patch+json"
    assert (await shop.request("OPTIONS", "/api/v1/brands")).header("accept-patch") is None


async def test_a_body_beyond_the_limit_changes_nothing(shop: Client, stored: Stored, target: str) -> None:
    """Q-15."""
    body = json.dumps({"name": "x", "metadata": {"a": "x" * 1_048_576}}).encode()
    with stored.unchanged():
        for write in WRITES:
            (await sent(shop, write, target, body)).problem(413)


async def test_a_body_may_come_in_pieces(shop: Client) -> None:
    """Q-15."""
    body = json.dumps({"name": "In Pieces", "description": "é" * 3000}, ensure_ascii=False).encode()

    answer = await shop.request("POST", "/api/v1/brands", headers=JSON, body=body, chunk=7)

    assert answer.data(201)["description"] == "é" * 3000


@pytest.mark.parametrize("body", [b"{}", b"x", b" ", b'{"ids": []}', b"null"])
async def test_deleting_one_row_takes_no_body(shop: Client, stored: Stored, target: str, body: bytes) -> None:
    """C-53: what would be ignored is refused."""
    with stored.unchanged():
        (await shop.request("DELETE", target, headers=JSON, body=body)).names(400, "body", "DELETE")


async def test_restoring_takes_nothing_or_an_empty_object(shop: Client, stored: Stored) -> None:
    """S3-320."""
    made = (await shop.post("/api/v1/customers", {"name": "Back and Forth"})).data(201)
    address = f"/api/v1/customers/{made['id']}"
    for headers, body in (([], b""), (JSON, b""), (JSON, b"{}"), (JSON, b" { } ")):
        assert (await shop.delete(address)).status == 204
        answer = await shop.request("POST", f"{address}/restore", headers=headers, body=body)
        assert answer.data()["deleted_at"] is None

    assert (await shop.delete(address)).status == 204
    with stored.unchanged():
        for headers, body, status, named in (
            (JSON, b'{"name": "x"}', 400, "'name'"),
            (JSON, b"[]", 400, "object"),
            (JSON, b"{", 400, "JSON"),
            (JSON, b'{"a": 1, "a": 2}', 400, "twice"),
            ([], b"{}", 415, "application/json"),
            ([("content-type", "text/plain")], b"x", 415, "application/json"),
        ):
            answer = await shop.request("POST", f"{address}/restore", headers=headers, body=body)
            answer.names(status, named)
    stored.settled(made["id"], stored.row("customers", made["id"])["version"])
