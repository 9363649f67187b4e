"""Holds a database to a ledger: what was acknowledged is there exactly once, and nothing else is."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.faults.ledger import Entry, Ledger

_ROWS = """
    SELECT 'product', id::text, metadata->>'marker', version, deleted_at IS NOT NULL FROM products
        WHERE workspace_id = %(w)s
    UNION ALL SELECT 'customer', id::text, metadata->>'marker', version, deleted_at IS NOT NULL FROM customers
        WHERE workspace_id = %(w)s
    UNION ALL SELECT 'order', id::text, metadata->>'marker', version, deleted_at IS NOT NULL FROM orders
        WHERE workspace_id = %(w)s
    UNION ALL SELECT 'order_item', id::text, order_id::text, version, deleted_at IS NOT NULL FROM order_items
        WHERE workspace_id = %(w)s"""
_EVENTS = (
    "SELECT resource_id::text, type, data::text FROM events WHERE workspace_id = %(w)s ORDER BY position"
)
# What an operator did to prepare the trial stands there too.
_AUDITS = """SELECT resource_id::text, action FROM audit_logs
    WHERE workspace_id = %(w)s AND request_id NOT LIKE 'cli:%%'"""
_KEYS = "SELECT key FROM idempotency_records WHERE workspace_id = %(w)s"
_NUMBERS = "SELECT number FROM orders WHERE workspace_id = %(w)s"
_SUMS = """SELECT count(*) FROM orders o WHERE workspace_id = %(w)s AND subtotal_cents IS DISTINCT FROM
    (SELECT sum(line_total_cents) FROM order_items i WHERE i.workspace_id = o.workspace_id
     AND i.order_id = o.id AND i.deleted_at IS NOT DISTINCT FROM o.deleted_at)"""
# Whatever is left of transactions, but for those of the one who looks.
LEFTOVERS = """SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND (xact_start IS NOT NULL OR state <> 'idle'))
    + (SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()
        AND locktype IN ('advisory', 'tuple', 'transactionid', 'relation')
        AND database IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
    + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())"""

_LONGEST_EXAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row, and what was written beside it; the marker of an order's line is the order's id."""

    resource: str
    id: str
    marker: str
    version: int
    deleted: bool
    events: tuple[str, ...]
    audits: tuple[str, ...]
    data: str


@dataclass(frozen=True, slots=True)
class Stored:
    """All that one workspace holds."""

    rows: dict[str, Row]
    keys: frozenset[str]
    numbers: frozenset[str]
    orphans: int
    """Events and audit rows of rows that there are not."""
    wrong_sums: int


@dataclass(slots=True)
class Findings:
    """Every way in which a database may differ from what was acknowledged; all zero is as promised."""

    lost: int = 0
    """Acknowledged changes that are not there."""
    duplicated: int = 0
    """Changes that are there once more than was acknowledged."""
    events_amiss: int = 0
    """Rows whose events are not exactly their changes, and events of no row."""
    audits_amiss: int = 0
    """Rows whose audit rows are not exactly their changes."""
    altered: int = 0
    """Rows whose last event is not, byte by byte, the document that was acknowledged."""
    keys_amiss: int = 0
    """Keys without a record, and records without an acknowledged key."""
    gaps: int = 0
    """Order numbers that were left out, or amounts that do not add up."""
    unexpected: int = 0
    """Answers that no server should have given."""
    leftovers: int = 0
    """Transactions still open and locks still held."""
    examples: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """Return how many faults were found."""
        return sum(self.counts().values())

    def counts(self) -> dict[str, int]:
        """Return the count of each kind of fault."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "examples"}

    def add(self, kind: str, count: int, example: object) -> None:
        """Count faults of one kind."""
        if count:
            setattr(self, kind, getattr(self, kind) + count)
            self.examples.append(f"{kind}: {example}"[:_LONGEST_EXAMPLE])


def reckon(dsn: str, ledgers: Iterable[Ledger]) -> Findings:
    """Compare the database with what was acknowledged."""
    findings = Findings()
    with psycopg.connect(dsn) as connection:
        for ledger in ledgers:
            compare(ledger, stored(connection, ledger.workspace), findings)
    return findings


def leftovers(dsn: str) -> int:
    """Return how many transactions are open and locks held."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(LEFTOVERS).fetchone()
    assert found is not None
    return int(found[0])


def stored(connection: psycopg.Connection[Any], workspace: str) -> Stored:
    """Read all that a workspace holds."""

    def ask(query: str) -> list[Any]:
        return connection.execute(query, {"w": workspace}).fetchall()

    events: dict[str, list[str]] = {}
    audits: dict[str, list[str]] = {}
    last: dict[str, str] = {}
    for id_, kind, data in ask(_EVENTS):
        events.setdefault(id_, []).append(kind)
        last[id_] = data
    for id_, action in ask(_AUDITS):
        audits.setdefault(id_, []).append(action)
    rows = {}
    for resource, id_, marker, version, deleted in ask(_ROWS):
        of_row = tuple(events.pop(id_, ())), tuple(audits.pop(id_, ()))
        rows[id_] = Row(resource, id_, marker, version, deleted, *of_row, last.get(id_, ""))
    return Stored(
        rows,
        frozenset(key for (key,) in ask(_KEYS)),
        frozenset(number for (number,) in ask(_NUMBERS)),
        sum(map(len, events.values())) + sum(map(len, audits.values())),
        ask(_SUMS)[0][0],
    )


def compare(ledger: Ledger, found: Stored, findings: Findings) -> None:
    """Count every difference between a ledger and what is stored."""
    lines = Counter(row.marker for row in found.rows.values() if row.resource == "order_item")
    for entry in ledger.rows.values():
        row = found.rows.get(entry.id)
        if row is None:
            findings.add("lost", entry.version, entry)
        else:
            _compare_row(entry, row, findings)
        findings.add("lost", max(entry.lines - lines[entry.id], 0), entry)
        findings.add("duplicated", max(lines[entry.id] - entry.lines, 0), entry)
    for row in _unknown(ledger, found):
        findings.add("duplicated", 1, row)
    for row in found.rows.values():
        _compare_record(ledger.rows.get(row.id), row, findings)
    findings.add("events_amiss", found.orphans, "events or audit rows of no row")
    findings.add("keys_amiss", len(ledger.keys ^ found.keys), sorted(ledger.keys ^ found.keys)[:5])
    numbers = {str(n + 1) for n in range(len(found.numbers))}
    findings.add("gaps", len(numbers ^ found.numbers), sorted(numbers ^ found.numbers)[:5])
    findings.add("gaps", found.wrong_sums, "orders whose lines do not add up")
    findings.add("unexpected", len(ledger.unexpected), ledger.unexpected[:3])


def _compare_row(entry: Entry, row: Row, findings: Findings) -> None:
    findings.add("lost", max(entry.version - row.version, 0), (entry, row))
    findings.add("duplicated", max(row.version - entry.version, 0), (entry, row))
    as_acknowledged = entry.document is None or entry.document.decode() == row.data
    as_made = (row.marker, row.deleted) == (entry.marker, entry.deleted)
    findings.add("altered", not (as_made and as_acknowledged), (entry, row))


def _compare_record(entry: Entry | None, row: Row, findings: Findings) -> None:
    """Compare a row's events and audit rows with its changes, of a line with what is known of it."""
    wanted = row.events
    if entry is not None:
        wanted = tuple(f"{entry.resource}.{action}" for action in entry.actions)
    events_fit = row.events == wanted and len(row.events) == row.version
    audits_fit = sorted(row.audits) == sorted(wanted) and len(row.audits) == row.version
    findings.add("events_amiss", not events_fit, (entry, row))
    findings.add("audits_amiss", not audits_fit, (entry, row))


def _unknown(ledger: Ledger, found: Stored) -> Iterator[Row]:
    """Yield the rows that nobody was told of; one of each unanswered write without a key may be there."""
    may_be = set(ledger.unknown)
    for row in found.rows.values():
        told = row.marker if row.resource == "order_item" else row.id
        if told in ledger.rows:
            continue
        if row.marker in may_be and row.version == 1:
            may_be.remove(row.marker)
        else:
            yield row
