"""5,000 random steps of three workspaces, after each of which none has noticed another."""

import pytest

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.isolation.estate import LETTERS
from tests.isolation.machine import Trial, run, tried
from tests.support.databases import copied

STEPS = 5_000


def test_no_byte_of_another_workspace_is_seen_or_changed(postgres: Embedded, migrated_template: str) -> None:
    """Promises 14 and 16: in bodies, headers, logs, events, audit rows and idempotency records."""
    with tried(copied(postgres, migrated_template), CATALOG) as trial:
        figures = run(trial, STEPS, derandomize=True)

    assert figures.steps >= STEPS
    assert figures.twins > STEPS // 20
    assert _kinds(trial) <= set(figures.labels)


def _kinds(trial: Trial) -> set[str]:
    """Return what must have been done at least once: every kind of read, and every action there is."""
    actions = {action.name for resource in trial.estate.catalog for action in resource.actions}
    return {"read", "node", "nodes", "several", "batch", "identity", *actions}


def test_every_text_of_every_row_is_a_canary_of_its_workspace(
    postgres: Embedded, migrated_template: str
) -> None:
    """Otherwise nothing would be found: each workspace has rows in every table, none without a mark."""
    with tried(copied(postgres, migrated_template), CATALOG) as trial:
        estate = trial.estate
        tables = {name for name, tenant in estate.watch.tables.items() if tenant}
        for letter in LETTERS:
            own = estate.tenants[letter].id
            rows = [each for each in estate.watch.rows() if each.owner == own]
            assert {each.table for each in rows} >= tables
            others = [each.id for each in estate.tenants.values() if each.id != own]
            for each in rows:
                assert estate.marks.foreign(each.text, others[-1]), each


@pytest.mark.parametrize("letter", LETTERS)
def test_every_resource_has_rows_that_its_owner_can_read(
    postgres: Embedded, migrated_template: str, letter: str
) -> None:
    """A reader finds its own canaries, so that not finding others' means something."""
    with tried(copied(postgres, migrated_template), CATALOG) as trial:
        estate, tenant = trial.estate, trial.estate.tenants[letter]
        client = estate.client(tenant.tokens["all:read",])
        for resource in estate.catalog:
            answer = trial.run(client.get(f"/api/v1/{resource.path}"))
            assert answer.status == 200, (resource.name, answer.body)
            assert estate.marks.found(answer.body.decode()), resource.name
