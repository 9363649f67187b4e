"""A revocation holds on every worker from the very next request on."""

import asyncio
from pathlib import Path

from db.embedded import Embedded
from tests.faults.revoking import CONNECTIONS, revoke_all, served


def test_no_worker_accepts_a_token_after_its_revocation(postgres: Embedded, open_folder: Path) -> None:
    """S3-087, promise 18: though each of them has just accepted it."""
    count = 20
    with served(postgres.dsn("postgres"), open_folder) as shop:
        sent, accepted = asyncio.run(revoke_all(shop, count))

    assert sent >= count * CONNECTIONS
    assert accepted == 0
