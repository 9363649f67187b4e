"""The machine itself: it must find each planted leak, and name it."""

import pytest
from hypothesis import Phase

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.isolation.leaks import LEAKS, Leak
from tests.isolation.machine import LeakFound, run, tried
from tests.support.databases import copied

_MOST_STEPS = 16_000


@pytest.mark.parametrize("leak", LEAKS, ids=[leak.plant.__name__ for leak in LEAKS])
def test_a_planted_leak_is_found(
    postgres: Embedded, migrated_template: str, monkeypatch: pytest.MonkeyPatch, leak: Leak
) -> None:
    """Promise 14: without the leak the same steps find nothing, as the machine's own test shows."""
    leak.plant(monkeypatch)
    database = copied(postgres, migrated_template)
    with tried(database, CATALOG, **leak.settings) as trial, pytest.raises(LeakFound, match=leak.said):
        run(trial, _MOST_STEPS, phases=(Phase.generate,), derandomize=True)
