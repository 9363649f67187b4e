"""Budgets kept in Redis or Valkey, for servers of more than one process: one Lua call per charge."""

import asyncio
import contextlib
import hashlib
import logging
import struct
from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from db.limits import Rates, Taken

PATIENCE_SECONDS = 0.03
"""How long a charge may take before the server behind the store counts as lost."""

# A process that is short of time itself must not blame the server: it looks so many times before it does.
_LOOKS = 8
_START_SECONDS = 2.0
_PAUSE_SECONDS = 0.5
_PREFIX = "diptych:limit:"

_log = logging.getLogger("diptych")

_T = TypeVar("_T")
_Charge = tuple[str, Rates, int, asyncio.Future[Taken | None] | None]

# A bucket is kept as the moment at which it will be full, so that an absent one is a full one, and a debt
# needs no sign. A charge larger than a bucket passes once the bucket is full, since it never could else.
# Moments are counted from a recent one, for numbers of today's size would lose the last digits.
# A negative cost is given back, and what would overfill a bucket is lost.
_TAKE = """
local quota, refill, burst, daily, cost =
    tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) - 1700000000 + tonumber(clock[2]) / 1000000
local today = math.floor(tonumber(clock[1]) / 86400)
local ends_in = (today + 1) * 86400 - tonumber(clock[1]) - tonumber(clock[2]) / 1000000
local full, level, day, used = 0, 0, 0, 0
local kept = redis.call('GET', KEYS[1])
if kept then full, level, day, used = struct.unpack('dddd', kept) end
if day ~= today then used = 0 end
full, level = math.max(full - now, 0), math.max(level - now, 0)
local wait = 0
local function keep()
    local lasting = math.max(full, level)
    if daily > 0 then lasting = math.max(lasting, ends_in) end
    local state = struct.pack('dddd', now + full, now + level, today, used)
    redis.call('SET', KEYS[1], state, 'PX', math.ceil(lasting * 1000) + 1000)
end
if cost < 0 and kept then
    full, level = math.max(full + cost / refill, 0), math.max(level + cost / burst, 0)
    used = math.max(used + cost, 0)
    keep()
elseif cost > 0 then
    wait = math.max(
        full - (quota - math.min(cost, quota)) / refill,
        level - (burst - math.min(cost, burst)) / burst,
        0)
    if daily > 0 and used + math.min(cost, daily) > daily then wait = math.max(wait, ends_in) end
    if wait <= 0.000002 then
        wait, full, level, used = 0, full + cost / refill, level + cost / burst, used + cost
        keep()
    end
end
return struct.pack('dddd', wait, full, used, ends_in)
"""


class RedisStore:
    """Budgets behind a `redis://`, `rediss://` or `unix://` address.

    Charges that wait at the same time travel together, over one connection. When the server behind it does
    not answer in time, every charge passes at once until it does: losing it must not stop the service.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            socket_timeout=None,
            socket_connect_timeout=_START_SECONDS,
        )
        self._script = hashlib.sha1(_TAKE.encode(), usedforsecurity=False).hexdigest()
        self._waiting: list[_Charge] = []
        self._sending: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None

    @property
    def lost(self) -> bool | None:
        """Tell whether the server did not answer when it was last asked."""
        return self._reviving is not None

    async def take(self, key: str, rates: Rates, cost: int) -> Taken | None:
        """Take `cost` points; see Store."""
        if self._reviving is not None:
            return None
        answer: asyncio.Future[Taken | None] = asyncio.get_running_loop().create_future()
        self._queue((key, rates, cost, answer))
        return await answer

    def give(self, key: str, rates: Rates, points: int) -> None:
        """Give points back with the next charges; see Store."""
        if self._reviving is None:
            self._queue((key, rates, -points, None))

    async def open(self) -> None:
        """Connect; a server that does not answer is lost from the start."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._redis.script_load(_TAKE)
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)

    async def close(self) -> None:
        """Stop, and close the connection."""
        for task in (self._sending, self._reviving):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._redis.aclose()

    # Sending

    def _queue(self, charge: _Charge) -> None:
        self._waiting.append(charge)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                sent, self._waiting = self._waiting, []
                for (*_, answer), taken in zip(sent, await self._send(sent), strict=True):
                    if answer is not None and not answer.done():
                        answer.set_result(taken)
        finally:
            self._sending = None

    async def _send(self, sent: list[_Charge]) -> list[Taken | None]:
        try:
            return await _in_time(self._evaluated(sent))
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            return [None] * len(sent)

    async def _evaluated(self, sent: list[_Charge]) -> list[Taken | None]:
        try:
            return await self._run(sent)
        except NoScriptError:
            # None of them was run, for the server has just begun or forgotten its scripts.
            await self._redis.script_load(_TAKE)
            return await self._run(sent)

    async def _run(self, sent: list[_Charge]) -> list[Taken | None]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, rates, cost, _ in sent:
                pipeline.evalsha(self._script, 1, _PREFIX + key, *rates, cost)
            return [_taken(found) for found in await pipeline.execute()]

    # Losing it

    def _lose(self, error: Exception) -> None:
        if self._reviving is None:
            _log.error("The limiter's Redis does not answer (%r): nothing is limited until it does.", error)
            self._reviving = asyncio.create_task(self._revive())

    async def _revive(self) -> None:
        while True:
            try:
                await _in_time(self._redis.ping())
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            self._reviving = None
            _log.warning("The limiter's Redis answers again.")
            return


async def _in_time(asked: Awaitable[_T]) -> _T:
    """Return what was asked; raises TimeoutError, and what it raises itself."""
    task = asyncio.ensure_future(asked)
    # What a cancelled call fails with besides is nobody's concern.
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        for _ in range(_LOOKS):
            done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS / _LOOKS)
            if done:
                return task.result()
    finally:
        task.cancel()
    raise TimeoutError(f"nothing within {PATIENCE_SECONDS * 1000:.0f} ms")


def _taken(found: bytes) -> Taken:
    wait, full_in, today, ends_in = struct.unpack("dddd", found)
    return Taken(wait, full_in, int(today), ends_in)
