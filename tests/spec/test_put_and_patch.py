"""PUT and PATCH (S3.15, S3-108 to S3-114, C-41): the whole row, or the fields that were sent."""

from typing import Any

import pytest

from services.engine.encoding import short_identifier
from services.engine.versions import tag
from tests.support.client import Client
from tests.support.expected import document
from tests.support.seed import Seed
from tests.support.stored import Stored

FULL = {
    "name": "Whole",
    "email": "whole@example.com",
    "phone": "+44 20 7946 0000",
    "country": "Germany",
    "metadata": {"a": 1, "b": {"c": 2, "d": 3}, "e": ["x"]},
}


async def customer(shop: Client, **changes: Any) -> tuple[str, dict[str, Any]]:
    made = (await shop.post("/api/v1/customers", {**FULL, **changes})).data(201)
    return f"/api/v1/customers/{made['id']}", made


async def test_patch_changes_only_what_was_sent(shop: Client, stored: Stored) -> None:
    """S3-112, S3-164."""
    target, before = await customer(shop)

    answer = await shop.patch(target, {"country": "France"})

    after = answer.data()
    assert after == {**before, "country": "France", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert after == document("customers", stored.row("customers", before["id"]))
    assert answer.header("etag") == tag(before["id"], 2)
    assert answer.header("cache-control") == "no-store"
    assert answer.header("location") is None
    stored.settled(before["id"], 2)


async def test_patch_sets_null_where_null_was_sent(shop: Client) -> None:
    """S3-111, S3-165."""
    target, _ = await customer(shop)

    after = (await shop.patch(target, {"email": None, "metadata": None})).data()

    assert (after["email"], after["metadata"], after["country"]) == (None, None, "Germany")


async def test_patch_replaces_a_map_as_a_whole(shop: Client) -> None:
    """S3-108, S3-110, S3-113: what was not sent within the map is gone."""
    target, _ = await customer(shop)

    assert (await shop.patch(target, {"metadata": {"a": 2}})).data()["metadata"] == {"a": 2}
    assert (await shop.patch(target, {"metadata": {}})).data()["metadata"] == {}


async def test_a_merge_patch_merges_maps(shop: Client) -> None:
    """C-41, RFC 7396: null takes a member away, lists are replaced."""
    target, before = await customer(shop)
    sent = {
        "country": None,
        "metadata": {"a": None, "b": {"c": None, "f": 4}, "e": ["y", None], "g": {"h": None}},
    }

    after = (await shop.patch(target, sent, merge=True)).data()

    assert after["metadata"] == {"b": {"d": 3, "f": 4}, "e": ["y", None], "g": {}}
    assert (after["country"], after["email"]) == (None, before["email"])


async def test_a_merge_patch_of_null_clears_the_map(shop: Client) -> None:
    """C-41, S3-111."""
    target, _ = await customer(shop)

    assert (await shop.patch(target, {"metadata": None}, merge=True)).data()["metadata"] is None
    assert (await shop.patch(target, {"metadata": {"a": {"b": 1}}}, merge=True)).data()["metadata"] == {
        "a": {"b": 1}
    }


async def test_an_empty_patch_is_a_change_of_version_alone(shop: Client, stored: Stored) -> None:
    """S3-143: every update changes the tag, also one that sets the same values."""
    target, before = await customer(shop)

    for version, body in ((2, {}), (3, {"name": before["name"]}), (4, {"metadata": before["metadata"]})):
        answer = await shop.patch(target, body)
        assert answer.data() == {**before, "updated_at": answer.data()["updated_at"]}
        assert answer.header("etag") == tag(before["id"], version)
    stored.settled(before["id"], 4)


async def test_put_resets_what_was_not_sent(shop: Client, stored: Stored) -> None:
    """S3-162, S3-163: to the default of the field, which for most is null."""
    target, before = await customer(shop)

    answer = await shop.put(target, {"name": "Only a Name"}, headers=[("if-match", tag(before["id"], 1))])

    after = answer.data()
    assert after.items() >= {"name": "Only a Name", "email": None, "phone": None, "country": None}.items()
    assert after["metadata"] == {}
    assert after["inserted_at"] == before["inserted_at"]
    assert after == document("customers", stored.row("customers", before["id"]))
    assert answer.header("etag") == tag(before["id"], 2)


async def test_put_resets_a_product_to_its_defaults(shop: Client) -> None:
    """S3-163."""
    full = {"name": "Full", "status": "active", "price_cents": 1, "currency": "EUR", "quantity": 7}
    made = (await shop.post("/api/v1/products", full)).data(201)

    after = (
        await shop.put(f"/api/v1/products/{made['id']}", {"name": "Full"}, headers=[("if-match", "*")])
    ).data()

    assert after.items() >= {"status": "draft", "price_cents": None, "currency": None, "quantity": 0}.items()


async def test_put_demands_what_is_required(shop: Client, stored: Stored) -> None:
    """S3-162: all required fields must be present; the others being right changes nothing."""
    target, before = await customer(shop)
    headers = [("if-match", tag(before["id"], 1))]

    with stored.unchanged():
        (await shop.put(target, {"country": "France"}, headers=headers)).invalid(name=["cant_be_blank"])
        (await shop.put(target, {}, headers=headers)).invalid(name=["cant_be_blank"])
        (await shop.put(target, {"name": None}, headers=headers)).invalid(name=["cant_be_blank"])
    assert (await shop.get(target)).data() == before


async def test_what_was_included_can_be_sent_back(shop: Client, stored: Stored) -> None:
    """Q-02: it tells its type, which is taken if it is the right one."""
    brand = (await shop.post("/api/v1/brands", {"name": "Included"})).data(201)
    product = (await shop.post("/api/v1/products", {"name": "x", "brand_id": brand["id"]})).data(201)
    (included,) = (await shop.get(f"/api/v1/products/{product['id']}?include=brand")).json()["included"]
    target, anything = included["links"]["self"], [("if-match", "*")]

    again = (await shop.put(target, included, headers=anything)).data()

    assert included["type"] == "brand"
    assert again == {**brand, "updated_at": again["updated_at"]}
    with stored.unchanged():
        answer = await shop.put(target, {**included, "type": "product"}, headers=anything)
    answer.invalid(type=["unknown_field"])


async def test_a_row_that_was_read_can_be_put_back(shop: Client, stored: Stored) -> None:
    """Q-02: a round trip changes nothing but the version."""
    target, _ = await customer(shop)
    read = await shop.get(target)

    after = await shop.put(target, read.data(), headers=[("if-match", read.header("etag") or "")])

    assert after.data() == {**read.data(), "updated_at": after.data()["updated_at"]}
    stored.settled(read.data()["id"], 2)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_only_a_living_row_of_the_workspace_can_be_changed(
    shop: Client, stored: Stored, written: Seed, method: str
) -> None:
    """S3-258, Q-01, Q-05, Q-06: never made by PUT; another's, deleted, absent and ill-formed are the same."""
    ids = (
        written.deleted("customers")[0]["id"],
        written.live("customers", "globex")[0]["id"],
        "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20",
        "bulk-",
        "x",
        "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a2",
    )
    details = set()
    with stored.unchanged():
        for id_ in ids:
            send = shop.put if method == "PUT" else shop.patch
            answer = await send(f"/api/v1/customers/{id_}", {"name": "Nobody"}, headers=[("if-match", "*")])
            details.add(answer.problem(404)["detail"])
    assert len(details) == 1


async def test_an_id_may_be_written_in_every_accepted_way(shop: Client, stored: Stored) -> None:
    """C-35: short, in capitals, or without hyphens; the answer has the canonical one."""
    id_ = (await customer(shop))[1]["id"]

    for version, written in enumerate((short_identifier(id_), id_.upper(), id_.replace("-", "")), start=2):
        headers = [("if-match", tag(id_, version - 1))]
        answer = await shop.patch(f"/api/v1/customers/{written}", {"phone": str(version)}, headers=headers)
        assert answer.data()["id"] == id_
        assert answer.header("etag") == tag(id_, version)
    assert stored.row("customers", id_)["phone"] == "4"


async def test_put_takes_no_merge_patch(shop: Client, stored: Stored) -> None:
    """C-41: only PATCH does."""
    target, before = await customer(shop)
    headers = [("content-type", "application/merge-patch+json"), ("if-match", "*")]

    with stored.unchanged():
        (await shop.request("PUT", target, headers=headers, body=b'{"name":"x"}')).names(
            415, "application/json"
        )
        (await shop.request("POST", "/api/v1/customers", headers=headers[:1], body=b'{"name":"x"}')).problem(
            415
        )
    assert (await shop.get(target)).data() == before
