"""One database with two filled workspaces; what is tried on it is rolled back."""

from collections.abc import Iterator

import pytest

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from tests.isolation.tenant_tables import Planted, planted
from tests.support.databases import copied


@pytest.fixture(scope="session")
def two_filled(postgres: Embedded, migrated_template: str) -> Planted:
    """Two filled workspaces whose writes are guarded."""
    return planted(copied(postgres, migrated_template))


@pytest.fixture
def fully_guarded(two_filled: Planted) -> Iterator[Planted]:
    """The same while reads are guarded too."""
    upgrade(two_filled.database, Rls.FULL)
    yield two_filled
    upgrade(two_filled.database)
