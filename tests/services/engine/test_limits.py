"""The arithmetic of limits, on a clock that the tests drive."""

import time
from datetime import UTC, datetime

import pytest

from db.models import RateTier
from services.engine.limits import (
    STANDARD,
    TIERS,
    Account,
    Left,
    Policy,
    ProcessStore,
    Standing,
    Taken,
    address_key,
    policy,
    policy_of,
)

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC).timestamp()


class Clock:
    """Seconds that pass when a test says so; the day begins with it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def store(self, **more: int) -> ProcessStore:
        return ProcessStore(lambda: 1_000_000 + self.seconds, lambda: MIDNIGHT + self.seconds, **more)


async def passed(store: ProcessStore, own: Policy, cost: int = 1, key: str = "t") -> bool:
    taken = await store.take(key, own.rates, cost)
    assert taken is not None
    return not taken.wait


async def standing(store: ProcessStore, own: Policy, cost: int = 1) -> Standing:
    taken = await store.take("t", own.rates, cost)
    assert taken is not None
    return own.standing(taken)


async def test_forty_requests_pass_within_a_second_and_no_more() -> None:
    """S3-244, C-58."""
    clock = Clock()
    store = clock.store()

    assert [await passed(store, STANDARD) for _ in range(41)] == [True] * 40 + [False]
    clock.seconds += 1
    assert [await passed(store, STANDARD) for _ in range(41)] == [True] * 40 + [False]


async def test_a_steady_second_passes_four_once_the_quota_is_spent() -> None:
    """S3-243, C-58."""
    clock = Clock()
    store = clock.store()
    for _ in range(60):
        clock.seconds += 0.1
        for _ in range(4):
            await passed(store, STANDARD)
    while await passed(store, STANDARD):
        clock.seconds += 0.05

    counts = []
    for _ in range(20):
        clock.seconds += 1
        counts.append(sum([await passed(store, STANDARD) for _ in range(40)]))

    assert counts == [4] * 20


@pytest.mark.parametrize(("limit", "each"), [(240, 1), (600, 1), (1_000, 3), (6_000, 7), (60, 2)])
async def test_a_minute_of_asking_passes_the_limit_within_one_per_cent(limit: int, each: int) -> None:
    """The quota is spent first: it is what a full bucket adds to the first minute."""
    clock = Clock()
    store, own = clock.store(), policy(limit)
    while clock.seconds < 120:
        clock.seconds += 0.01
        await passed(store, own, each)

    taken, until = 0, clock.seconds + 60
    while clock.seconds < until:
        clock.seconds += 0.01
        taken += each * await passed(store, own, each)

    assert abs(taken - limit) <= max(each, limit / 100)


async def test_what_is_left_is_told_as_headers_need_it() -> None:
    """C-58: `reset` is when the quota is full."""
    clock = Clock()
    store = clock.store()

    assert await standing(store, STANDARD) == Standing(240, 239, 1, "240;w=60")
    for _ in range(20):
        await passed(store, STANDARD)
    assert await standing(store, STANDARD, 0) == Standing(240, 219, 6, "240;w=60")
    clock.seconds += 1
    assert await standing(store, STANDARD, 0) == Standing(240, 223, 5, "240;w=60")
    clock.seconds += 60
    assert await standing(store, STANDARD, 0) == Standing(240, 240, 0, "240;w=60")


async def test_a_refusal_says_when_to_come_back() -> None:
    """S3-247, S2-058: at least one second, and the same number everywhere."""
    clock = Clock()
    store, own = clock.store(), policy(6, 6)
    assert await passed(store, own, 6)

    told = await standing(store, own)
    problem = own.exceeded(told, MIDNIGHT + 0.5)

    assert told == Standing(6, 0, 10, "6;w=60")
    assert problem.retry_after == 10
    assert problem.detail == (
        "You have exceeded the rate limit of 6 requests per minute. Retry after 10 seconds."
    )
    assert problem.extensions == {
        "retry_after": 10,
        "limit": 6,
        "remaining": 0,
        "reset_at": "2026-03-01T00:00:10Z",
    }
    clock.seconds += 10
    assert await passed(store, own)


async def test_a_burst_is_refused_for_one_second_at_least() -> None:
    clock = Clock()
    store = clock.store()
    for _ in range(40):
        await passed(store, STANDARD)

    assert (await standing(store, STANDARD)).reset == 1


async def test_a_refused_charge_takes_nothing() -> None:
    clock = Clock()
    store, own = clock.store(), policy(10, 10)
    assert await passed(store, own, 8)

    assert not await passed(store, own, 5)
    assert (await standing(store, own, 0)).remaining == 2
    assert await passed(store, own, 2)


async def test_looking_takes_nothing_and_is_never_refused() -> None:
    clock = Clock()
    store, own = clock.store(), policy(5, 5)
    assert await passed(store, own, 5)

    assert [(await standing(store, own, 0)).remaining for _ in range(50)] == [0] * 50
    assert len(clock.store()) == 0


@pytest.mark.parametrize(("cost", "back_after"), [(100, 2.5), (400, 100)])
async def test_a_dear_request_passes_a_full_bucket_and_leaves_a_debt(cost: int, back_after: float) -> None:
    """A request above a bucket's capacity is never impossible."""
    clock = Clock()
    store = clock.store()

    assert await passed(store, STANDARD, cost)
    assert (await standing(store, STANDARD, 0)).remaining == max(0, 240 - cost)
    assert not await passed(store, STANDARD, cost)
    assert not await passed(store, STANDARD, 40)
    clock.seconds += back_after
    assert await passed(store, STANDARD, 40 if cost == 100 else 240)


async def test_the_day_is_a_counter_of_its_own() -> None:
    """S0-034, S0-036: the window with less left is the one that is told."""
    clock = Clock()
    store, own = clock.store(), policy(1_000, 1_000, 30)

    assert await standing(store, own, 20) == Standing(30, 10, 86_400, "1000;w=60, 30;w=86400")
    clock.seconds += 3_600
    assert await passed(store, own, 10)
    told = await standing(store, own)
    assert told == Standing(30, 0, 82_800, "1000;w=60, 30;w=86400")
    assert "of 30 requests per day. Retry after 82800 seconds." in own.exceeded(told, MIDNIGHT).detail
    clock.seconds = 86_400
    assert await standing(store, own) == Standing(30, 29, 86_400, "1000;w=60, 30;w=86400")


async def test_a_day_that_has_more_left_than_the_minute_is_not_told() -> None:
    clock = Clock()
    own = policy(240, None, 10_000)

    assert await standing(clock.store(), own) == Standing(240, 239, 1, "240;w=60, 10000;w=86400")


async def test_what_is_given_back_is_there_at_once() -> None:
    clock = Clock()
    store = clock.store()
    assert await passed(store, STANDARD, 40)
    assert not await passed(store, STANDARD)

    store.give("t", STANDARD.rates, 30)

    # Of the burst as well as of the quota.
    assert await standing(store, STANDARD, 30) == Standing(240, 200, 10, "240;w=60")
    assert not await passed(store, STANDARD)


async def test_a_bucket_is_never_overfull() -> None:
    clock = Clock()
    store, own = clock.store(), policy(60, 60)
    store.give("t", own.rates, 100)
    assert len(store) == 0
    assert await passed(store, own, 10)
    clock.seconds += 5

    store.give("t", own.rates, 10)
    store.give("t", own.rates, 1_000)

    assert (await standing(store, own, 0)) == Standing(60, 60, 0, "60;w=60")
    assert await passed(store, own, 60)
    assert not await passed(store, own)


async def test_a_debt_is_paid_by_what_is_given_back() -> None:
    clock = Clock()
    store, own = clock.store(), policy(60, 60)
    assert await passed(store, own, 90)

    store.give("t", own.rates, 40)

    assert (await standing(store, own, 0)).remaining == 10
    assert [await passed(store, own, 10), await passed(store, own)] == [True, False]


async def test_a_day_gets_back_what_was_taken_of_it_and_no_more() -> None:
    clock = Clock()
    store, own = clock.store(), policy(1_000, 1_000, 30)
    assert await passed(store, own, 20)
    store.give("t", own.rates, 5)
    assert (await standing(store, own, 0)).remaining == 15
    store.give("t", own.rates, 500)
    assert (await standing(store, own, 0)).remaining == 30

    assert await passed(store, own, 30)
    clock.seconds = 86_400
    store.give("t", own.rates, 10)
    assert (await standing(store, own, 0)).remaining == 30
    assert (await standing(store, own, 10)).remaining == 20


def test_what_has_come_back_since_a_charge_is_told() -> None:
    own = policy(60, 60, 40)
    left = Left(own, Taken(0.0, 30.0, 35, 100.0))
    assert left.standing() == Standing(40, 5, 100, "60;w=60, 40;w=86400")

    left.account.returned = 10
    assert left.standing() == Standing(40, 15, 100, "60;w=60, 40;w=86400")
    left.account.returned = 100
    assert left.standing() == Standing(40, 40, 100, "60;w=60, 40;w=86400")
    minute, four = policy(60, 60), STANDARD
    for own, seconds, returned, left_now, reset in (
        (minute, 30.0, 10, 40, 20),
        (minute, 30.0, 31, 60, 0),
        (four, 10.0, 20, 220, 5),
    ):
        told = Left(own, Taken(0.0, seconds), Account(returned=returned)).standing()
        assert told == Standing(own.limit, left_now, reset, own.text)


async def test_keys_have_budgets_of_their_own_and_the_oldest_are_forgotten() -> None:
    clock = Clock()
    store, own = clock.store(most=2), policy(1, 1)

    assert [await passed(store, own, key=key) for key in ("a", "b", "a", "b")] == [True, True, False, False]
    assert await passed(store, own, key="c")
    assert len(store) == 2
    assert [await passed(store, own, key=key) for key in ("b", "a")] == [False, True]


def test_tiers_are_those_of_the_specification() -> None:
    """S2-061, C-13, C-14, C-58."""
    told = {tier: (own.limit, own.burst, own.rates.quota) for tier, own in TIERS.items()}

    assert told == {
        RateTier.STANDARD: (240, 40, 240),
        RateTier.FREE: (60, 40, 60),
        RateTier.STARTER: (1_000, 167, 1_200),
        RateTier.PRO: (5_000, 834, 6_500),
        RateTier.BUSINESS: (5_000, 834, 6_500),
        RateTier.AGENCY: (20_000, 3_334, 30_000),
        RateTier.ENTERPRISE: (100_000, 16_667, 200_000),
    }


def test_what_a_tier_allows_above_its_limit_is_not_told_as_left() -> None:
    own = TIERS[RateTier.STARTER]

    assert own.rates.refill == pytest.approx(1_000 / 60)
    assert own.text == "1000;w=60"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None, None), (240, 40, None)),
        (("pro", None, None, None), (5_000, 834, None)),
        (("pro", 100, None, None), (100, 40, None)),
        ((None, 20, None, None), (20, 20, None)),
        ((None, 6_000, None, None), (6_000, 1_000, None)),
        ((None, 6_001, None, 50), (6_001, 1_001, 50)),
        ((None, 100, 7, None), (100, 7, None)),
        ((None, None, 7, 9), (240, 7, 9)),
        (("free", None, None, 10_000), (60, 40, 10_000)),
        (("unheard of", None, None, None), (240, 40, None)),
    ],
)
def test_a_token_overrides_its_tier(
    given: tuple[str | None, int | None, int | None, int | None], expected: tuple[int, int, int | None]
) -> None:
    """S3-245, C-58."""
    found = policy_of(*given)

    assert (found.limit, found.burst, found.per_day) == expected


@pytest.mark.parametrize(
    ("client", "key"),
    [
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:192.0.2.7", "address:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::"),
        ("2001:db8:1:2::9", "address:2001:db8:1:2::"),
        ("", "address:"),
    ],
)
def test_addresses_are_counted_as_people_hold_them(client: str, key: str) -> None:
    assert address_key(client) == key


def test_whichever_has_less_left_is_told_and_the_minute_if_neither_has() -> None:
    own = policy(60, 60, 70)
    text = "60;w=60, 70;w=86400"

    assert own.standing(Taken(0.0, 10.0, 20, 100.0)) == Standing(60, 50, 10, text)
    assert own.standing(Taken(0.0, 10.0, 21, 99.5)) == Standing(70, 49, 100, text)
    assert own.standing(Taken(0.0, 0.0, 75, 100.0)) == Standing(70, 0, 100, text)
    assert own.standing(Taken(50.0, 60.0, 10, 100.0)) == Standing(60, 0, 50, text)
    assert own.standing(Taken(100.0, 60.0, 70, 100.0)) == Standing(70, 0, 100, text)


def test_a_refusal_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3-247, S2-058: the moment in UTC, wherever the server stands."""
    own = policy(30, 30, 30)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        problem = own.exceeded(Standing(30, 0, 1, own.text), MIDNIGHT + 0.9)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert (
        problem.detail == "You have exceeded the rate limit of 30 requests per minute. Retry after 1 second."
    )
    assert problem.retry_after == 1
    moment = datetime.fromtimestamp(MIDNIGHT + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert problem.extensions == {"retry_after": 1, "limit": 30, "remaining": 0, "reset_at": moment}
    later = policy(30, 30, 20).exceeded(Standing(20, 0, 2, ""), MIDNIGHT)
    assert later.detail == "You have exceeded the rate limit of 20 requests per day. Retry after 2 seconds."


def test_a_policy_is_of_a_point_at_least_and_exact_to_a_millionth() -> None:
    assert policy(0).limit == 1
    assert policy(7, allowance=0.3).rates.quota == 9.1
    assert policy(10, allowance=1 / 3).rates.quota == 13.333333
    assert policy(60).rates.daily == 0
    assert policy(60, None, 5).rates.daily == 5


def test_a_token_keeps_the_allowance_of_its_tier_whatever_else_it_overrides() -> None:
    """S3-245, S2-061."""
    assert policy_of("starter", None, None, None) is TIERS[RateTier.STARTER]
    assert policy_of("starter", None, 10, None) == policy(1_000, 10, allowance=0.2)
    assert policy_of("agency", None, None, 9) == policy(20_000, 3_334, 9, allowance=0.5)
    assert policy_of("free", 500, None, None) == policy(500)
    assert policy_of("free", 500, 7, 8) == policy(500, 7, 8)
    assert policy_of(None, None, None, None) is policy_of("unknown", None, None, None) is STANDARD
    assert policy_of(None, None, 50, None) == policy(240, 50)


def test_a_network_of_64_bits_is_one_client() -> None:
    assert address_key("2001:db8:0:1:8000::1") == address_key("2001:db8:0:1::2") == "address:2001:db8:0:1::"
    assert address_key("2001:db8:0:2::2") != address_key("2001:db8:0:1::2")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "address:192.0.2.1"
    assert address_key("a socket") == "address:a socket"


async def test_the_store_tells_all_that_came_of_a_charge() -> None:
    clock = Clock()
    store, own, daily = clock.store(), policy(60, 5), policy(60, 5, 40)

    assert await store.take("a", own.rates, 2) == Taken(0.0, 2.0, 2, 0.0)
    assert await store.take("a", own.rates, 3) == Taken(0.0, 5.0, 5, 0.0)
    assert await store.take("a", own.rates, 0) == Taken(0.0, 5.0, 5, 0.0)
    refused = await store.take("a", own.rates, 1)
    assert refused == Taken(pytest.approx(0.2), 5.0, 5, 0.0)
    clock.seconds = 400.0
    assert await store.take("b", daily.rates, 5) == Taken(0.0, 5.0, 5, 86_000.0)
    assert await store.take("b", daily.rates, 0) == Taken(0.0, 5.0, 5, 86_000.0)
    assert await store.take("b", daily.rates, 1) == Taken(pytest.approx(0.2), 5.0, 5, 86_000.0)


async def test_a_long_pause_saves_up_no_second_burst() -> None:
    clock = Clock()
    store = clock.store()
    assert await passed(store, STANDARD)
    clock.seconds += 10

    assert [await passed(store, STANDARD) for _ in range(41)] == [True] * 40 + [False]


async def test_a_day_that_is_spent_passes_nothing_until_it_ends() -> None:
    clock = Clock()
    store, own = clock.store(), policy(1_000, 1_000, 30)
    assert await passed(store, own, 25)

    assert [await passed(store, own, 6), await passed(store, own, 5), await passed(store, own)] == [
        False,
        True,
        False,
    ]
    assert (await store.take("t", own.rates, 0)) == Taken(0.0, pytest.approx(1.8), 30, 86_400.0)
    clock.seconds = 86_399
    assert not await passed(store, own)
    clock.seconds = 86_400
    assert await passed(store, own, 30)
