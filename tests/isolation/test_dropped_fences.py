"""Wall 2 behind the whole application: without a single fence, nothing of others is changed, or even seen."""

import pytest

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from services.catalog import CATALOG
from tests.isolation.dropped import drop
from tests.isolation.machine import tried
from tests.isolation.walls import read_everything, write_everything
from tests.support.databases import copied

_QUERIES = 15


@pytest.fixture
def database(postgres: Embedded, migrated_template: str) -> str:
    """A migrated database of this test's own."""
    return copied(postgres, migrated_template)


def test_without_fences_every_action_of_every_resource_changes_nothing_of_others(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 17: row-level security guards every write."""
    assert drop(monkeypatch) >= _QUERIES
    with tried(database, CATALOG, rls="writes") as trial:
        found = write_everything(trial)

    assert found.changed == set()
    assert found.requests > 10 * len(CATALOG.resources)


def test_the_same_changes_rows_of_others_where_no_wall_stands(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what stopped it was the wall."""
    drop(monkeypatch)
    with tried(database, CATALOG, rls="off") as trial:
        found = write_everything(trial)

    written = {str(each.model.__tablename__) for each in CATALOG if each.actions and each.tenant}
    assert found.changed is not None
    assert len(found.changed & written) >= len(written) // 2, found.changed


def test_without_fences_nothing_of_others_is_seen_where_reads_are_guarded(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 17: with `rls=full`, in every way to read there is."""
    upgrade(database, Rls.FULL)
    drop(monkeypatch)
    with tried(database, CATALOG, rls="full") as trial:
        found = read_everything(trial)

    assert found.seen == 0
    assert found.requests > 20 * len(CATALOG.resources)


def test_the_same_shows_rows_of_others_where_reads_are_not_guarded(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what hid them was the wall."""
    drop(monkeypatch)
    with tried(database, CATALOG, rls="writes") as trial:
        found = read_everything(trial)

    assert found.seen > len(CATALOG.resources)
