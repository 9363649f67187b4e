"""Trusted operations: GraphQL documents that were registered ahead, to be run by their hash."""

from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, live_unique, one_of, ordered, workspace_key

LONGEST_OPERATION = 15_000
"""How many characters a document may have, as everywhere (`schema.limits`)."""


class OperationKind(StrEnum):
    """What an operation does: it reads, or it writes."""

    QUERY = "query"
    MUTATION = "mutation"


class TrustedOperation(Tenant, Model):
    """One document of a workspace; `sha256` is that of its text, byte for byte, in hexadecimal digits."""

    __tablename__ = "trusted_operations"
    __table_args__ = (
        workspace_key(),
        live_unique("ux_trusted_operations_sha256", "sha256"),
        *ordered("trusted_operations", "name", "kind", "client", "inserted_at", "updated_at"),
        Index("ix_trusted_operations_sha256", "workspace_id", "sha256", "id"),
        one_of("kind", tuple(OperationKind)),
    )

    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(String(LONGEST_OPERATION))
    client: Mapped[str | None] = mapped_column(String(255))
