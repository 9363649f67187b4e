"""The database behind a command: the one configured, or the embedded one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager

from diptych.settings import Settings


@contextmanager
def database(settings: Settings, *, operating: bool = False) -> Iterator[str]:
    """Yield the address of the database, migrations applied through the direct one if there is a pooler.

    Who is `operating`, and not serving, gets the direct one too.

    Raises EngineError or MigrationFailed with a sentence for the operator.
    """
    from db import migrate

    if settings.database_url is not None:
        direct = settings.database_direct_url or settings.database_url
        migrate.upgrade(direct, settings.rls)
        yield direct if operating else settings.database_url
        return
    from db import embedded

    with embedded.start(settings.data_dir, settings.pg_bin) as running:
        migrate.upgrade(running.dsn(), settings.rls)
        yield running.dsn()
