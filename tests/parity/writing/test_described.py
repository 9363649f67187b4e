"""What REST answers to every kind of write is what the OpenAPI document says, and so is what it takes."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from db.embedded import Embedded
from services.catalog import CATALOG
from services.engine.resource import ActionKind, Resource
from tests.parity.writing import cases, rest_side
from tests.parity.writing.twins import Twins, twins
from tests.support.described import Described

NAMES = [resource.name for resource in CATALOG if resource.bulk and resource.actions]
ONE = {ActionKind.CREATE: "post", ActionKind.REPLACE: "put", ActionKind.UPDATE: "patch"}


@pytest.fixture(scope="module")
def described() -> Described:
    """The document of the shipped catalogue."""
    return Described(CATALOG)


@pytest.fixture(scope="module")
async def own_shop(postgres: Embedded, migrated_template: str) -> AsyncIterator[Twins]:
    """Twins of which only one is written to, so that nothing else can be held against them afterwards."""
    async with twins(postgres, migrated_template, CATALOG) as made:
        yield made


@pytest.mark.parametrize("group", cases.EFFECTS)
@pytest.mark.parametrize("name", NAMES)
async def test_writes_are_answered_as_described(
    own_shop: Twins, described: Described, name: str, group: str
) -> None:
    """S3-010, S3-013: status, headers and document of every answer, and the body of every good request."""
    resource, found = await own_shop.resource(name), list[str]()
    client = await own_shop.client(own_shop.rest, "all:write")
    async for case in cases.EFFECTS[group](own_shop, resource):
        asked = rest_side.request(case)
        answer = await asked.send(client)
        faults = described.faults_of_answer(asked.method, asked.target, answer)
        if answer.status < 300 and asked.body not in (b"", b"{}"):
            body, kind = orjson.loads(asked.body), dict(asked.headers)["content-type"]
            sent = _without_what_is_ignored(resource, body)
            faults += described.faults_of_body(asked.method, asked.target, sent, kind)
        found += [f"{case.label}, {asked.method} {asked.target}: {fault}" for fault in faults]
    assert found == [], "\n".join(found[:10])


def _without_what_is_ignored(resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what may come back from a read, which no client has to send."""
    if "items" in body:
        return {"items": [{**_without_what_is_ignored(resource, each)} for each in body["items"]]}
    writable = {field.name for field in resource.writable}
    ignored = (resource.all_fields.keys() | {"links", "relationships"}) - writable - {"id"}
    return {name: value for name, value in body.items() if name not in ignored}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, action.kind) for name in NAMES for action in CATALOG[name].actions if action.kind in ONE],
)
async def test_what_is_required_is_what_is_enforced(
    own_shop: Twins, described: Described, name: str, kind: ActionKind
) -> None:
    """S3-010: the server refuses an empty body for exactly the members that the document demands."""
    resource = await own_shop.resource(name)
    action = next(each for each in resource.actions if each.kind is kind)
    made = None if kind is ActionKind.CREATE else await cases.target(own_shop, resource, action)
    target = f"/api/v1/{resource.path}" + (f"/{made.id}" if made else "")
    headers = [("if-match", made.etag)] if made else []
    content = described.operation(ONE[kind], target)["requestBody"]["content"]["application/json"]
    required = described.resolved(content["schema"]).get("required", [])

    client = await own_shop.client(own_shop.rest, "all:write")
    answer = await client.request(
        ONE[kind].upper(), target, headers=[("content-type", "application/json"), *headers], body=b"{}"
    )

    if required:
        assert answer.invalid_at({each: ["cant_be_blank"] for each in required})
    else:
        assert answer.status in (200, 201), answer.body
