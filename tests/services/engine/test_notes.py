"""Audit rows of account data that is no row of a resource, which a rule notes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from db.embedded import Embedded
from services.catalog import CATALOG
from services.engine.actions import item, writes
from services.engine.catalog import Catalog
from services.engine.errors import conflict
from services.engine.work import Change, Work
from services.products import PRODUCT
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import plant
from tests.support.stored import Stored

_ONCE, _NO = [("idempotency-key", "once")], [("idempotency-key", "no")]
USER = "0190f3a0-0000-7000-8000-000000000001"


async def _change_password(work: Work, changes: Sequence[Change]) -> None:
    work.note("user.password_changed", "user", USER, before={"since": 1}, after={"since": 2})
    for each in changes:
        if each.after["status"] == "draft":
            each.problem = conflict("No.")


async def test_a_note_is_an_audit_row_and_no_event_of_the_transaction_that_noted_it(
    postgres: Embedded, migrated_template: str
) -> None:
    """What is refused, tried or replayed leaves no note; what is done leaves exactly one."""
    noting = replace(PRODUCT, actions=(*writes(), item("note", "noted", "Note it.", _change_password)))
    catalog = Catalog(tuple(noting if each is PRODUCT else each for each in CATALOG))
    seed = plant(copied(postgres, migrated_template), ("writer",))
    stored = Stored(seed.database)
    async with running(seed.database, catalog) as application:
        shop = Client(application, seed.tokens["acme", "writer"])
        sold = (await shop.post("/api/v1/products", {"name": "Sold", "status": "active"})).data(201)
        draft = (await shop.post("/api/v1/products", {"name": "Draft"})).data(201)
        with stored.unchanged():
            (await shop.post(f"{draft['links']['self']}/note", {})).problem(409)
            (await shop.post(f"{sold['links']['self']}/note?dry_run=true", {})).data()
        assert _notes(stored) == []
        for _ in range(2):
            done = await shop.post(f"{sold['links']['self']}/note", {}, headers=_ONCE)
            assert done.status == 200
        (await shop.post(f"{draft['links']['self']}/note", {}, headers=_NO)).problem(409)

    (row,) = _notes(stored)
    assert (row["action"], row["resource"], row["before"], row["after"]) == (
        "user.password_changed",
        "user",
        {"since": 1},
        {"since": 2},
    )
    assert str(row["workspace_id"]) == str(seed.workspaces["acme"]["id"])
    assert row["token_id"] is not None
    assert row["request_id"]
    assert stored.events(USER) == []


def _notes(stored: Stored) -> list[dict[str, Any]]:
    return stored.audits(USER)
