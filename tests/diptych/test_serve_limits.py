"""A server of several workers counts limits together, with a Valkey of its own that ends with it."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psycopg
import pytest

from diptych.runtime import precheck_key
from tests.diptych.server_on_trial import Server, eventually
from tests.support.seed import SECRET, add_token, plant, settings


def sockets() -> set[str]:
    """Return the sockets on which such servers of ours listen."""
    return {
        line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines() if "valkey.sock" in line
    }


@pytest.mark.skipif(sys.platform != "linux", reason="sockets are read from /proc")
def test_workers_share_one_budget(database: str, tmp_path: Path) -> None:
    seed, before = plant(database, ()), sockets()
    with psycopg.connect(database) as connection:
        own, key = seed.workspaces["acme"]["id"], precheck_key(settings(database))
        token = add_token(connection, own, ["all:read"], key, rate_limit_per_minute=5, burst=5)
    told = {"DATABASE_URL": database, "ENV": "test", "SECRET_KEY": SECRET}
    server = Server(
        tmp_path,
        "--workers",
        "2",
        "--no-worker",
        **{f"DIPTYCH_{name}": value for name, value in told.items()},
    )
    try:
        address = server.announced("REST")
        headers = {"authorization": f"Bearer {token}"}

        def ask(_: int) -> int:
            # Each request is a connection of its own, which either worker may take once it has begun.
            return httpx2.get(address, headers=headers, timeout=30).status_code

        ready = address.replace("/api/v1/products", "/health/ready")
        eventually(lambda: all(httpx2.get(ready, timeout=30).status_code == 200 for _ in range(8)))
        with ThreadPoolExecutor(8) as several:
            statuses = list(several.map(ask, range(24)))
        assert sorted(statuses) == [200] * 5 + [429] * 19
        assert len(sockets() - before) == 1
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=30)

    eventually(lambda: sockets() <= before)
