"""Another secret key: tokens, cursors and stored secrets of the one before live on while it is listed."""

import asyncio

import psycopg

from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import SECRET, plant

NEXT = "another key that only tests know, just as long"


def precheck(database: str, raw: str) -> bytes:
    with psycopg.connect(database) as connection:
        key = raw.split("_")[2][:16]
        found = connection.execute("SELECT precheck FROM tokens WHERE token_key = %s", [key]).fetchone()
    assert found is not None
    return bytes(found[0])


async def test_tokens_and_cursors_outlive_a_change_of_the_key(database: str) -> None:
    seed = plant(database, ["reader"])
    raw = seed.tokens["acme", "reader"]
    async with running(database) as application:
        page = await Client(application, raw).get("/api/v1/products?per_page=2&cursor=")
        link = page.json()["links"]["next"]
        first, before = page.ids(), precheck(database, raw)

    # Without the earlier key nothing of it is believed.
    async with running(database, secret_key=NEXT) as application:
        assert (await Client(application, raw).get("/api/v1/products")).problem(401)
    changes = {"secret_key": NEXT, "secret_key_previous": [SECRET], "token_use_seconds": 0.01}
    async with running(database, **changes) as application:
        client = Client(application, raw)
        following = (await client.get(link)).ids()
        assert len(following) == 2
        assert not set(following) & set(first)
        async with asyncio.timeout(30):
            while precheck(database, raw) == before:  # noqa: ASYNC110 - It is another's doing.
                await asyncio.sleep(0.02)
    # By now the token has proven itself under the new key, and the earlier one can be forgotten.
    async with running(database, secret_key=NEXT) as application:
        client = Client(application, raw)
        assert (await client.get("/api/v1/brands")).status == 200
        assert (await client.get(link)).problem(400)
