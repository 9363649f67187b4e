"""Changing the key: every stored secret is encrypted anew, whoever it belongs to."""

import uuid

import psycopg
from sqlalchemy import MetaData, String
from sqlalchemy.orm import Mapped, mapped_column

from db import sealing
from db.models.columns import Model, Tenant
from services.engine.secrets import Vault, place_of
from services.rotation import Rotated, rotate_secrets
from tests.support.databases import add_tables

OLD, NEW, LOST = b"o" * 32, b"n" * 32, b"l" * 32


class Apart(Model):
    __abstract__ = True
    metadata = MetaData()


class Lock(Tenant, Apart):
    """A table with a sealed column and another one, in no migration."""

    __tablename__ = "locks"

    combination: Mapped[str | None] = mapped_column(String(255), info={"sealed": True})
    colour: Mapped[str] = mapped_column(String(20))


def filled(database: str, count: int, key: bytes) -> dict[uuid.UUID, str]:
    add_tables(database, Apart.metadata)
    vault, secrets = Vault([key]), {}
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        for n in range(count):
            id_ = uuid.uuid4()
            secrets[id_] = f"secret {n}"
            sealed = vault.seal(secrets[id_], place_of("locks", "combination", str(id_)))
            cursor.execute(
                "INSERT INTO locks (workspace_id, id, combination, colour)"
                " VALUES (gen_random_uuid(), %s, %s, 'red')",
                [id_, sealed],
            )
    return secrets


def stored(database: str) -> dict[uuid.UUID, str]:
    with psycopg.connect(database) as connection:
        return dict(
            connection.execute("SELECT id, combination FROM locks WHERE combination IS NOT NULL").fetchall()
        )


def test_every_secret_is_readable_under_the_new_key_alone(database: str) -> None:
    secrets = filled(database, sealing._BATCH + 3, OLD)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO locks (workspace_id, colour) VALUES (gen_random_uuid(), 'blue')")

    assert rotate_secrets(database, Vault([NEW, OLD]), Apart.metadata) == Rotated(len(secrets), ())

    only_new = Vault([NEW])
    found = stored(database)
    opened = {
        id_: only_new.open(text, place_of("locks", "combination", str(id_))) for id_, text in found.items()
    }
    assert opened == secrets
    assert rotate_secrets(database, only_new, Apart.metadata) == Rotated(0, ())
    assert stored(database) == found


def test_what_nobody_can_read_is_told_and_left(database: str) -> None:
    filled(database, 2, LOST)
    before = stored(database)

    found = rotate_secrets(database, Vault([NEW, OLD]), Apart.metadata)

    assert (found.renewed, len(found.unreadable)) == (0, 2)
    assert set(found.unreadable) == {place_of("locks", "combination", str(id_)) for id_ in before}
    assert stored(database) == before


def test_a_secret_that_is_written_meanwhile_stays(database: str) -> None:
    (id_,) = filled(database, 1, OLD)

    def interrupted(table: str, column: str, row: str, text: str) -> str:
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE locks SET combination = 'newer' WHERE id = %s", [id_])
        return "late"

    assert sealing.renew(database, interrupted, Apart.metadata) == 0
    assert stored(database) == {id_: "newer"}


def test_a_rotation_is_noted_when_it_begins_and_when_it_ends(database: str) -> None:
    filled(database, 3, OLD)
    unreadable = Vault([LOST]).seal("gone", place_of("locks", "combination", "nowhere"))
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO locks (workspace_id, combination, colour) VALUES (gen_random_uuid(), %s, 'red')",
            [unreadable],
        )

    rotate_secrets(database, Vault([NEW, OLD]), Apart.metadata)

    with psycopg.connect(database) as connection:
        noted = connection.execute(
            "SELECT action, resource, resource_id, before, after, request_id FROM platform_logs"
            " ORDER BY inserted_at"
        ).fetchall()
    assert [row[:5] for row in noted] == [
        ("secrets.rotation_started", "secret", None, None, None),
        ("secrets.rotated", "secret", None, None, {"renewed": 3, "unreadable": 1}),
    ]
    assert noted[0][5] == noted[1][5] != ""
