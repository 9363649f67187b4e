"""Rows for resources that the shared seed does not know: made from columns and declarations alone."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from db.describe import ColumnFacts, table
from services.engine.catalog import Catalog
from services.engine.resource import Field, Kind, Resource

COUNT = 24

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_OWN = ("workspace_id", "id", "version", "inserted_at", "updated_at", "deleted_at")


def fill(connection: psycopg.Connection[Any], catalog: Catalog, workspace: uuid.UUID) -> None:
    """Insert rows of every tenant resource that has none in the workspace, parents before children."""
    waiting = [
        resource for resource in catalog if resource.tenant and not _ids(connection, resource, workspace)
    ]
    while waiting:
        names = {table(resource.model).name for resource in waiting}
        ready = [resource for resource in waiting if not (_parents(resource) & names)]
        assert ready, f"{sorted(names)} need each other."
        for resource in ready:
            _fill(connection, catalog, resource, workspace)
        waiting = [resource for resource in waiting if resource not in ready]


def _parents(resource: Resource) -> set[str]:
    own = table(resource.model)
    return {key.target_fullname.split(".")[0] for key in own.foreign_keys} - {own.name}


def _fill(
    connection: psycopg.Connection[Any], catalog: Catalog, resource: Resource, workspace: uuid.UUID
) -> None:
    related = {relation.via: catalog.target(relation) for relation in resource.relations if relation.one}
    targets = {via: _ids(connection, target, workspace) for via, target in related.items()}
    for n in range(COUNT):
        for via, target in related.items():
            if target is resource:
                targets[via] = _ids(connection, resource, workspace)[:4]
        try:
            with connection.transaction():
                _insert(connection, resource, _row(resource, workspace, n, targets, sparse=n % 4 == 3))
        except psycopg.errors.CheckViolation:
            # Some columns may be null only together.
            _insert(connection, resource, _row(resource, workspace, n, targets, sparse=False))


def _ids(connection: psycopg.Connection[Any], resource: Resource, workspace: uuid.UUID) -> list[uuid.UUID]:
    if not resource.tenant:
        return [workspace]
    name = sql.Identifier(table(resource.model).name)
    text = sql.SQL("SELECT id FROM {} WHERE workspace_id = %s ORDER BY inserted_at, id").format(name)
    return [next(iter(row.values())) for row in connection.execute(text, [workspace])]


def _row(
    resource: Resource, workspace: uuid.UUID, n: int, targets: dict[str, list[uuid.UUID]], *, sparse: bool
) -> dict[str, Any]:
    inserted = _BEGINNING + timedelta(minutes=n // 3)
    row: dict[str, Any] = {
        "workspace_id": workspace,
        "id": uuid.uuid5(workspace, f"{resource.name} {n}"),
        "version": 1 + n % 3,
        "inserted_at": inserted,
        "updated_at": inserted + timedelta(seconds=n),
        "deleted_at": inserted + timedelta(days=1) if n % 11 == 10 else None,
    }
    for column in table(resource.model).columns:
        if column.name not in resource.facts and column.name in resource.settable:
            row[column.name] = uuid.uuid5(workspace, f"{column.name} {n}").bytes[: column.type.length]  # type: ignore[attr-defined]  # Bytes have one.
    for name, facts in resource.facts.items():
        if name not in _OWN:
            ids = targets.get(name)
            empty = facts.nullable and (sparse or ids == [])
            row[name] = None if empty else ids[n % len(ids)] if ids else _value(resource, facts, n)
            if name not in resource.all_fields and facts.kind is Kind.STRING:
                # What no field shows may be unique among all workspaces.
                row[name] = uuid.uuid5(workspace, f"{name} {n}").hex[: facts.max_length]
    return row


def _value(resource: Resource, facts: ColumnFacts, n: int) -> Any:
    field = resource.all_fields.get(facts.name) or Field(facts.name, "")
    match facts.kind:
        case Kind.STRING:
            return _text(field.enum, facts, n)
        case Kind.INTEGER | Kind.BIG_INTEGER:
            return int(field.minimum or 0) + n % 7
        case Kind.DECIMAL:
            return Decimal(n % 7) / 4
        case Kind.BOOLEAN:
            return n % 2 == 0
        case Kind.DATETIME:
            return _BEGINNING + timedelta(hours=n // 2)
        case Kind.JSON:
            made = (
                [f"entry {n}"]
                if facts.array
                else {"source": f"s{n % 3}", "deep": {"score": n, "on": n % 2 == 0}}
            )
            return Jsonb(made)
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{facts.name} {n}")


def _text(enum: type[StrEnum] | None, facts: ColumnFacts, n: int) -> str:
    if enum is not None:
        members = list(enum)
        return str(members[n % len(members)])
    text = f"{facts.name} {n}"
    return text if facts.max_length is None else text[-facts.max_length :]


def _insert(connection: psycopg.Connection[Any], resource: Resource, row: dict[str, Any]) -> None:
    text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table(resource.model).name),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder() * len(row)),
    )
    connection.execute(text, list(row.values()))
