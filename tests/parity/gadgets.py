"""A resource that the product does not ship, with every kind of field and every kind of relation."""

import datetime
import decimal
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, MetaData, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, json_search, ordered, text_search
from services.engine.catalog import Catalog
from services.engine.resource import Field, Relation, Resource
from services.workspaces import WORKSPACE
from tests.support.databases import add_tables


class Size(StrEnum):
    """How big a gadget is; one value is spelled with a hyphen."""

    SMALL = "small"
    LARGE = "large"
    EXTRA_LARGE = "extra-large"


class Apart(Model):
    """A declarative base whose tables the product's migrations do not know."""

    __abstract__ = True
    metadata = MetaData()


_KINDS = (
    "label",
    "size",
    "amount",
    "total",
    "ratio",
    "fragile",
    "made_at",
    "owner_id",
    "inserted_at",
    "updated_at",
)
_search, _search_index = text_search("gadgets", "label", "note")


class Gadget(Tenant, Apart):
    """One gadget."""

    __tablename__ = "gadgets"
    __table_args__ = (*ordered("gadgets", *_KINDS), json_search("gadgets", "details"), _search_index)

    label: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None]
    size: Mapped[str | None] = mapped_column(String(16))
    amount: Mapped[int | None]
    total: Mapped[int] = mapped_column(BigInteger)
    ratio: Mapped[decimal.Decimal | None] = mapped_column(Numeric(9, 4))
    fragile: Mapped[bool | None]
    made_at: Mapped[datetime.datetime | None]
    owner_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    search = _search


def _field(name: str, **rest: Any) -> Field:
    return Field(name, f"The {name} of a gadget.", **{"filterable": True, "sortable": True, **rest})


GADGET = Resource(
    name="tiny_gadget",
    plural="tiny_gadgets",
    type="gadget",
    model=Gadget,
    doc="Something small.",
    fields=(
        _field("label", searchable=True),
        _field("note", searchable=True, filterable=False, sortable=False),
        _field("size", enum=Size),
        _field("amount", sortable=False),
        _field("total", filterable=False),
        _field("ratio"),
        _field("fragile"),
        _field("made_at"),
        _field("owner_id", sortable=False),
        _field("details", sortable=False),
    ),
    relations=(
        Relation("owner", "The gadget it belongs to.", one="tiny_gadget", via="owner_id"),
        Relation(
            "spare_parts",
            "Gadgets that belong to it.",
            many="tiny_gadget",
            via="owner_id",
            nested=True,
            sort="-total",
        ),
    ),
)

CATALOG = Catalog((WORKSPACE, GADGET))


def create(database: str) -> None:
    """Create the table and its indexes."""
    add_tables(database, Apart.metadata)
