"""When tokens were last used: written beside the requests, seldom, and without any effect on them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from db.driver import DatabaseError, Driver
from db.execute import Database
from services.engine.uses import Uses
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed, plant


@dataclass(frozen=True, slots=True)
class Desk:
    """A database with tokens, and what notes their use."""

    seed: Seed
    database: Database
    uses: Uses

    def rows(self) -> list[dict[str, Any]]:
        """Return the tokens of workspace acme that somebody holds."""
        with psycopg.connect(self.seed.database, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute("SELECT * FROM tokens WHERE name = 'test' ORDER BY id").fetchall()

    def change(self, assignment: str) -> None:
        with psycopg.connect(self.seed.database) as connection:
            connection.execute(f"UPDATE tokens SET {assignment}")  # type: ignore[arg-type]  # A constant.


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    seed = plant(database, ("reader", "writer"))
    driver = Driver(database)
    yield Desk(seed, Database(driver, bytes(32)), Uses())
    await driver.close()


def note(desk: Desk) -> None:
    for row in desk.rows():
        desk.uses.note(str(row["id"]), str(row["workspace_id"]))


async def test_all_that_were_used_are_written_and_no_version_changes(desk: Desk) -> None:
    """Q-20: of several workspaces, in one transaction each."""
    before = desk.rows()
    assert [row["last_used_at"] for row in before] == [None] * 3
    note(desk)

    await desk.uses.write(desk.database)

    after = desk.rows()
    assert all(row["last_used_at"] is not None for row in after)
    assert [row["version"] for row in after] == [row["version"] for row in before]
    assert [row["updated_at"] for row in after] == [row["updated_at"] for row in before]


async def test_within_a_minute_nothing_is_written_again(desk: Desk) -> None:
    """Q-20: neither by this process nor by another one."""
    note(desk)
    await desk.uses.write(desk.database)
    before, sent = desk.rows(), desk.database.driver.statements_sent

    note(desk)
    await desk.uses.write(desk.database)
    assert desk.database.driver.statements_sent == sent
    other = Uses()
    for row in before:
        other.note(str(row["id"]), str(row["workspace_id"]))
    await other.write(desk.database)

    assert desk.rows() == before


async def test_after_a_minute_it_is_written_again(desk: Desk) -> None:
    """Q-20."""
    desk.change("last_used_at = now() - interval '61 seconds'")
    before = desk.rows()
    note(desk)

    await desk.uses.write(desk.database)

    pairs = zip(desk.rows(), before, strict=True)
    assert all(new["last_used_at"] > old["last_used_at"] for new, old in pairs)


async def test_a_revoked_token_and_one_that_is_being_changed_are_left_alone(desk: Desk) -> None:
    """Q-20: nobody waits for it."""
    first, *_ = desk.rows()
    with psycopg.connect(desk.seed.database) as connection:
        connection.execute("UPDATE tokens SET revoked_at = now() WHERE id = %s", [first["id"]])
        connection.commit()
        connection.execute("SELECT FROM tokens WHERE name = 'test' FOR UPDATE")
        note(desk)
        await asyncio.wait_for(desk.uses.write(desk.database), 10)

    assert [row["last_used_at"] for row in desk.rows()] == [None] * 3


async def test_what_fails_is_tried_again_with_the_next_use(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Q-20: a batch may be lost, but not the server."""
    broken = Database(Driver("host=/nowhere dbname=x"), bytes(32))
    note(desk)
    with pytest.raises(DatabaseError):
        await desk.uses.write(broken)
    note(desk)

    writing = asyncio.create_task(desk.uses.keep_writing(broken, 0.01))
    await asyncio.sleep(0.1)
    assert not writing.done()
    assert "not written down which tokens were used" in caplog.text
    writing.cancel()
    await broken.driver.close()


async def test_requests_leave_their_trace(database: str) -> None:
    """S2-018: of both surfaces, though nobody asked for it."""
    seed = plant(database, ("reader",))
    async with running(database, token_use_seconds=0.05) as application:
        api = Client(application, seed.tokens["acme", "reader"])
        assert (await api.get("/api/v1/brands")).status == 200
        used = "/api/v1/tokens?filter[last_used_at][null]=false&filter[name]=test"
        for _ in range(100):
            if (await api.get(used)).rows():
                break
            await asyncio.sleep(0.05)
        (row,) = (await api.get(used)).rows()

    assert row["token_prefix"] == (api.token or "")[:12]
