"""The limiter: what callers and addresses are charged, what comes back to them, and what is counted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.redis_limits import RedisStore
from services.engine.access import Principal
from services.engine.context import Caller
from services.engine.errors import Problem, Slug
from services.engine.limiter import Limited, Unlimited, Usage
from services.engine.limits import Account, Left, Policy, ProcessStore, Standing, Store, Taken, policy

SLOW = policy(60, 60)
"""A budget of 60 points, one back each second."""


class Visitor:
    client = "192.0.2.7"
    standing: Standing | None = None


@pytest.fixture
async def lost(tmp_path: Path) -> AsyncIterator[RedisStore]:
    """A store whose server is not there."""
    store = RedisStore(f"unix://{tmp_path}/none.sock")
    await store.open()
    yield store
    await store.close()


class Watched(ProcessStore):
    """The store of a process, at a standing clock, that tells whether it is open."""

    def __init__(self) -> None:
        self.seconds, self.opened, self.closed = 1_000.0, 0, 0
        super().__init__(lambda: self.seconds)

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1


def caller(token: str = "t", workspace: str = "w", own: Policy = SLOW) -> Caller:
    principal = Principal(token, workspace, frozenset(), 1, own)
    return Caller(principal, b"", "r", "/", 0.0)


def limited(tokens: Store | None = None, usage: Usage | None = None) -> Limited:
    return Limited(tokens or Watched(), Watched(), policy(3, 3), usage)


def remaining(of: Caller) -> int:
    assert of.standing is not None
    return of.standing.remaining


async def refusal(limiter: Limited, of: Caller, cost: int, held: int = 0) -> Problem:
    with pytest.raises(Problem) as found:
        await limiter.charge(of, cost, held)
    assert found.value.slug is Slug.RATE_LIMIT_EXCEEDED
    return found.value


async def test_a_charge_is_taken_told_and_counted() -> None:
    limiter, one = limited(), caller()

    await limiter.charge(one, 3)
    await limiter.charge(one, 4)

    assert (one.asked, one.taken, one.returned, one.charged) == (4, 7, 0, 7)
    assert remaining(one) == 53
    assert limiter.usage.drain() == {"w": 7}


async def test_tokens_have_budgets_of_their_own_and_workspaces_one_count() -> None:
    limiter = limited()
    first, second, other = caller("a"), caller("b"), caller("c", "x")

    for each in (first, second, other):
        await limiter.charge(each, 10)

    assert [remaining(each) for each in (first, second, other)] == [50] * 3
    assert limiter.usage.drain() == {"w": 20, "x": 10}


async def test_a_refusal_takes_and_counts_nothing() -> None:
    limiter, one = limited(), caller()
    await limiter.charge(one, 50)

    problem = await refusal(limiter, one, 11, 5)

    assert problem.retry_after == 1
    assert (one.asked, one.taken, one.held) == (11, 50, 0)
    assert remaining(one) == 0
    assert limiter.usage.drain() == {"w": 50}
    fresh = caller()
    await refusal(limiter, fresh, 11)
    assert (fresh.taken, fresh.charged) == (0, 0)
    await limiter.charge(one, 10)


async def test_what_is_given_back_is_there_at_once() -> None:
    limiter, one = limited(), caller()
    await limiter.charge(one, 40, 30)
    await refusal(limiter, caller(), 30)

    limiter.refund(one, 12)
    limiter.refund(one, 8)

    assert (one.taken, one.held, one.returned, one.charged) == (40, 10, 20, 20)
    assert (one.standing, remaining(one)) == (await limiter.look(caller()), 40)
    assert limiter.usage.drain() == {"w": 20}
    await limiter.charge(caller(), 40)


async def test_no_more_comes_back_than_was_held() -> None:
    limiter, one = limited(), caller()
    await limiter.charge(one, 10)
    limiter.refund(one, 5)
    assert (one.returned, remaining(one)) == (0, 50)

    await limiter.charge(one, 20, 7)
    limiter.refund(one, 100)
    limiter.refund(one, 100)

    assert (one.held, one.returned, one.charged, remaining(one)) == (0, 7, 23, 37)
    assert points_of(await limiter.look(caller())) == 37
    assert limiter.usage.drain() == {"w": 23}


def points_of(standing: Standing | None) -> int:
    assert standing is not None
    return standing.remaining


async def test_held_points_of_several_charges_add_up() -> None:
    limiter, one = limited(), caller()
    await limiter.charge(one, 10, 4)
    await limiter.charge(one, 10, 5)

    limiter.refund(one, 9)

    assert (one.held, one.returned, remaining(one)) == (0, 9, 49)


async def test_a_refund_is_told_to_the_whole_batch() -> None:
    limiter, first = limited(), caller()
    second = caller()
    second.account = first.account
    await limiter.charge(first, 10, 9)
    await limiter.charge(second, 10, 9)

    limiter.refund(first, 9)

    assert (remaining(first), remaining(second)) == (59, 49)
    assert second.returned == 0
    assert first.account.left is second.left


async def test_a_charge_that_is_answered_late_is_not_the_latest() -> None:
    account, own = Account(), policy(60, 60)
    first, second = (Left(own, Taken(0.0, seconds), account) for seconds in (10.0, 20.0))

    account.note(2, second)
    account.note(1, first)
    account.returned = 5

    assert account.left is second
    assert second.standing().remaining == 45
    assert Left(own, Taken(0.0, 20.0), account, since=5).standing().remaining == 40


async def test_the_rates_of_the_charge_are_those_of_its_refund() -> None:
    """A tier that changes in between must not turn ten points into a hundred."""
    store = Watched()
    limiter, one = limited(store), caller()
    await limiter.charge(one, 40, 10)
    one.principal = Principal("t", "w", frozenset(), 2, policy(6, 6))

    limiter.refund(one, 10)

    assert points_of(await limiter.look(caller())) == 30


async def test_looking_takes_nothing() -> None:
    limiter, one = limited(), caller()

    standing = await limiter.look(one)

    assert standing == one.standing == Standing(60, 60, 0, "60;w=60")
    assert (one.taken, one.charged) == (0, 0)
    await limiter.charge(one, 5)
    await limiter.look(one)
    assert (one.taken, remaining(one)) == (5, 55)
    assert limiter.usage.drain() == {"w": 5}


async def test_while_the_store_is_lost_everything_passes_and_is_counted(lost: RedisStore) -> None:
    """S3-249, C-59."""
    limiter, one = limited(lost), caller()

    await limiter.charge(one, 1_000, 900)
    limiter.refund(one, 900)

    assert limiter.lost is True
    assert (one.standing, one.charged) == (None, 100)
    assert await limiter.look(one) is None
    assert limiter.usage.drain() == {"w": 100}


async def test_addresses_are_charged_a_point_each() -> None:
    limiter = limited()
    for left in (2, 1, 0):
        visitor = Visitor()
        await limiter.charge_visitor(visitor)
        assert visitor.standing is not None
        assert (visitor.standing.limit, visitor.standing.remaining) == (3, left)

    visitor = Visitor()
    with pytest.raises(Problem) as found:
        await limiter.charge_visitor(visitor)
    assert (found.value.slug, found.value.retry_after) == (Slug.RATE_LIMIT_EXCEEDED, 20)
    assert visitor.standing == Standing(3, 0, 20, "3;w=60")
    neighbour = Visitor()
    neighbour.client = "192.0.2.8"
    await limiter.charge_visitor(neighbour)
    assert limiter.usage.drain() == {}


async def test_addresses_pass_while_their_store_is_lost(lost: RedisStore) -> None:
    limiter, visitor = Limited(Watched(), lost, policy(1)), Visitor()
    visitor.standing = Standing(1, 1, 1, "")

    for _ in range(5):
        await limiter.charge_visitor(visitor)

    assert visitor.standing is None
    assert limiter.lost is None


async def test_both_stores_are_opened_and_closed() -> None:
    tokens, addresses = Watched(), Watched()
    limiter = Limited(tokens, addresses, SLOW)

    await limiter.open()
    assert [(each.opened, each.closed) for each in (tokens, addresses)] == [(1, 0)] * 2
    await limiter.close()
    assert [(each.opened, each.closed) for each in (tokens, addresses)] == [(1, 1)] * 2


async def test_a_server_without_limits_counts_all_the_same() -> None:
    limiter, one, visitor = Unlimited(), caller(), Visitor()
    await limiter.open()
    assert await limiter.look(one) is None
    assert one.taken == 0

    await limiter.charge(one, 0)
    assert one.held == 0
    await limiter.charge(one, 700, 600)
    await limiter.charge(one, 5)
    limiter.refund(one, 601)
    await limiter.charge_visitor(visitor)

    assert (one.asked, one.taken, one.charged, one.held) == (5, 705, 105, 0)
    assert await limiter.look(one) is None
    assert (one.taken, one.standing, visitor.standing, limiter.lost) == (705, None, None, None)
    assert limiter.usage.drain() == {"w": 105}
    await limiter.close()


def test_what_came_back_after_a_drain_is_set_off_against_the_next() -> None:
    usage = Usage()
    usage.add("a", 10)
    usage.add("b", 1)
    assert usage.drain() == {"a": 10, "b": 1}

    usage.add("a", -9)
    assert usage.drain() == {}
    usage.add("a", 4)
    assert usage.drain() == {}
    usage.add("a", 8)

    assert usage.drain() == {"a": 3}
    usage.add("a", 5)
    usage.add("a", -5)
    assert usage.drain() == {}


async def test_limiters_share_a_count_that_is_given_to_them() -> None:
    usage = Usage()
    await limited(usage=usage).charge(caller(), 2)
    await Unlimited(usage).charge(caller(), 3)

    assert usage.drain() == {"w": 5}
