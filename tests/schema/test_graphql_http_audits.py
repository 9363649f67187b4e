"""The 61 audits of GraphQL over HTTP that graphql-http asks, by its ids, on the whole application.

`make judges ARGS=graphql` asks the original; these run wherever the other tests do.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.client import Client

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
PLAIN = {"query": "{ __typename }"}
NAMED = {"query": "query Query { __typename }", "operationName": "Query"}
TYPED = {
    "query": "query Type($name: String!) { __type(name: $name) { name } }",
    "variables": {"name": "some"},
}
UNPARSED = {"query": "{"}
INVALID = {"query": "{ 8f31403dfe404bccbb0e835f2629c6a7 }"}
UNCOERCED = {"query": "query CoerceFailure($id: ID!) { __typename }", "variables": {"id": None}}
BROKEN = b'{ "not a JSON'
EXTENDED = {**PLAIN, "extensions": {"some": "value"}}
GOOD, BAD, REFUSED, ANY_FAILURE = range(200, 201), range(400, 401), range(400, 500), range(400, 600)


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit: what is sent, and what the answer must be; None sends no such header or no body.

    `clean` asks for no errors beside the data, `bare` for no member `data`; `shown` is the media type.
    """

    id: str
    sent: Any
    status: range = GOOD
    accept: str | None = None
    content_type: str | None = JSON
    method: str = "POST"
    clean: bool = False
    bare: bool = False
    shown: str = field(default="")

    @property
    def target(self) -> str:
        """Return the address, which holds the parameters of a GET."""
        if self.method == "POST":
            return "/graphql"
        values = {
            name: each if isinstance(each, str) else json.dumps(each) for name, each in self.sent.items()
        }
        return f"/graphql?{urlencode(values)}"

    @property
    def body(self) -> bytes:
        """Return the body of a POST."""
        if self.method == "GET" or self.sent is None:
            return b""
        return (
            self.sent if isinstance(self.sent, bytes) else json.dumps(self.sent, ensure_ascii=False).encode()
        )


def _each(id_: str, name: str, values: Iterable[Any], sent: dict[str, Any]) -> Iterator[Audit]:
    """Audits that a parameter of a wrong type is refused."""
    for at, value in enumerate(values):
        yield Audit(f"{id_}{at}", {**sent, name: value}, BAD)


MEDIA_TYPES = (
    Audit("22EB", PLAIN, accept=RESPONSE, shown=RESPONSE),
    Audit("4655", PLAIN, accept=JSON, shown=JSON),
    Audit("47DE", PLAIN, accept="*/*", shown=JSON),
    Audit("80D8", PLAIN, shown=JSON),
    Audit("82A3", PLAIN),
    Audit(
        "BF61", {"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}, content_type=f"{JSON}; charset=utf-8"
    ),
    Audit("78D5", PLAIN),
)
REQUESTS = (
    Audit("2C94", PLAIN),
    Audit("5A70", PLAIN, method="GET", content_type=None),
    Audit("9C48", {"query": "mutation { __typename }"}, REFUSED, RESPONSE, method="GET", content_type=None),
    Audit("9ABE", PLAIN, REFUSED, content_type=None),
    Audit("03D4", PLAIN),
    Audit("A5BF", None, BAD),
)
WRONG = ({"obj": "ect"}, 0, False, ["array"])
NO_MAPS = ("string", 0, False, ["array"])
PARAMETERS = (
    Audit("423L", {"notquery": "{ __typename }"}, BAD, RESPONSE),
    *_each("LKJ", "query", WRONG, {}),
    Audit("34A2", PLAIN, accept=RESPONSE),
    Audit("13EE", PLAIN, accept=JSON, clean=True),
    *_each("6C0", "operationName", WRONG, PLAIN),
    Audit("8161", NAMED, accept=RESPONSE),
    Audit("B8B3", NAMED, accept=JSON, clean=True),
    *(
        Audit(f"{id_}{at}", {**PLAIN, name: None}, accept=accept, clean=True)
        for at, name in enumerate(("variables", "operationName", "extensions"))
        for id_, accept in (("94B", RESPONSE), ("022", JSON))
    ),
    *_each("476", "variables", NO_MAPS, PLAIN),
    Audit("2EA1", TYPED, accept=RESPONSE),
    Audit("28B9", TYPED, accept=JSON, clean=True),
    Audit("D6D5", TYPED, accept=RESPONSE, method="GET", content_type=None, clean=True),
    Audit("6A70", TYPED, accept=JSON, method="GET", content_type=None, clean=True),
    *_each("58B", "extensions", NO_MAPS, PLAIN),
    Audit("428F", EXTENDED, accept=RESPONSE),
    Audit("1B7A", EXTENDED, accept=JSON, clean=True),
    Audit("B6DC", BROKEN, range(200, 600), JSON),
    Audit("BCF8", BROKEN, BAD, JSON),
    Audit("B7N8", BROKEN, BAD, RESPONSE),
    Audit("8764", {"qeury": "{ __typename }"}, ANY_FAILURE),
    Audit("3E3A", {"qeury": "{ __typename }"}, BAD),
)
RESPONSES = (
    Audit("572B", UNPARSED, accept=JSON),
    Audit("FDE2", INVALID, accept=JSON),
    Audit("7B9B", UNCOERCED, accept=JSON),
    Audit("865D", UNPARSED, ANY_FAILURE, RESPONSE),
    Audit("556A", UNPARSED, BAD, RESPONSE),
    Audit("D586", UNPARSED, ANY_FAILURE, RESPONSE, bare=True),
    Audit("51FE", INVALID, ANY_FAILURE, RESPONSE),
    Audit("74FF", INVALID, BAD, RESPONSE),
    Audit("5E5B", INVALID, ANY_FAILURE, RESPONSE, bare=True),
    Audit("86EE", UNCOERCED, BAD, RESPONSE),
)
AUDITS = (*MEDIA_TYPES, *REQUESTS, *PARAMETERS, *RESPONSES)


def test_none_of_the_61_audits_is_left_out() -> None:
    assert len({audit.id for audit in AUDITS}) == len(AUDITS) == 61


@pytest.mark.parametrize("audit", AUDITS, ids=[audit.id for audit in AUDITS])
async def test_graphql_over_http_is_kept(api: Client, audit: Audit) -> None:
    headers = [("content-type", audit.content_type)] if audit.content_type else []
    headers += [("accept", audit.accept)] if audit.accept else []

    answer = await api.request(audit.method, audit.target, headers=headers, body=audit.body)

    assert answer.status in audit.status
    answer.body.decode("utf-8")
    if audit.shown:
        assert audit.shown in (answer.header("content-type") or "")
    if audit.clean:
        assert "errors" not in answer.json()
    if audit.bare:
        assert "data" not in answer.json()
