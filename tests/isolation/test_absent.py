"""What is another workspace's is answered as what is nobody's, at every address there is."""

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.isolation.absent import compared
from tests.isolation.machine import tried
from tests.support.databases import copied


def test_the_foreign_is_as_the_absent(postgres: Embedded, migrated_template: str) -> None:
    """Promise 16, C-17: byte for byte but for request ids, on both surfaces and in both executions."""
    with tried(copied(postgres, migrated_template), CATALOG) as trial:
        count, found = compared(trial)

    print(f"\n{count} answers to foreign ids compared with those to ids of nobody")
    assert not found, "\n".join(found[:10])
    assert count > 100 * len(CATALOG.resources)
