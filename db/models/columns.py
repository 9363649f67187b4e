"""Columns and indexes that every tenant table shares."""

import datetime
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LARGEST_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader represents exactly (RFC 8259, section 6)."""


class Currency(StrEnum):
    """Currencies that amounts may be in (ISO 4217)."""

    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    CAD = "CAD"
    AUD = "AUD"


CURRENCIES = tuple(Currency)


class Model(DeclarativeBase):
    """The declarative root: one metadata with deterministic constraint names."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {datetime.datetime: DateTime(timezone=True), uuid.UUID: Uuid()}  # noqa: RUF012


class Timestamps:
    """Life-cycle columns of every resource; `version` counts its changes and feeds the ETag."""

    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"), sort_order=90)
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now(), sort_order=91)
    updated_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now(), sort_order=92)
    deleted_at: Mapped[datetime.datetime | None] = mapped_column(sort_order=93)


class Tenant(Timestamps):
    """Key columns of a tenant table: the workspace leads every key, so rows can be sharded by it."""

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, sort_order=-2)
    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, server_default=func.gen_random_uuid(), sort_order=-1
    )


_LIVE = text("deleted_at IS NULL")


def workspace_key() -> ForeignKeyConstraint:
    """Return the foreign key that ties a tenant row to its workspace."""
    return ForeignKeyConstraint(["workspace_id"], ["workspaces.id"])


def tenant_key(table: str, column: str, target: str, *, deferred: bool = False) -> ForeignKeyConstraint:
    """Return the composite foreign key `table.column` to `target`, which can never cross a workspace.

    A `deferred` one is checked when the transaction ends, so that parts may be written before their whole.
    """
    return ForeignKeyConstraint(
        ["workspace_id", column],
        [f"{target}.workspace_id", f"{target}.id"],
        name=f"fk_{table}_{column}",
        deferrable=deferred or None,
        initially="DEFERRED" if deferred else None,
    )


def live_unique(name: str, *columns: str) -> Index:
    """Return a unique index among the live rows of a workspace."""
    return Index(name, "workspace_id", *columns, unique=True, postgresql_where=text("deleted_at IS NULL"))


def ordered(table: str, *columns: str) -> list[Index]:
    """Return one keyset index per column (workspace, column, id) and one over the deleted rows.

    They hold live rows only, as nearly every query does, which also lets a count be answered from an index.
    """
    deleted = Index(
        f"ix_{table}_deleted_at",
        "workspace_id",
        "deleted_at",
        "id",
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    live = (
        Index(f"ix_{table}_{column}", "workspace_id", column, "id", postgresql_where=_LIVE)
        for column in columns
    )
    return [deleted, *live]


def substring_search(table: str, column: str) -> Index:
    """Return the tenant-led trigram index that serves substring filters on `column`."""
    return Index(
        f"ix_{table}_{column}_like",
        "workspace_id",
        column,
        postgresql_using="gin",
        postgresql_ops={column: "gin_trgm_ops"},
    )


def json_search(table: str, column: str) -> Index:
    """Return the tenant-led GIN index that serves path filters on a JSONB `column`."""
    return Index(f"ix_{table}_{column}", "workspace_id", column, postgresql_using="gin")


def descending(table: str, column: str) -> Index:
    """Return the index that serves a nullable `column` sorted downwards, nulls last."""
    return Index(
        f"ix_{table}_{column}_desc",
        "workspace_id",
        text(f"{column} DESC NULLS LAST"),
        text("id DESC"),
        postgresql_where=_LIVE,
    )


def text_search(table: str, *columns: str) -> tuple[Column[Any], Index]:
    """Return the generated search column of `columns` and its tenant-led GIN index."""
    words = " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)
    column: Column[Any] = Column(
        "search", TSVECTOR, Computed(f"to_tsvector('simple', {words})", persisted=True), nullable=True
    )
    return column, Index(f"ix_{table}_search", "workspace_id", "search", postgresql_using="gin")


def check(name: str, condition: str, column: str, code: str) -> CheckConstraint:
    """Return a check whose violation is told of `column` with `code`, one of the codes of a field error."""
    return CheckConstraint(condition, name=name, info={"column": column, "code": code})


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """Return a check that `column` holds one of `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return check(column, f"{column} IN ({listed})", column, "inclusion")


def safe_integer(column: str, *, minimum: int | None = None) -> CheckConstraint:
    """Return a check that `column` survives a round trip through any JSON reader."""
    low = -LARGEST_SAFE_INTEGER if minimum is None else minimum
    return check(column, f"{column} BETWEEN {low} AND {LARGEST_SAFE_INTEGER}", column, "less_than")
