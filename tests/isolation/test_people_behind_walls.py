"""People have accounts in no workspace: logging in, managing it and being ended work behind every wall."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from pyotp import TOTP

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from services.roles import Role
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.logins import logged_in, login, somewhere
from tests.support.people import PASSWORD, join, user
from tests.support.workshop import Workshop

WALLS: list[tuple[Rls, dict[str, str]]] = [
    (Rls.WRITES, {}),
    (Rls.FULL, {}),
    (Rls.FULL, {"database_pooler": "transaction"}),
    (Rls.OFF, {}),
]
FRESH = "another password altogether"


@pytest.fixture(params=WALLS, ids=["writes", "full", "full and pooled", "off"])
async def two(
    request: pytest.FixtureRequest, postgres: Embedded, migrated_template: str
) -> AsyncIterator[tuple[Workshop, Workshop]]:
    """Two workspaces behind one of the walls."""
    rls, further = request.param
    database = copied(postgres, migrated_template)
    upgrade(database, rls)
    async with running(database, rls=rls, **further) as application:
        yield Workshop(Client(application), database), Workshop(Client(application), database)


async def status(client: Client) -> int:
    return (await client.get("/api/v1/whoami")).status


async def test_a_person_manages_an_account_across_workspaces(two: tuple[Workshop, Workshop]) -> None:
    first, second = two
    ada = join(first, Role.VIEWER)
    join(second, Role.OWNER, who=ada.user)
    visitor = somewhere(first.api)
    here = await logged_in(visitor, ada.email)
    there = await logged_in(visitor, ada.email, workspace=second.slug)
    last = await logged_in(visitor, ada.email, workspace=str(second.id))
    listed = (await here.get("/api/v1/auth/sessions")).rows()
    assert [row["workspace"]["slug"] for row in listed][:3] == [second.slug, second.slug, first.slug]

    assert (await here.delete(f"/api/v1/auth/sessions/{listed[0]['id']}")).status == 204
    assert [await status(each) for each in (here, there, last)] == [200, 200, 401]
    there = there.using((await there.post("/api/v1/auth/refresh", {})).data()["token"])
    changed = await here.post("/api/v1/auth/password", {"current_password": PASSWORD, "password": FRESH})

    assert changed.data()["sessions_ended"] >= 1
    assert [await status(each) for each in (here, there)] == [200, 401]
    (await login(visitor, ada.email)).problem(401)
    (await login(visitor, ada.email, FRESH)).data()
    assert (await here.post("/api/v1/auth/logout", {})).status == 204
    assert await status(here) == 401


async def test_a_second_factor_and_its_recovery_codes_work(two: tuple[Workshop, Workshop]) -> None:
    first, _ = two
    ada = join(first, Role.MEMBER)
    visitor = somewhere(first.api)
    here = await logged_in(visitor, ada.email)
    secret = (await here.post("/api/v1/auth/totp", {"password": PASSWORD})).data()["secret"]
    code = {"totp_code": TOTP(secret).at(datetime.now(UTC), counter_offset=-1)}
    codes = (await here.post("/api/v1/auth/totp/confirm", code)).data()["recovery_codes"]

    assert (await login(visitor, ada.email)).problem(401)["totp_required"] is True
    (await login(visitor, ada.email, totp_code=TOTP(secret).now())).data()
    (await login(visitor, ada.email, recovery_code=codes[0])).data()
    (await login(visitor, ada.email, recovery_code=codes[0])).problem(401)


async def test_an_administrator_of_the_platform_comes_in(two: tuple[Workshop, Workshop]) -> None:
    _, second = two
    root = user(second, is_platform_admin=True)
    email = second.stored.row("users", root)["email"]

    session = await logged_in(somewhere(second.api), email, workspace=second.slug)

    assert await status(session) == 200
    with psycopg.connect(second.database) as connection:
        found = connection.execute("SELECT administrative FROM tokens WHERE user_id = %s", [root]).fetchall()
    assert found == [(True,)]
