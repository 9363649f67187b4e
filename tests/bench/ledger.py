"""The rows that the writing works leave: counted against the answers, then removed."""

import psycopg

from tests.bench import creating

# No two statements could see the same state while a server is still at work.
COUNTED = f"""select (select count(*) from products where sku like '{creating.SKU}%'),
    (select count(*) from events), (select count(*) from audit_logs),
    (select count(*) from idempotency_records)"""


class Ledger:
    """What was written to the database at `dsn` since it was cleared last."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def demand(self, least: int, most: int, rows_each: int, *, recorded: bool) -> None:
        """Raise RuntimeError unless from `least` to `most` requests wrote `rows_each` products each.

        Where all is `recorded`, each product must have an event and an audit row, each request its key.
        """
        with psycopg.connect(self._dsn) as connection:
            counted = connection.execute(COUNTED).fetchone()
        assert counted is not None
        products, *records = counted
        requests = products / rows_each
        wanted = [products, products, requests] if recorded else [0, 0, 0]
        if not least <= requests <= most or records != wanted:
            raise RuntimeError(
                f"{least:,} to {most:,} requests should have written {rows_each} products each; there are "
                "{:,} products, {:,} events, {:,} audit rows and {:,} idempotency records.".format(*counted)
            )

    def clear(self, *, tidy: bool = True) -> None:
        """Remove what was written, `tidy` also from the pages of tables and indexes."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("truncate events, audit_logs, idempotency_records")
            # Nothing refers to the new rows; asking every order item would only take time.
            connection.execute("set session_replication_role = replica")
            connection.execute(f"delete from products where sku like '{creating.SKU}%'")
            if tidy:
                connection.execute("vacuum products")
