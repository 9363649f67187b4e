"""The reckoning itself: whatever is wrong with a database is found, counted and told from the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.faults import acts
from tests.faults.ledger import Ledger
from tests.faults.operations import Surface
from tests.faults.reckoning import Findings, compare, leftovers, reckon, stored
from tests.faults.serving import Serving
from tests.faults.stage import Load, crowds

# Which row a statement is about: the order confirmed, the product changed once.
ORDER = "(SELECT id FROM orders WHERE workspace_id = %(w)s)"
PRODUCT = "(SELECT id FROM products WHERE workspace_id = %(w)s AND version = 2)"


@dataclass(frozen=True, slots=True)
class Written:
    """What a sound server wrote: an order with lines, confirmed, and products, one of them changed."""

    dsn: str
    ledger: Ledger


@pytest.fixture(scope="module")
async def sound(written: str, server: Serving) -> Written:
    load = Load(crowds(written, 1), server.port, {}, clients=1)
    (client,) = load.clients
    # REST tells whole documents.
    client.surfaces = (Surface.REST,)
    async with server.running(1):
        for act in (acts.create_order, acts.confirm, acts.create, acts.replace, acts.create_many, acts.stale):
            await act(client)
    client.line.close()
    return Written(written, load.crowds[0].ledger)


@pytest.fixture
def connection(sound: Written) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose changes do not last."""
    with psycopg.connect(sound.dsn) as opened:
        yield opened
        opened.rollback()


def found(connection: psycopg.Connection[Any], ledger: Ledger) -> dict[str, int]:
    """Return the counts that are not zero."""
    findings = Findings()
    compare(ledger, stored(connection, ledger.workspace), findings)
    return {kind: count for kind, count in findings.counts().items() if count}


def test_what_a_sound_server_wrote_is_found_sound(sound: Written) -> None:
    findings = reckon(sound.dsn, [sound.ledger])

    assert findings.counts() == dict.fromkeys(findings.counts(), 0)
    assert findings.faults == 0
    assert len(sound.ledger.rows) > 3
    assert len(sound.ledger.keys) == 6


@pytest.mark.parametrize(
    ("harm", "counts"),
    [
        (
            f"DELETE FROM events WHERE resource_id = {PRODUCT} AND type = 'product.updated'",
            {"events_amiss": 1, "altered": 1},
        ),
        (f"UPDATE events SET type = 'product.created' WHERE resource_id = {PRODUCT}", {"events_amiss": 1}),
        (
            "INSERT INTO events (workspace_id, type, resource_id, data)"
            f" SELECT workspace_id, type, resource_id, data FROM events WHERE resource_id = {ORDER} LIMIT 1",
            {"events_amiss": 1, "altered": 1},
        ),
        (
            "INSERT INTO events (workspace_id, type, resource_id, data)"
            " VALUES (%(w)s, 'product.created', gen_random_uuid(), '{}')",
            {"events_amiss": 1},
        ),
        (
            f"DELETE FROM audit_logs WHERE resource_id = {ORDER} AND action = 'order.confirmed'",
            {"audits_amiss": 1},
        ),
        (f"UPDATE audit_logs SET action = 'order.shipped' WHERE resource_id = {ORDER}", {"audits_amiss": 1}),
        (f"DELETE FROM products WHERE id = {PRODUCT}", {"lost": 2, "events_amiss": 4}),
        (
            f"UPDATE products SET version = 1 WHERE id = {PRODUCT}",
            {"lost": 1, "events_amiss": 1, "audits_amiss": 1},
        ),
        (
            f"UPDATE products SET version = 3 WHERE id = {PRODUCT}",
            {"duplicated": 1, "events_amiss": 1, "audits_amiss": 1},
        ),
        (f"UPDATE products SET deleted_at = now() WHERE id = {PRODUCT}", {"altered": 1}),
        (
            "INSERT INTO products (workspace_id, name, slug, metadata)"
            f" SELECT workspace_id, name, 'again', metadata FROM products WHERE id = {PRODUCT}",
            {"duplicated": 1, "events_amiss": 1, "audits_amiss": 1},
        ),
        (
            f"UPDATE events SET data = replace(data::text, 'null', '7')::json WHERE resource_id = {PRODUCT}",
            {"altered": 1},
        ),
        (
            "DELETE FROM idempotency_records WHERE key ="
            " (SELECT min(key) FROM idempotency_records WHERE workspace_id = %(w)s)",
            {"keys_amiss": 1},
        ),
        (
            "INSERT INTO idempotency_records (workspace_id, key, fingerprint, outcome)"
            " VALUES (%(w)s, 'unheard of', '', '{}')",
            {"keys_amiss": 1},
        ),
        (f"UPDATE orders SET number = '7' WHERE id = {ORDER}", {"gaps": 2}),
        (f"UPDATE orders SET subtotal_cents = subtotal_cents + 1 WHERE id = {ORDER}", {"gaps": 1}),
    ],
)
def test_every_harm_is_found(
    sound: Written, connection: psycopg.Connection[Any], harm: str, counts: dict[str, int]
) -> None:
    connection.execute(harm, {"w": sound.ledger.workspace})

    assert found(connection, sound.ledger) == counts


def test_a_line_that_was_lost_or_made_twice_is_found(
    sound: Written, connection: psycopg.Connection[Any]
) -> None:
    (order,) = [entry for entry in sound.ledger.rows.values() if entry.lines]

    order.lines += 1
    missing = found(connection, sound.ledger)
    order.lines -= 2
    surplus = found(connection, sound.ledger)
    order.lines += 1

    assert missing == {"lost": 1}
    assert surplus == {"duplicated": 1}


def test_a_write_of_unknown_outcome_may_have_happened_once_and_not_twice(
    sound: Written, connection: psycopg.Connection[Any]
) -> None:
    (entry,) = [each for each in sound.ledger.rows.values() if each.actions == ["created", "updated"]]
    again = (
        "WITH made AS (INSERT INTO products (workspace_id, name, slug, metadata)"
        ' SELECT workspace_id, name, %(slug)s, \'{"marker": "untold"}\' FROM products WHERE id = %(id)s'
        " RETURNING workspace_id, id), event AS (INSERT INTO events (workspace_id, type, resource_id, data)"
        " SELECT workspace_id, 'product.created', id, '{}' FROM made)"
        " INSERT INTO audit_logs (workspace_id, action, resource, resource_id, request_id)"
        " SELECT workspace_id, 'product.created', 'product', id, '' FROM made"
    )
    sound.ledger.unknown.add("untold")

    connection.execute(again, {"id": entry.id, "slug": "one"})
    once = found(connection, sound.ledger)
    connection.execute(again, {"id": entry.id, "slug": "two"})
    twice = found(connection, sound.ledger)
    sound.ledger.unknown.clear()

    assert once == {}
    assert twice == {"duplicated": 1}


def test_answers_that_were_not_to_be_are_found(sound: Written, connection: psycopg.Connection[Any]) -> None:
    sound.ledger.unexpected.append("a 500")
    counts = found(connection, sound.ledger)
    sound.ledger.unexpected.clear()

    assert counts == {"unexpected": 1}


def test_open_transactions_and_locks_are_found(sound: Written, connection: psycopg.Connection[Any]) -> None:
    assert leftovers(sound.dsn) == 0

    connection.execute("SELECT pg_advisory_xact_lock(1)")

    # A transaction and a lock.
    assert leftovers(sound.dsn) == 2
