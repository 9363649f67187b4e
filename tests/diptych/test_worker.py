"""The worker: what has expired goes, what has not stays, and a lost database does not end it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import psycopg
import pytest
from click.testing import CliRunner

from db import migrate
from db.driver import Driver
from db.embedded import Embedded, start
from db.embedded.processes import live_postmaster
from db.sweeping import sweep
from diptych.cli import main
from tests.diptych.server_on_trial import PATIENCE_SECONDS, environment, eventually, serving
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import plant

BATCH = 1_000

EXPIRED = "now() - interval '24 hours'"
FRESH = "now() - interval '23 hours 59 minutes'"


def keep(database: str, name: str, inserted_at: str, count: int = 1) -> None:
    """Insert idempotency records, each in a workspace of its own."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO idempotency_records (workspace_id, key, fingerprint, outcome, inserted_at)"
            f" SELECT gen_random_uuid(), %s || n, '', '{{}}', {inserted_at} FROM generate_series(1, %s) n",
            [name, count],
        )


def kept(database: str, name: str) -> int:
    """Return how many records of that name are left."""
    with psycopg.connect(database) as connection:
        text = "SELECT count(*) FROM idempotency_records WHERE key ~ %s"
        (count,) = connection.execute(text, [f"^{name}[0-9]+$"]).fetchone() or (None,)
    return int(count)


@asynccontextmanager
async def driven(database: str) -> AsyncIterator[Driver]:
    driver = Driver(database, size=1)
    try:
        yield driver
    finally:
        await driver.close()


# Sweeping


async def test_expired_records_go_in_batches_and_fresh_ones_stay(database: str) -> None:
    """C-50: 24 hours."""
    keep(database, "old", EXPIRED, 2 * BATCH + 1)
    keep(database, "new", FRESH, 3)

    async with driven(database) as driver:
        assert await sweep(driver) == 2 * BATCH + 1
        assert await sweep(driver) == 0
        # Both looked for guesses at passwords too.
        assert driver.statements_sent == (3 + 1 + 1 + 2) * 4

    assert (kept(database, "old"), kept(database, "new")) == (0, 3)


async def test_one_sweeps_at_a_time(database: str) -> None:
    keep(database, "old", EXPIRED, 3)

    async with driven(database) as driver:
        with psycopg.connect(database) as other:
            other.execute("SELECT pg_advisory_xact_lock(hashtextextended('diptych sweep', 0))")
            assert await sweep(driver) == 0
            assert kept(database, "old") == 3
        assert await sweep(driver) == 3


async def test_a_record_that_is_just_being_renewed_is_not_swept(database: str) -> None:
    keep(database, "old", EXPIRED, 2)

    async with driven(database) as driver:
        with psycopg.connect(database) as other:
            other.execute("UPDATE idempotency_records SET inserted_at = now() WHERE key = 'old1'")
            assert await sweep(driver) == 1
    assert kept(database, "old") == 1


async def test_an_expired_key_serves_again_before_it_is_swept(
    postgres: Embedded, migrated_template: str
) -> None:
    """C-50: after 24 hours a key is as good as new, whenever the worker comes by."""
    seed = plant(copied(postgres, migrated_template), ("writer",))
    headers = [("idempotency-key", "again1")]
    async with running(seed.database) as application:
        shop = Client(application, seed.tokens["acme", "writer"])
        first = (await shop.post("/api/v1/brands", {"name": "First"}, headers=headers)).data(201)
        refused = await shop.post("/api/v1/brands", {"name": "Second"}, headers=headers)
        assert refused.problem(422)["code"] == "idempotency-key-mismatch"
        with psycopg.connect(seed.database) as connection:
            connection.execute(f"UPDATE idempotency_records SET inserted_at = {EXPIRED}")

        answer = await shop.post("/api/v1/brands", {"name": "Second"}, headers=headers)
        again = await shop.post("/api/v1/brands", {"name": "Second"}, headers=headers)
    async with driven(seed.database) as driver:
        assert await sweep(driver) == 0

    assert answer.data(201)["id"] != first["id"]
    assert answer.header("idempotency-replayed") is None
    assert (again.body, again.header("idempotency-replayed")) == (answer.body, "true")
    assert kept(seed.database, "again") == 1


# The process


@pytest.fixture
def folder() -> Iterator[Path]:
    # pytest's own temporary folders are closed to the account that runs the database for root.
    made = Path(tempfile.mkdtemp(prefix="diptych-worker-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextlib.contextmanager
def working(folder: Path, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run `diptych worker` in a folder; it must end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "diptych", "worker"],
        cwd=folder,
        env=environment(DIPTYCH_WORKER_SECONDS="1", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE_SECONDS)
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_sweeps_round_after_round_and_ends_when_told(
    database: str, folder: Path, number: signal.Signals
) -> None:
    keep(database, "old", EXPIRED, 3)
    keep(database, "new", FRESH)
    with working(folder, DIPTYCH_DATABASE_URL=database) as process:
        eventually(lambda: kept(database, "old") == 0)
        keep(database, "old", EXPIRED, 2)
        eventually(lambda: kept(database, "old") == 0)

        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE_SECONDS) == ("The worker runs.\n", "")
        assert process.returncode == 0
    assert kept(database, "new") == 1
    assert list(folder.iterdir()) == []


def test_a_worker_outlives_its_database(folder: Path) -> None:
    data = folder / ".diptych"
    with start(data) as server:
        migrate.upgrade(server.dsn())
        with working(folder) as process:
            keep(server.dsn(), "old", EXPIRED)
            eventually(lambda: kept(server.dsn(), "old") == 0)

            postmaster = live_postmaster(data / "postgres" / "pgdata")
            assert postmaster is not None
            os.kill(postmaster, signal.SIGKILL)

            def answers() -> bool:
                with contextlib.suppress(psycopg.OperationalError):
                    keep(server.dsn(), "old", EXPIRED)
                    return True
                return False

            eventually(answers)
            eventually(lambda: kept(server.dsn(), "old") == 0)
            assert process.poll() is None
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


def test_a_worker_waits_for_a_database_that_is_not_there_yet(folder: Path) -> None:
    data = folder / ".diptych"
    with start(data) as server:
        address = server.dsn()
        migrate.upgrade(address)
        keep(address, "old", EXPIRED)
    with working(folder, DIPTYCH_DATABASE_URL=address) as process:
        assert process.stderr is not None
        told = orjson.loads(process.stderr.readline())
        assert (told["level"], told["logger"], told["again_in_seconds"]) == ("warning", "diptych.worker", 1)
        assert told["error"].startswith("The database cannot be reached: ")

        with start(data):
            eventually(lambda: kept(address, "old") == 0)
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


def test_a_malformed_address_is_told_in_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", "nonsense with geheim")

    found = CliRunner().invoke(main, ["worker"])

    assert (found.exit_code, found.stderr) == (1, "Error: The database connection string is malformed.\n")


# Beside a server


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_works_by_itself(database: str, folder: Path, workers: str) -> None:
    keep(database, "old", EXPIRED)
    settings = {"DIPTYCH_DATABASE_URL": database, "DIPTYCH_WORKER_SECONDS": "1"}
    with serving(folder, "--workers", workers, **settings) as server:
        eventually(lambda: kept(database, "old") == 0)
        keep(database, "old", EXPIRED)
        eventually(lambda: kept(database, "old") == 0)
        assert server.get("/health/ready") == (200, {"status": "ok"})

        assert server.interrupt() == 0
        assert server.complaint() == ""


def test_a_server_leaves_the_work_to_others_when_told(database: str, folder: Path) -> None:
    keep(database, "old", EXPIRED)
    with serving(folder, "--no-worker", DIPTYCH_DATABASE_URL=database) as server:
        assert server.get("/health/ready") == (200, {"status": "ok"})
        assert server.signal(signal.SIGTERM) == 0

    assert kept(database, "old") == 1
