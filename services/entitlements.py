"""Entitlements: what the plans of workspaces hold, the questions about it, and the usage that is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from db.counting import counting_all
from db.execute import prepared
from db.models import Tier
from db.models.columns import LARGEST_SAFE_INTEGER
from db.queries import entitlements as queries
from services.engine.catalog import Catalog
from services.engine.encoding import decoded, text_array
from services.engine.entitling import Plans
from services.engine.errors import Invalid, validation_failed
from services.engine.metering import API_CALLS
from services.engine.procedures import Method, Part, Procedure, Result
from services.engine.resource import Field, Kind
from services.engine.work import Work

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


class Counting(StrEnum):
    """How the usage of a feature comes about."""

    ROWS = "rows"
    MONTHLY = "monthly"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Feature:
    """What a plan limits, and per tier how much of it there is; a tier that is left out is unlimited.

    `ROWS` are counted where they are; what is `MONTHLY` begins anew with every month (UTC), and a `GAUGE`
    goes up and down as it is recorded.
    """

    key: str
    label: str
    counting: Counting
    limits: Mapping[Tier, int]
    unit: str | None = None


def _limits(*numbers: int) -> Mapping[Tier, int]:
    """Return limits of the tiers from the lowest on."""
    return MappingProxyType(dict(zip(Tier, numbers, strict=False)))


FEATURES = (
    Feature("posts", "Post", Counting.GAUGE, _limits(100, 500, 1_000, 1_000, 10_000)),
    Feature(
        API_CALLS,
        "API call",
        Counting.MONTHLY,
        _limits(10_000, 100_000, 10_000_000, 10_000_000, 100_000_000),
    ),
    Feature(
        "storage",
        "Storage",
        Counting.GAUGE,
        _limits(512 * _MIB, 2 * _GIB, 5 * _GIB, 5 * _GIB, 100 * _GIB),
        unit="bytes",
    ),
    Feature("products", "Product", Counting.ROWS, _limits(10_000, 25_000)),
    Feature("customers", "Customer", Counting.ROWS, _limits(10_000, 25_000)),
    Feature("orders", "Order", Counting.ROWS, _limits(10_000, 25_000)),
    Feature("tokens", "Token", Counting.ROWS, _limits(100, 250)),
    Feature("workspaces", "Workspace", Counting.ROWS, _limits(10, 50)),
    Feature("members", "Member", Counting.ROWS, _limits(10, 50, 500, 500)),
)
_BY_KEY = {feature.key: feature for feature in FEATURES}
_MONTHLY = text_array(each.key for each in FEATURES if each.counting is Counting.MONTHLY)

PLANS = Plans(
    {str(tier): {each.key: each.limits[tier] for each in FEATURES if tier in each.limits} for tier in Tier},
    {each.key: each.label for each in FEATURES},
)


def _keys(_: Catalog) -> tuple[str, ...]:
    return tuple(_BY_KEY)


def _recordable(_: Catalog) -> tuple[str, ...]:
    return tuple(key for key, feature in _BY_KEY.items() if feature.counting is not Counting.ROWS)


def _known(key: str) -> str | Invalid:
    if key in _BY_KEY:
        return key
    return Invalid("inclusion", f"This must be one of {', '.join(_BY_KEY)}.")


def _recorded(key: str) -> str | Invalid:
    if key in _BY_KEY and _BY_KEY[key].counting is Counting.ROWS:
        return Invalid("exclusion", "This is counted where its rows are, and cannot be recorded.")
    return _known(key)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How one feature stands: what is used, and the limit, None where there is none."""

    feature: Feature
    used: int
    limit: int | None

    @property
    def available(self) -> int | None:
        """Return what is left."""
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def percentage(self) -> float | None:
        """Return the share of the limit that is used, to two places, with at most 100."""
        if self.limit is None:
            return None
        return min(round(self.used * 100 / self.limit, 2), 100.0) if self.limit else 100.0


class Entitlements:
    """The three procedures over the features of one catalogue."""

    def __init__(self, plans: Plans = PLANS) -> None:
        self._plans = plans

    async def check(self, work: Work, inputs: Mapping[str, Any]) -> Result:
        """Tell whether so much more of a feature may be used; uses nothing (C-88)."""
        feature, quantity = _BY_KEY[inputs["feature"]], inputs["quantity"]
        found = await self._standing(work, feature)
        told = {
            "allowed": found.limit is None or found.used + quantity <= found.limit,
            "feature": feature.key,
            "current_usage": found.used,
            "limit": found.limit,
            "available": found.available,
        }
        if told["allowed"]:
            return Result(told)
        message = self._plans.exceeded(feature.key, found.used, found.limit or 0)
        url = work.deployment.upgrade_url
        return Result({**told, "reason": "LIMIT_EXCEEDED", "message": message, "upgrade_url": url})

    async def record(self, work: Work, inputs: Mapping[str, Any]) -> Result:
        """Add to what is used if the limit allows it, by one statement; raises the 403 problem (C-88)."""
        feature, quantity = _BY_KEY[inputs["feature"]], inputs["quantity"]
        if quantity < 0 and feature.counting is Counting.MONTHLY:
            raise validation_failed({"quantity": [Invalid("greater_than", "What was used stays used.")]})
        limit = self._limit(work, feature)
        used = await self._add(work, feature, quantity, limit)
        workspace = work.caller.principal.workspace_id
        told = {"feature": feature.key, "quantity": quantity, "metadata": inputs["metadata"]}
        work.note("usage.recorded", "entitlement", workspace, after=told)
        return Result({"recorded": True, "feature": feature.key, "current_usage": used, "limit": limit})

    async def _add(self, work: Work, feature: Feature, quantity: int, limit: int | None) -> int:
        key = feature.key.encode()
        values = (key, b"%d" % quantity, None if limit is None else b"%d" % limit)
        monthly = b"t" if feature.counting is Counting.MONTHLY else b"f"
        rows = await work.rows(queries.ADD, *values, monthly)
        if not rows:
            await work.rows(queries.BEGIN, key)
            rows = await work.rows(queries.ADD, *values, monthly)
        if rows:
            return int(rows[0][0] or 0)
        used = (await self._used(work)).get(feature.key, 0)
        if quantity < 0 or limit is None:
            raise validation_failed({"quantity": [Invalid("less_than", f"There are only {used} in use.")]})
        raise self._plans.reached(feature.key, used, limit, work.deployment.upgrade_url)

    async def summary(self, work: Work, inputs: Mapping[str, Any]) -> Result:
        """Tell how every feature stands."""
        used = {**await self._used(work), **await self._rows(work)}
        tier = work.caller.principal.tier
        standings = [
            _Standing(each, used.get(each.key, 0), self._plans.limit(tier, each.key)) for each in FEATURES
        ]
        ends = _next_month(work.caller.now)
        entitlements = [
            {
                "feature": each.feature.key,
                "used": each.used,
                "limit": each.limit,
                "available": each.available,
                "percentage": each.percentage,
                "reset_at": ends if each.feature.counting is Counting.MONTHLY else None,
                "unit": each.feature.unit,
            }
            for each in standings
        ]
        workspace = work.caller.principal.workspace_id
        return Result({"workspace_id": workspace, "tier": tier, "entitlements": entitlements})

    async def _standing(self, work: Work, feature: Feature) -> _Standing:
        rows = feature.counting is Counting.ROWS
        found = await (self._rows(work, feature.key) if rows else self._used(work))
        return _Standing(feature, found.get(feature.key, 0), self._limit(work, feature))

    def _limit(self, work: Work, feature: Feature) -> int | None:
        return self._plans.limit(work.caller.principal.tier, feature.key)

    async def _used(self, work: Work) -> dict[str, int]:
        rows = await work.rows(queries.USED, _MONTHLY)
        return {decoded(feature): int(used or 0) for feature, used in rows}

    async def _rows(self, work: Work, only: str | None = None) -> dict[str, int]:
        """Return the rows that count, by feature: of all of them, or of one `only`."""
        # The catalogue lists these procedures.
        from services.catalog import CATALOG

        counted = tuple(each for each in counted_in(CATALOG) if only in (None, each[0]))
        row = (await work.rows(prepared(counting_all(counted))))[0]
        return {name: int(count or 0) for (name, _, _), count in zip(counted, row, strict=True)}


def counted_in(catalog: Catalog) -> tuple[Any, ...]:
    """Return what is counted by its rows: feature, model, and the values that a row must have."""
    return tuple(
        (each.counted.feature, each.model, each.counted.only) for each in catalog if each.counted is not None
    )


def _next_month(now: float) -> datetime:
    at = datetime.fromtimestamp(now, UTC)
    return datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)


def _quantity(least: int, doc: str) -> Field:
    return Field(
        "quantity", doc, kind=Kind.BIG_INTEGER, default=1, minimum=least, maximum=LARGEST_SAFE_INTEGER
    )


def _number(name: str, doc: str, **more: Any) -> Field:
    return Field(name, doc, kind=Kind.BIG_INTEGER, **more)


_ENTITLEMENTS = Entitlements()
_USED = _number("current_usage", "How much is used.", required=True)
_LIMIT = _number("limit", "How much there may be; null where that is unlimited.")
_AVAILABLE = _number("available", "How much is left; null where that is unlimited.")
_NAME = Field("feature", "The feature.", kind=Kind.STRING, required=True)

CHECK = Procedure(
    "check_entitlement",
    "entitlements/check",
    "Tell whether the plan of the workspace allows so much more of a feature; nothing is used by asking.",
    Method.GET,
    _ENTITLEMENTS.check,
    scope="entitlements:read",
    wrapped=False,
    inputs=(
        Field(
            "feature",
            "Which feature.",
            kind=Kind.STRING,
            required=True,
            check=_known,
            among=_keys,
            example="storage",
        ),
        _quantity(1, "How much more is needed."),
    ),
    outputs=(
        Field("allowed", "Whether so much more may be used.", kind=Kind.BOOLEAN, required=True),
        _NAME,
        Field("reason", "`LIMIT_EXCEEDED` where it may not.", kind=Kind.STRING, sparse=True),
        Field("message", "Why not, as a sentence.", kind=Kind.STRING, sparse=True),
        _USED,
        _LIMIT,
        _AVAILABLE,
        Field("upgrade_url", "Where there is a larger plan.", kind=Kind.STRING, sparse=True),
    ),
)

RECORD = Procedure(
    "record_usage",
    "entitlements/usage",
    "Record the usage of a feature that is not counted by rows, unless it exceeds the limit.",
    Method.POST,
    _ENTITLEMENTS.record,
    scope="entitlements:write",
    wrapped=False,
    inputs=(
        Field(
            "feature",
            "Which feature.",
            kind=Kind.STRING,
            required=True,
            check=_recorded,
            among=_recordable,
            example="storage",
        ),
        _quantity(-LARGEST_SAFE_INTEGER, "How much more is used; less than 0 gives back what was."),
        Field(
            "metadata",
            "What it was used for, which the audit log keeps.",
            kind=Kind.JSON,
            example={"endpoint": "/api/v1/posts"},
        ),
    ),
    outputs=(
        Field("recorded", "Always true.", kind=Kind.BOOLEAN, required=True),
        _NAME,
        _USED,
        _LIMIT,
    ),
)

SUMMARY = Procedure(
    "entitlement_summary",
    "entitlements/summary",
    "Tell how much of every feature the workspace uses, and when that begins anew.",
    Method.GET,
    _ENTITLEMENTS.summary,
    scope="entitlements:read",
    cost=5,
    outputs=(
        Field("workspace_id", "The workspace.", kind=Kind.UUID, required=True),
        Field("tier", "Its tier, which names the plan.", kind=Kind.STRING, enum=Tier, required=True),
        Part(
            "entitlements",
            "Every feature.",
            (
                _NAME,
                _number("used", "How much is used.", required=True),
                _LIMIT,
                _AVAILABLE,
                Field("percentage", "The share of the limit that is used.", kind=Kind.NUMBER),
                Field("reset_at", "When it begins anew, in UTC.", kind=Kind.DATETIME, sparse=True),
                Field("unit", "What it is measured in.", kind=Kind.STRING, sparse=True),
            ),
            many=True,
            by="feature",
        ),
    ),
)

ENTITLEMENTS = (CHECK, RECORD, SUMMARY)
