"""The database behind a command: the one configured, or the embedded one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from diptych.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Yield the address of the database, migrations applied through the direct one if there is a pooler.

    Raises EngineError or MigrationFailed with a sentence for the operator.
    """
    from db import migrate

    if settings.database_url is not None:
        migrate.upgrade(settings.database_direct_url or settings.database_url)
        yield settings.database_url
        return
    from db import embedded

    with embedded.start(settings.data_dir, settings.pg_bin) as running:
        migrate.upgrade(running.dsn())
        yield running.dsn()
