"""Tokens that end: revocation, the last admin, rotation (S3.7, C-08, C-85)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.spec.conftest import Workshops
from tests.support.client import Client
from tests.support.workshop import Workshop, graphql

TOKENS = "/api/v1/tokens"
DELETE = "mutation($id: ID!) { deleteToken(id: $id) { deletedId problem { status code } } }"
ROTATE = """mutation($id: ID!, $input: RotateTokenInput, $key: String) {
  rotateToken(id: $id, input: $input, idempotencyKey: $key) {
    token { id name scopes rotatedFromId expiresAt etag } rawToken gracePeriodEndsAt replayed
    problem { status code errors } } }"""


async def works(client: Client) -> bool:
    """Tell whether a token opens both surfaces; they must agree."""
    rest = (await client.get("/api/v1/token")).status
    asked = (await graphql(client, "{ viewer { scopes } }")).status
    assert rest == asked
    return rest == 200


def target(shop: Workshop, client: Client) -> str:
    return f"{TOKENS}/{shop.id_of(client)}"


# Revoking


async def test_a_revoked_token_is_dead_from_the_next_request_on(workshops: Workshops) -> None:
    """S3-084, S3-086, S3-087, C-85: with its event and its audit row."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("all:read")
    assert await works(bot)

    answer = await admin.delete(target(shop, bot))

    assert (answer.status, answer.body) == (204, b"")
    assert not await works(bot)
    row = shop.row(bot)
    assert row["revoked_at"] == row["deleted_at"] is not None
    (event,) = shop.stored.events(shop.id_of(bot))
    (audit,) = shop.stored.audits(shop.id_of(bot))
    assert (event["type"], audit["action"]) == ("token.revoked", "token.revoked")
    assert str(audit["token_id"]) == shop.id_of(admin)


async def test_graphql_revokes_alike(workshops: Workshops) -> None:
    """S3-087."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("all:read")

    told = (await graphql(admin, DELETE, id=shop.id_of(bot))).json()["data"]["deleteToken"]

    assert told == {"deletedId": shop.id_of(bot), "problem": None}
    assert not await works(bot)


async def test_revocation_is_for_good(workshops: Workshops) -> None:
    """S3-088, C-85: there is no way back, and no second time."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("all:read")
    assert (await admin.delete(target(shop, bot))).status == 204

    for answer in (
        await admin.post(f"{target(shop, bot)}/restore", {}),
        await admin.patch(target(shop, bot), {"name": "back"}),
        await admin.post(f"{target(shop, bot)}/rotate", {}),
        await admin.delete(target(shop, bot)),
    ):
        answer.problem(404)
    assert "data" not in (await graphql(admin, 'mutation { restoreToken(id: "x") { replayed } }')).json()
    assert not await works(bot)


@pytest.mark.parametrize("scopes", [(), ("products:read",), ("tokens:read",)])
async def test_a_token_may_revoke_itself_whatever_it_may_do_else(
    workshops: Workshops, scopes: tuple[str, ...]
) -> None:
    """S3-085."""
    shop = workshops()
    first, second, other = shop.holder(*scopes), shop.holder(*scopes), shop.holder()

    refused = (await first.delete(target(shop, other))).problem(403)
    assert refused["required_scope"] == "tokens:delete"
    told = (await graphql(first, DELETE, id=shop.id_of(other))).json()["errors"][0]["extensions"]["problem"]
    assert told["required_scope"] == "tokens:delete"
    assert await works(other)

    assert (await first.delete(target(shop, first))).status == 204
    told = (await graphql(second, DELETE, id=shop.id_of(second))).json()["data"]["deleteToken"]
    assert told["problem"] is None
    assert (await works(first), await works(second)) == (False, False)


@pytest.mark.parametrize("scope", ["tokens:write", "tokens:delete", "all:write"])
async def test_others_are_revoked_by_who_may_write_or_delete_tokens(workshops: Workshops, scope: str) -> None:
    """S3-085, C-05, C-08."""
    shop = workshops()
    manager, bot = shop.holder(scope), shop.holder("products:write")

    assert (await manager.delete(target(shop, bot))).status == 204


# The last admin


async def test_the_last_admin_token_stays(workshops: Workshops) -> None:
    """S3-089, C-08: neither revoked nor stripped nor dated, by itself, on either surface."""
    shop = workshops()
    admin = shop.holder("all:write")
    shop.holder("all:read")
    shop.holder("tokens:write")
    shop.holder("all:write", revoked_at=datetime.now(UTC), deleted_at=datetime.now(UTC))
    shop.holder("all:write", expires_at=datetime.now(UTC) - timedelta(minutes=1))
    shop.holder("all:write", kind="session", expires_at=datetime.now(UTC) + timedelta(hours=1))
    own = target(shop, admin)
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    before = shop.rows()

    for answer in (
        await admin.delete(own),
        await admin.patch(own, {"scopes": ["all:read"]}),
        await admin.put(own, {"name": "x", "scopes": ["tokens:write"]}, headers=[("if-match", "*")]),
        await admin.patch(own, {"expires_at": soon}),
    ):
        assert "last admin" in answer.problem(409)["detail"]
    told = (await graphql(admin, DELETE, id=shop.id_of(admin))).json()["data"]["deleteToken"]
    assert told["problem"] == {"status": 409, "code": "conflict"}
    assert shop.rows() == before
    assert (await admin.patch(own, {"name": "renamed"})).status == 200


async def test_with_a_second_admin_the_first_may_go(workshops: Workshops) -> None:
    """S3-089."""
    shop = workshops()
    first, second = shop.holder("all:write"), shop.holder("all:write")

    assert (await second.delete(target(shop, first))).status == 204
    (await second.delete(target(shop, second))).problem(409)


async def test_of_admins_that_revoke_each_other_at_once_one_remains(workshops: Workshops) -> None:
    """S3-089, C-08: under concurrency."""
    shop = workshops()
    admins = [shop.holder("all:write") for _ in range(6)]
    for admin in admins:
        assert await works(admin)

    answers = await asyncio.gather(*(admin.delete(target(shop, admin)) for admin in admins))

    assert sorted(answer.status for answer in answers) == [204] * 5 + [409]
    assert [await works(admin) for admin in admins].count(True) == 1


async def test_of_admins_that_give_up_their_scopes_at_once_one_remains(workshops: Workshops) -> None:
    """S3-089, C-08."""
    shop = workshops()
    admins = [shop.holder("all:write") for _ in range(4)]
    changes = [
        {"scopes": []},
        {"expires_at": "2999-01-01T00:00:00Z"},
        {"scopes": ["all:read"]},
        {"scopes": []},
    ]
    for admin in admins:
        assert await works(admin)

    pairs = zip(admins, changes, strict=True)
    answers = await asyncio.gather(*(admin.patch(target(shop, admin), change) for admin, change in pairs))

    lasting = [row for row in shop.rows() if row["scopes"] == ["all:write"] and row["expires_at"] is None]
    statuses = sorted(answer.status for answer in answers)
    # One that only got an end is an admin still, so it may be that each of the others could go.
    assert statuses in ([200] * 3 + [409], [200] * 4)
    assert [row for row in shop.rows() if row["scopes"] == ["all:write"]]
    assert len(lasting) == statuses.count(409)


# Rotating


async def test_a_rotation_puts_a_new_token_in_the_place_of_the_old_one(workshops: Workshops) -> None:
    """S2-022, S2-023, C-85: both work until the grace period ends."""
    shop = workshops()
    admin = shop.holder("all:write")
    bot = shop.holder("products:read", name="bot", burst=9, rate_limit_tier="pro")

    answer = await admin.post(f"{target(shop, bot)}/rotate", {"grace_period_hours": 2})

    made = answer.data(200)
    assert made["id"] != shop.id_of(bot)
    assert (made["name"], made["scopes"], made["burst"]) == ("bot", ["products:read"], 9)
    assert (made["rate_limit_tier"], made["expires_at"]) == ("pro", None)
    assert made["rotated_from_id"] == shop.id_of(bot)
    assert answer.header("cache-control") == "no-store"
    assert answer.header("etag") == (await admin.get(f"{TOKENS}/{made['id']}")).header("etag")
    old = (await admin.get(target(shop, bot))).data()
    assert old["expires_at"] == made["grace_period_ends_at"]
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left < timedelta(hours=2)
    assert (await works(bot), await works(bot.using(made["token"]))) == (True, True)
    assert [event["type"] for event in shop.stored.events(shop.id_of(bot))] == ["token.rotated"]
    assert [event["type"] for event in shop.stored.events(made["id"])] == ["token.created"]
    shop.stored.settled(made["id"], 1)
    assert made["token"][12:] not in str(shop.stored.events(made["id"]))


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_a_day_of_grace_is_given_unless_said_otherwise(workshops: Workshops, body: bytes) -> None:
    """S2-022."""
    shop = workshops()
    admin = shop.holder("all:write")
    path = f"{target(shop, admin)}/rotate"

    answer = await admin.request("POST", path, headers=[("content-type", "application/json")], body=body)

    left = datetime.fromisoformat(answer.data()["grace_period_ends_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left < timedelta(hours=24)


async def test_without_grace_the_old_token_is_dead_at_once(workshops: Workshops) -> None:
    """C-85: on the other surface too, and though it was the last admin."""
    shop = workshops()
    admin = shop.holder("all:write")
    given = {"gracePeriodHours": 0}

    told = (await graphql(admin, ROTATE, id=shop.id_of(admin), input=given)).json()["data"]["rotateToken"]

    assert told["problem"] is None
    assert told["token"]["rotatedFromId"] == shop.id_of(admin)
    assert told["token"]["scopes"] == ["all:write"]
    assert (await works(admin), await works(admin.using(told["rawToken"]))) == (False, True)


@pytest.mark.parametrize("hours", [0, 1])
async def test_nothing_puts_off_the_end_of_a_rotated_token(workshops: Workshops, hours: int) -> None:
    """C-85: neither an admin nor itself, over either surface; an earlier end is another matter."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("tokens:write")
    made = (await admin.post(f"{target(shop, bot)}/rotate", {"grace_period_hours": hours})).data()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    whole = {"name": "bot", "scopes": ["tokens:write"]}
    update = "mutation($id: ID!) { updateToken(id: $id, input: {expiresAt: null}) { problem { errors } } }"

    with shop.stored.unchanged():
        for holder in (admin, bot)[: 1 + hours]:
            for ends in (None, later):
                answer = await holder.patch(target(shop, bot), {"expires_at": ends})
                answer.invalid(expires_at=["exclusion"])
            answer = await holder.put(target(shop, bot), whole, headers=[("if-match", "*")])
            answer.invalid(expires_at=["exclusion"])
            told = (await graphql(holder, update, id=shop.id_of(bot))).json()["data"]["updateToken"]
            assert told["problem"]["errors"] == {"expires_at": ["exclusion"]}

    assert await works(bot) is bool(hours)
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    if hours:
        assert (await admin.patch(target(shop, bot), {"expires_at": soon, "name": "old"})).status == 200
    assert (await admin.patch(f"{TOKENS}/{made['id']}", {"expires_at": later})).status == 200
    assert (await admin.patch(f"{TOKENS}/{made['id']}", {"expires_at": None})).status == 200


async def test_a_rotation_never_lets_a_token_live_longer(workshops: Workshops) -> None:
    """C-85: neither the old one nor, with it, the new one."""
    shop = workshops()
    ends = datetime.now(UTC) + timedelta(minutes=5)
    admin, bot = shop.holder("all:write"), shop.holder(expires_at=ends)

    made = (await admin.post(f"{target(shop, bot)}/rotate", {"grace_period_hours": 720})).data()

    assert datetime.fromisoformat(made["grace_period_ends_at"]) == ends
    assert datetime.fromisoformat(made["expires_at"]) == ends


@pytest.mark.parametrize(
    ("hours", "codes"),
    [
        (-1, ["greater_than"]),
        (721, ["less_than"]),
        ("24", ["not_an_integer"]),
        (1.5, ["not_an_integer"]),
        (True, ["not_an_integer"]),
    ],
)
async def test_what_is_no_grace_period_is_refused(
    workshops: Workshops, hours: object, codes: list[str]
) -> None:
    """S3-261, S3-270."""
    shop = workshops()
    admin = shop.holder("all:write")
    before = shop.rows()

    (await admin.post(f"{target(shop, admin)}/rotate", {"grace_period_hours": hours})).invalid(
        grace_period_hours=codes
    )
    (await admin.post(f"{target(shop, admin)}/rotate", {"hours": 1})).invalid(hours=["unknown_field"])
    assert shop.rows() == before


async def test_both_surfaces_refuse_the_same_grace_period(workshops: Workshops) -> None:
    """Design 6: one judge."""
    shop = workshops()
    admin = shop.holder("all:write")

    answer = await graphql(admin, ROTATE, id=shop.id_of(admin), input={"gracePeriodHours": 721})

    problem = answer.json()["data"]["rotateToken"]["problem"]
    assert (problem["status"], problem["errors"]) == (422, {"grace_period_hours": ["less_than"]})


async def test_nobody_rotates_what_may_do_more(workshops: Workshops) -> None:
    """C-07, attack 24: the answer holds a token, so it is a grant."""
    shop = workshops()
    shop.holder("all:write")
    manager, bot = shop.holder("tokens:write"), shop.holder("orders:read")
    before = shop.rows()

    refused = (await manager.post(f"{target(shop, bot)}/rotate", {})).problem(403)

    assert refused["required_scope"] == "orders:read"
    (await bot.post(f"{target(shop, bot)}/rotate", {})).problem(403)
    assert shop.rows() == before
    assert (await manager.post(f"{target(shop, manager)}/rotate", {})).status == 200


async def test_only_a_live_token_that_was_not_rotated_is_rotated(workshops: Workshops) -> None:
    """C-85."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder()
    over = shop.holder(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await admin.post(f"{target(shop, bot)}/rotate", {})).status == 200
    count = len(shop.rows())

    (await admin.post(f"{target(shop, bot)}/rotate", {})).names(409, "rotated before")
    (await admin.post(f"{target(shop, over)}/rotate", {})).names(409, "expired")
    assert len(shop.rows()) == count


async def test_of_rotations_at_once_one_takes_place(workshops: Workshops) -> None:
    """C-85."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder()

    answers = await asyncio.gather(*(admin.post(f"{target(shop, bot)}/rotate", {}) for _ in range(4)))

    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    assert len(shop.rows()) == 3


async def test_a_rotated_admin_does_not_keep_the_workspace_open(workshops: Workshops) -> None:
    """S3-089: in its grace period it is an admin still, but not for long."""
    shop = workshops()
    admin = shop.holder("all:write")
    made = (await admin.post(f"{target(shop, admin)}/rotate", {})).data()
    new = admin.using(made["token"])

    (await new.delete(f"{TOKENS}/{made['id']}")).problem(409)
    assert (await new.delete(target(shop, admin))).status == 204
    assert await works(new)


async def test_a_repeated_rotation_tells_everything_but_the_secret(workshops: Workshops) -> None:
    """C-51: and makes no second token."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder()
    key = [("idempotency-key", "turn-1")]
    path, body = f"{target(shop, bot)}/rotate", {"grace_period_hours": 1}

    first = (await admin.post(path, body, headers=key)).data()
    again = (await admin.post(path, body, headers=key)).data()
    other = await admin.post(path, {"grace_period_hours": 2}, headers=key)

    assert again == {**first, "token": None}
    assert other.problem(422)["code"] == "idempotency-key-mismatch"
    assert len(shop.rows()) == 3
