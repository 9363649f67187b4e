"""Whether time tells what bytes do not: how long it takes to be refused another's row, and nobody's."""

import statistics
import time
import uuid

from tests.isolation.estate import OURS, THEIRS, Estate
from tests.isolation.machine import Trial
from tests.support.client import Client

_EVERYTHING = ("all:write",)


def ratio(trial: Trial, times: int) -> tuple[float, float]:
    """Return how many times as long one takes as the other, by their medians, and how far apart they are.

    The distance is in milliseconds. Both are asked in turn, so that whatever else goes on strikes both.
    """
    estate = trial.estate
    client = estate.client(estate.tenants[OURS].tokens[_EVERYTHING])
    foreign, absent = list[float](), list[float]()
    for n in range(times):
        for path, id_ in _paths(estate, n):
            foreign.append(_seconds(trial, client, f"{path}/{id_}"))
            absent.append(_seconds(trial, client, f"{path}/{uuid.uuid4()}"))
    one, other = statistics.median(foreign), statistics.median(absent)
    return one / other, abs(one - other) * 1000


def _paths(estate: Estate, n: int) -> list[tuple[str, str]]:
    found = []
    for resource in estate.catalog:
        rows = estate.rows_of(THEIRS, resource)
        if rows:
            found.append((f"/api/v1/{resource.path}", rows[n % len(rows)]["id"]))
    return found


def _seconds(trial: Trial, client: Client, target: str) -> float:
    began = time.perf_counter()
    answer = trial.run(client.get(target))
    took = time.perf_counter() - began
    assert answer.status == 404, (target, answer.status)
    return took
