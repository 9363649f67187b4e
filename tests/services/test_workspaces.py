"""Rules of workspaces: children of one's own, their tiers and settings, and the end of them."""

from typing import Any

import psycopg
import pytest

from diptych.runtime import precheck_key
from tests.support.client import Client
from tests.support.seed import Seed, add_token, settings
from tests.support.stored import Stored

WORKSPACES = "/api/v1/workspaces"
ANY = [("if-match", "*")]
DEFAULTS = {"timezone": "UTC", "locale": "en_GB"}


async def made(shop: Client, **values: Any) -> dict[str, Any]:
    return (await shop.post(WORKSPACES, {"name": "Child", **values})).data(201)


def within(shop: Client, workspace: dict[str, Any], seed: Seed) -> Client:
    """Return a client with an admin token of another workspace."""
    with psycopg.connect(seed.database) as connection:
        key = precheck_key(settings(seed.database))
        return shop.using(add_token(connection, workspace["id"], ("all:write",), key))


async def test_a_workspace_is_made_below_the_own_one(shop: Client, stored: Stored, traded: Seed) -> None:
    """C-12."""
    child = await made(
        shop, name="Acme Österreich", parent_workspace_id=str(traded.workspaces["globex"]["id"])
    )

    own = str(traded.workspaces["acme"]["id"])
    assert (child["slug"], child["tier"], child["settings"]) == ("acme-osterreich", "free", DEFAULTS)
    assert child["parent_workspace_id"] == own
    assert str(stored.events(child["id"])[0]["workspace_id"]) == own
    stored.settled(child["id"], 1)
    assert (await shop.get(f"{WORKSPACES}/{child['id']}")).data() == child


async def test_nobody_else_sees_or_changes_it(shop: Client, stranger: Client, stored: Stored) -> None:
    """C-12, C-17."""
    child = await made(shop)
    target = f"{WORKSPACES}/{child['id']}"

    with stored.unchanged():
        (await stranger.get(target)).problem(404)
        (await stranger.patch(target, {"name": "Mine"})).problem(404)
        (await stranger.put(target, {"name": "Mine"}, headers=ANY)).problem(404)
        (await stranger.delete(target)).problem(404)
        (await stranger.post(f"{target}/restore", {})).problem(404)


async def test_slugs_are_unique_among_all_workspaces(shop: Client, stranger: Client, stored: Stored) -> None:
    """Even those that cannot be seen; one that was made gives way."""
    await made(stranger, name="Only Once", slug="only-once")

    with stored.unchanged():
        (await shop.post(WORKSPACES, {"name": "x", "slug": "only-once"})).invalid(slug=["already_taken"])
        (await shop.post(WORKSPACES, {"name": "x", "slug": "x" * 64})).invalid(slug=["too_long"])
        (await shop.post(WORKSPACES, {"name": "x", "slug": "Not A Slug"})).invalid(slug=["invalid_format"])
    assert (await made(shop, name="Only Once"))["slug"].startswith("only-once-")
    assert len((await made(shop, name="ß" * 255))["slug"]) <= 63
    answer = await shop.post(f"{WORKSPACES}/bulk", {"items": [{"name": "Twins"}, {"name": "Twins"}]})
    assert answer.json()["summary"]["succeeded"] == 2
    twice = [{"name": "x", "slug": "twins-2"}, {"name": "y", "slug": "twins-2"}]
    with stored.unchanged():
        answer = await shop.post(f"{WORKSPACES}/bulk", {"items": twice})
    answer.invalid_at({"items.1.slug": ["already_taken"]})


async def test_a_slug_can_be_kept_and_changed(shop: Client) -> None:
    child = await made(shop, slug="first-slug")
    target = f"{WORKSPACES}/{child['id']}"

    assert (await shop.put(target, child, headers=ANY)).data()["slug"] == "first-slug"
    assert (await shop.patch(target, {"slug": "second-slug"})).data()["slug"] == "second-slug"
    (await shop.patch(target, {"slug": "globex"})).invalid(slug=["already_taken"])


@pytest.mark.parametrize(
    ("tier", "allowed"),
    [("free", True), ("starter", True), ("pro", True), ("business", False), ("enterprise", False)],
)
async def test_no_child_has_a_higher_tier_than_its_maker(
    shop: Client, stored: Stored, tier: str, allowed: bool
) -> None:
    """The caller's own is pro."""
    if allowed:
        assert (await made(shop, tier=tier))["tier"] == tier
    else:
        with stored.unchanged():
            (await shop.post(WORKSPACES, {"name": "x", "tier": tier})).invalid(tier=["exclusion"])


async def test_a_tier_is_not_changed_by_whoever_has_it(shop: Client, stored: Stored, traded: Seed) -> None:
    """Neither one's own nor a child's; sent back or left out, it stays."""
    child = await made(shop, tier="starter")

    with stored.unchanged():
        for id_ in (child["id"], traded.workspaces["acme"]["id"]):
            answer = await shop.patch(f"{WORKSPACES}/{id_}", {"tier": "enterprise"})
            answer.invalid(tier=["exclusion"])
    target = f"{WORKSPACES}/{child['id']}"
    assert (await shop.patch(target, {"tier": "starter"})).status == 200
    assert (await shop.put(target, {"name": "Child"}, headers=ANY)).data()["tier"] == "starter"


async def test_a_dropped_setting_reads_as_its_default(shop: Client) -> None:
    """C-41: a map replaces, a merge patch merges."""
    child = await made(shop, settings={"timezone": "Europe/Vienna", "locale": "de_AT"})
    target = f"{WORKSPACES}/{child['id']}"

    merged = await shop.patch(target, {"settings": {"locale": "de_DE"}}, merge=True)
    cleared = await shop.patch(target, {"settings": {"locale": None}}, merge=True)
    replaced = await shop.patch(target, {"settings": {"locale": "fr"}})
    reset = await shop.put(target, {"name": "Child"}, headers=ANY)

    assert merged.data()["settings"] == {"timezone": "Europe/Vienna", "locale": "de_DE"}
    assert cleared.data()["settings"] == {"timezone": "Europe/Vienna", "locale": "en_GB"}
    assert replaced.data()["settings"] == {"timezone": "UTC", "locale": "fr"}
    assert reset.data()["settings"] == DEFAULTS


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"timezone": "Mars/Olympus"}, {"settings.timezone": ["inclusion"]}),
        ({"timezone": 1}, {"settings.timezone": ["inclusion"]}),
        ({"timezone": "../../etc/passwd"}, {"settings.timezone": ["inclusion"]}),
        ({"timezone": "localtime"}, {"settings.timezone": ["inclusion"]}),
        ({"locale": "english"}, {"settings.locale": ["invalid_format"]}),
        ({"locale": ["en_GB"]}, {"settings.locale": ["invalid_format"]}),
        (
            {"colour": "red", "locale": "xx-"},
            {"settings.colour": ["unknown_field"], "settings.locale": ["invalid_format"]},
        ),
        (None, {"settings": ["cant_be_blank"]}),
        ([], {"settings": ["invalid_format"]}),
    ],
)
@pytest.mark.parametrize("merge", [False, True])
async def test_settings_are_known_and_well_formed(
    shop: Client, stored: Stored, traded: Seed, sent: Any, wrong: dict[str, list[str]], merge: bool
) -> None:
    target = f"{WORKSPACES}/{traded.workspaces['labs']['id']}"

    with stored.unchanged():
        answer = await shop.patch(target, {"settings": sent}, merge=merge)

    answer.invalid_at(wrong)


async def test_the_own_workspace_cannot_be_deleted(shop: Client, stored: Stored, traded: Seed) -> None:
    """C-12."""
    with stored.unchanged():
        (await shop.delete(f"{WORKSPACES}/{traded.workspaces['acme']['id']}")).names(409, "belongs")


async def test_the_tokens_of_a_deleted_child_open_nothing_until_it_is_back(
    shop: Client, traded: Seed
) -> None:
    """C-12: 401, at once."""
    child = await made(shop)
    inner, target = within(shop, child, traded), f"{WORKSPACES}/{child['id']}"
    assert (await inner.get("/api/v1/brands")).status == 200

    assert (await shop.delete(target)).status == 204
    (await inner.get("/api/v1/brands")).problem(401)
    (await inner.post("/api/v1/brands", {"name": "x"})).problem(401)
    assert (await shop.post(f"{target}/restore", {})).data()["deleted_at"] is None
    assert (await inner.get("/api/v1/brands")).status == 200


async def test_a_workspace_with_live_ones_below_it_cannot_be_deleted(
    shop: Client, stored: Stored, traded: Seed
) -> None:
    """C-12: the tokens of those below would live on."""
    child = await made(shop)
    inner, target = within(shop, child, traded), f"{WORKSPACES}/{child['id']}"
    grandchild = await made(inner)

    with stored.unchanged():
        (await shop.delete(target)).names(409, "workspaces of its own")
    assert (await inner.delete(f"{WORKSPACES}/{grandchild['id']}")).status == 204
    assert (await shop.delete(target)).status == 204


async def test_a_workspace_does_not_come_back_if_its_slug_is_taken(
    shop: Client, stranger: Client, stored: Stored
) -> None:
    """Q-07."""
    child = await made(shop, slug="fought-over")
    await shop.delete(f"{WORKSPACES}/{child['id']}")
    await made(stranger, slug="fought-over")

    with stored.unchanged():
        (await shop.post(f"{WORKSPACES}/{child['id']}/restore", {})).names(409, "slug")


async def test_a_child_sees_itself_and_not_its_maker(shop: Client, traded: Seed) -> None:
    """C-12: a token sees its own workspace and those that this one made."""
    child = await made(shop)

    assert (await within(shop, child, traded).get(WORKSPACES)).ids() == [child["id"]]


async def test_a_slug_that_was_sent_goes_before_one_that_is_made(shop: Client) -> None:
    """As with every other resource, whichever comes first in the request."""
    items = [{"name": "Sent Or Made"}, {"name": "x", "slug": "sent-or-made"}]

    answer = await shop.post(f"{WORKSPACES}/bulk", {"items": items})

    assert answer.status == 201, answer.body[:500]
    made_slug, sent_slug = (entry["data"]["slug"] for entry in answer.json()["data"])
    assert sent_slug == "sent-or-made"
    assert made_slug.startswith("sent-or-made-")


async def test_slugs_cannot_be_swapped_at_once(shop: Client, stored: Stored) -> None:
    """C-52: a slug is taken until its workspace has given it up; the error tells the item."""
    first, second = await made(shop, slug="swapped-first"), await made(shop, slug="swapped-second")
    items = [{"id": first["id"], "slug": second["slug"]}, {"id": second["id"], "slug": first["slug"]}]

    with stored.unchanged():
        answer = await shop.patch(f"{WORKSPACES}/bulk", {"items": items})

    answer.invalid_at({"items.0.slug": ["already_taken"], "items.1.slug": ["already_taken"]})
    kept = await shop.patch(f"{WORKSPACES}/bulk", {"items": [{"id": first["id"], "slug": first["slug"]}]})
    assert kept.status == 200
