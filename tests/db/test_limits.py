"""Budgets in a real Valkey: counted as in memory, together by all, and never in the way when it is lost."""

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from db import valkey
from db.limits import Rates, Taken
from db.redis_limits import RedisStore
from services.engine.limits import ProcessStore

SLOW = Rates(6, 0.001, 1e9, 0)
"""Six points that do not come back during a test."""


class Server:
    """A Valkey of this test's own on a unix socket, which it may stop and start."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "v.sock"
        self.url = f"unix://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = valkey.program()
        assert program is not None
        words = [program, "--port", "0", "--save", "", "--unixsocket", self.socket]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=self.socket.parent)
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the server that a server of several processes would start."""
    program = valkey.program()
    assert program is not None
    with valkey.running(program) as url:
        yield url


@pytest.fixture
async def store(address: str) -> AsyncIterator[RedisStore]:
    made = RedisStore(address)
    yield made
    await made.close()


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("v"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


async def waits(store: RedisStore, key: str, rates: Rates, *costs: int) -> list[bool]:
    found = [await store.take(key, rates, cost) for cost in costs]
    return [taken is not None and taken.wait > 0 for taken in found]


async def came_back(store: RedisStore) -> None:
    async with asyncio.timeout(10):
        while store.lost:  # noqa: ASYNC110  # It tells nobody.
            await asyncio.sleep(0.02)


async def test_a_budget_is_taken_and_told(store: RedisStore, key: str) -> None:
    taken = await store.take(key, SLOW, 2)

    assert taken is not None
    assert taken.wait == 0
    assert taken.full_in == pytest.approx(2_000, abs=1)
    assert await waits(store, key, SLOW, 4, 1) == [False, True]


async def test_a_refusal_takes_nothing_and_tells_the_wait(store: RedisStore, key: str) -> None:
    await store.take(key, SLOW, 5)

    refused = await store.take(key, SLOW, 3)

    assert refused is not None
    assert refused.wait == pytest.approx(2_000, abs=1)
    assert await waits(store, key, SLOW, 1, 1) == [False, True]


async def test_looking_takes_nothing(store: RedisStore, key: str) -> None:
    assert await waits(store, key, SLOW, *[0] * 20, 6) == [False] * 21
    looked = await store.take(key, SLOW, 0)

    assert looked is not None
    assert (looked.wait, looked.full_in) == (0, pytest.approx(6_000, abs=1))


async def test_a_burst_is_back_within_the_second(store: RedisStore, key: str) -> None:
    rates = Rates(1e9, 1e9, 3, 0)

    assert await waits(store, key, rates, 3, 3) == [False, True]
    await asyncio.sleep(1)
    assert await waits(store, key, rates, 3) == [False]


async def test_the_day_is_counted(store: RedisStore, key: str) -> None:
    rates = Rates(1e9, 1e9, 1e9, 5)

    assert await waits(store, key, rates, 3, 2, 1) == [False, False, True]
    told = await store.take(key, rates, 0)
    assert told is not None
    assert told.today == 5
    assert 0 < told.ends_in <= 86_400


async def test_what_is_given_back_is_there_for_the_next_charge(store: RedisStore, key: str) -> None:
    assert await waits(store, key, SLOW, 6, 1) == [False, True]

    store.give(key, SLOW, 4)

    assert await waits(store, key, SLOW, 4, 1) == [False, True]


async def test_a_bucket_is_never_overfull(store: RedisStore, key: str) -> None:
    """Of the quota as of the burst; and of what nobody has taken from there is nothing to give back."""
    for rates in (SLOW, Rates(1e9, 1e9, 3, 0)):
        name = f"{key} {rates}"
        most = 6 if rates is SLOW else 3
        store.give(name, rates, 5)
        await store.take(name, rates, 1)
        store.give(name, rates, 100)
        assert await waits(store, name, rates, 0, most, 1) == [False, False, True]


async def test_a_day_gets_back_what_was_taken_of_it(store: RedisStore, key: str) -> None:
    rates = Rates(1e9, 1e9, 1e9, 5)
    await waits(store, key, rates, 5)

    store.give(key, rates, 2)

    assert await waits(store, key, rates, 2, 1) == [False, True]
    store.give(key, rates, 100)
    told = await store.take(key, rates, 0)
    assert told is not None
    assert told.today == 0


async def test_nothing_is_lost_when_many_take_and_give_at_once(address: str, key: str) -> None:
    stores, rates = [RedisStore(address) for _ in range(4)], Rates(100, 0.0001, 1e9, 0)

    async def asking(each: RedisStore) -> None:
        for _ in range(50):
            taken = await each.take(key, rates, 9)
            if taken is not None and not taken.wait:
                each.give(key, rates, 9)

    await asyncio.gather(*(asking(each) for each in stores))

    # What is given back first travels first, over the same connection.
    for each in stores:
        assert await waits(each, key, rates, 0) == [False]
    assert await waits(stores[0], key, rates, 100, 1) == [False, True]
    for each in stores:
        await each.close()


async def test_a_charge_above_the_capacity_passes_a_full_bucket(store: RedisStore, key: str) -> None:
    assert await waits(store, key, SLOW, 10, 1) == [False, True]


async def test_it_counts_as_memory_does(store: RedisStore, key: str) -> None:
    random_costs = random.Random(7)
    costs = [random_costs.choice((0, 1, 1, 2, 3, 7, 40, 300, -1, -5, -30)) for _ in range(300)]
    for rates in (Rates(240, 0.0001, 1e9, 0), Rates(1_200, 0.0001, 1e9, 700), SLOW):
        memory = ProcessStore(lambda: 1_000_000.0)
        name = f"{key} {rates}"
        for cost in costs:
            if cost < 0:
                store.give(name, rates, -cost)
                memory.give(name, rates, -cost)
                continue
            there, here = await store.take(name, rates, cost), await memory.take(name, rates, cost)
            assert there is not None
            assert here is not None
            assert (there.wait > 0, there.today) == (here.wait > 0, here.today)
            assert there.full_in * rates.refill == pytest.approx(here.full_in * rates.refill, abs=0.01)


async def test_processes_share_a_budget_to_the_point(address: str, key: str) -> None:
    stores = [RedisStore(address) for _ in range(4)]

    found = await asyncio.gather(
        *(each.take(key, Rates(100, 0.0001, 1e9, 0), 1) for each in stores for _ in range(100))
    )

    assert sum(taken is not None and not taken.wait for taken in found) == 100
    for each in stores:
        await each.close()


async def test_a_budget_is_forgotten_once_it_is_whole(store: RedisStore, address: str, key: str) -> None:
    await store.take(key, Rates(60, 1, 60, 0), 30)
    await store.take(f"{key} daily", Rates(60, 1, 60, 100), 1)

    redis = Redis.from_url(address)
    assert 30_000 <= await redis.pttl(f"diptych:limit:{key}") <= 31_001
    assert 0 < await redis.pttl(f"diptych:limit:{key} daily") <= 86_401_001
    await redis.aclose()


async def test_a_forgotten_script_is_sent_again(store: RedisStore, address: str, key: str) -> None:
    redis = Redis.from_url(address)
    assert await waits(store, key, SLOW, 6) == [False]

    await redis.script_flush()

    assert await waits(store, key, SLOW, 1) == [True]
    assert not store.lost
    await redis.aclose()


async def test_a_lost_server_lets_everything_pass_until_it_is_back(
    own: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """S3-249."""
    store = RedisStore(own.url)
    assert await waits(store, "k", SLOW, 6, 1) == [False, True]

    own.stop()
    assert [await store.take("k", SLOW, 1) for _ in range(500)] == [None] * 500
    assert store.lost

    own.socket.unlink(missing_ok=True)
    own.start()
    await came_back(store)
    assert isinstance(await store.take("k", SLOW, 1), Taken)
    assert [(record.levelno, "limit" in record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, True),
        (logging.WARNING, True),
    ]
    await store.close()


async def test_a_silent_server_is_waited_for_once(own: Server) -> None:
    """One call in flight pays for finding out, however many follow."""
    store = RedisStore(own.url)
    await store.take("k", SLOW, 1)
    assert own.process is not None

    own.process.send_signal(signal.SIGSTOP)
    together = await asyncio.gather(*(store.take("k", SLOW, 1) for _ in range(50)))
    assert together == [None] * 50
    assert store.lost
    # Nothing more is sent while it is lost, so nothing can be waited for.
    assert [await store.take("k", SLOW, 1) for _ in range(50)] == [None] * 50
    store.give("k", SLOW, 1)
    assert store._waiting == []

    own.process.send_signal(signal.SIGCONT)
    await came_back(store)
    assert await store.take("k", SLOW, 0) is not None
    await store.close()


async def test_what_is_given_back_is_what_finds_a_server_lost(own: Server) -> None:
    """Nobody waits for it, so nobody is told."""
    store = RedisStore(own.url)
    await store.take("k", SLOW, 6)
    own.stop()

    store.give("k", SLOW, 6)

    assert not store.lost
    async with asyncio.timeout(10):
        while not store.lost:  # noqa: ASYNC110  # It tells nobody.
            await asyncio.sleep(0.01)
    await store.close()


async def test_a_server_that_was_never_there_limits_nothing(tmp_path: Path) -> None:
    store = RedisStore(f"unix://{tmp_path}/none.sock")

    assert await store.take("k", SLOW, 1) is None
    assert store.lost
    await store.close()


# The server of our own


def pids(url: str) -> list[int]:
    """Return the processes of the server behind an address, its guard not among them."""
    socket = url.removeprefix("unix://")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # The server retitles itself, and then has a single word.
        if words[0].split(b" ")[0].endswith(b"server") and any(socket.encode() in word for word in words):
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the process table is read from /proc")
async def test_our_own_server_is_started_anew_when_it_dies(key: str) -> None:
    program = valkey.program()
    assert program is not None
    with valkey.running(program) as url:
        store = RedisStore(url)
        await store.take(key, SLOW, 1)
        (first,) = pids(url)

        os.kill(first, signal.SIGKILL)
        while await store.take(key, SLOW, 1) is not None:  # noqa: ASYNC110  # Asking is how it is noticed.
            await asyncio.sleep(0.01)
        await came_back(store)

        (second,) = pids(url)
        assert second != first
        await store.close()
    assert pids(url) == []
    assert not Path(url.removeprefix("unix://")).parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the process table is read from /proc")
def test_our_own_server_ends_with_the_process_that_wanted_it() -> None:
    code = (
        "import time; from db import valkey\n"
        "with valkey.running(valkey.program()) as url: print(url, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert len(pids(url)) == 1
        process.kill()

    deadline = time.monotonic() + 10
    while pids(url) or Path(url.removeprefix("unix://")).parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
