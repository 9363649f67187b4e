"""Forged tokens by the hundred thousand: `python -m tests.attacks.forging [COUNT]` counts what they cost."""

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from db.embedded import start
from db.migrate import upgrade
from diptych.edge import Edge
from services import tokens
from tests.support.application import driver_of, running
from tests.support.client import Client
from tests.support.seed import plant

_AT_ONCE = 100


class Counted:
    """The real verification, counting how often argon2id ran."""

    def __init__(self, verify: object) -> None:
        self.runs, self._verify = 0, verify

    def __call__(self, raw: str, stored: str) -> bool:
        self.runs += 1
        return bool(self._verify(raw, stored))  # type: ignore[operator]


def forged(head: str) -> str:
    """Return a token with a right checksum and a secret that is nobody's."""
    body = head + secrets.token_hex(32)
    return body + tokens._checksum(body)


async def trial(database: str, count: int) -> str:
    """Return a sentence about what so many forged tokens cost."""
    seed = plant(database)
    async with running(database) as application:
        assert isinstance(application, Edge)
        counted = Counted(application._authenticator._verify)
        application._authenticator._verify = counted
        client, live = Client(application), seed.tokens["acme", "writer"]
        heads = [live[:25], "dip_test_" + secrets.token_hex(8)]
        before, began, told = driver_of(application).statements_sent, time.process_time(), set()
        for first in range(0, count, _AT_ONCE):
            some = (client.using(forged(heads[n % 2])) for n in range(first, min(first + _AT_ONCE, count)))
            told |= {
                each.status for each in await asyncio.gather(*(one.get("/api/v1/brands") for one in some))
            }
        spent = 1e6 * (time.process_time() - began) / count
        asked = driver_of(application).statements_sent - before
    return (
        f"promise 19: {counted.runs} argon2 runs for {count:,} forged tokens (goal 0), {asked:,} look-ups, "
        f"{spent:.0f} µs each, answered {sorted(told)}"
    )


def main(count: int = 100_000) -> None:
    """Print the figure."""
    with tempfile.TemporaryDirectory(prefix="diptych-forging-") as folder:
        Path(folder).chmod(0o755)
        with start(Path(folder), durable=False) as server:
            upgrade(server.dsn())
            print(asyncio.run(trial(server.dsn(), count)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
