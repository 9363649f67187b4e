"""What the second wall keeps out where the first is gone: everything is tried, and what came is counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from tests.isolation.absent import Addresses
from tests.isolation.asking import Asker
from tests.isolation.dice import Dice
from tests.isolation.estate import OURS, THEIRS
from tests.isolation.machine import Trial
from tests.isolation.requests import Ask, get
from tests.parity import graphql_side
from tests.parity.neutral import Case

_EVERYTHING = ("all:write",)
_RANDOM = 60
_MOST = 500


@dataclass(slots=True)
class Breach:
    """How many requests there were, and by table what others lost: rows changed, and rows seen."""

    requests: int = 0
    changed: set[str] | None = None
    seen: int = 0


def write_everything(trial: Trial) -> Breach:
    """Do every action to rows of others, one by one and in bulk; return the tables in which any changed."""
    estate, found = trial.estate, Breach()
    tenant = estate.tenants[OURS]
    estate.begin()
    others = [estate.tenants[THEIRS].id]
    before = estate.watch.digests(others)
    for ask in Addresses(estate, tenant, THEIRS).all():
        if not ask.still:
            trial.run(ask.send(estate.client(tenant.tokens[_EVERYTHING])))
            found.requests += 1
    after = estate.watch.digests(others)
    found.changed = {
        table for table, owner in {*before, *after} if before.get((table, owner)) != after.get((table, owner))
    }
    return found


def read_everything(trial: Trial) -> Breach:
    """Read all there is in every way; return how many marks of others were seen."""
    estate, found = trial.estate, Breach()
    tenant = estate.tenants[OURS]
    estate.begin()
    for ask in _reads(trial):
        answer = trial.run(ask.send(estate.client(tenant.tokens[_EVERYTHING])))
        found.requests += 1
        found.seen += len(estate.marks.foreign(answer.body.decode(), tenant.id, ask.told))
    return found


def _reads(trial: Trial) -> Iterator[Ask]:
    tenant = trial.estate.tenants[OURS]
    for resource in trial.estate.catalog:
        yield get("all", f"/api/v1/{resource.path}?per_page={_MOST}&include_deleted=true")
        case = Case("all", resource, include=tuple((each.name,) for each in resource.relations), size=50)
        made = graphql_side.with_variables(case, trial.estate.catalog)
        yield Ask("all", "POST", "/graphql", (("content-type", "application/json"),), _body(made), True)
    yield from (ask for ask in Addresses(trial.estate, tenant, THEIRS).all() if ask.still)
    for n in range(_RANDOM):
        yield Asker(trial.estate, tenant, Dice(n)).reading()


def _body(made: graphql_side.Request) -> bytes:
    return orjson.dumps({"query": made.query, "variables": made.variables})
