"""A resource that the product does not ship, with every kind of field, relation and action."""

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, MetaData, Numeric, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    Model,
    Tenant,
    check,
    json_search,
    live_unique,
    ordered,
    tenant_key,
    text_search,
)
from services.engine.actions import item, writes
from services.engine.catalog import Catalog
from services.engine.errors import Invalid, conflict
from services.engine.resource import Field, Relation, Resource, Shown
from services.engine.work import Change, Work
from services.workspaces import WORKSPACE
from tests.support.databases import add_tables

UNLUCKY = 13
"""The amount of gadgets that break while they are polished."""


class Size(StrEnum):
    """How big a gadget is; one value is spelled with a hyphen."""

    SMALL = "small"
    LARGE = "large"
    EXTRA_LARGE = "extra-large"


class Finish(StrEnum):
    """What has been done to a gadget."""

    RAW = "raw"
    POLISHED = "polished"


class Apart(Model):
    """A declarative base whose tables the product's migrations do not know."""

    __abstract__ = True
    metadata = MetaData()


_KINDS = (
    "label",
    "size",
    "finish",
    "amount",
    "total",
    "ratio",
    "fragile",
    "made_at",
    "origin",
    "owner_id",
    "inserted_at",
    "updated_at",
)
_search, _search_index = text_search("gadgets", "label", "note")


class Gadget(Tenant, Apart):
    """One gadget."""

    __tablename__ = "gadgets"
    __table_args__ = (
        tenant_key("gadgets", "owner_id", "gadgets"),
        live_unique("ux_gadgets_code", "code"),
        *ordered("gadgets", *_KINDS),
        json_search("gadgets", "details"),
        _search_index,
        check("total", "total >= 0", "total", "greater_than"),
    )

    label: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(60))
    note: Mapped[str | None]
    size: Mapped[str | None] = mapped_column(String(16))
    finish: Mapped[str] = mapped_column(String(16), server_default=Finish.RAW)
    amount: Mapped[int | None] = mapped_column(server_default=text("3"))
    total: Mapped[int] = mapped_column(BigInteger)
    ratio: Mapped[decimal.Decimal | None] = mapped_column(Numeric(9, 4))
    fragile: Mapped[bool | None]
    made_at: Mapped[datetime.datetime | None]
    origin: Mapped[str | None] = mapped_column(String(40))
    owner_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    tags: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    secret: Mapped[str | None]
    search = _search


def _field(name: str, **rest: Any) -> Field:
    return Field(
        name, f"The {name} of a gadget.", **{"filterable": True, "sortable": True, "writable": True, **rest}
    )


def _code(values: Mapping[str, Any], attempt: int) -> str:
    """Return a code made of the label, with a number where that is taken."""
    return f"{values['label']}-{attempt}" if attempt else str(values["label"])


def _owned_in_size(values: Mapping[str, Any]) -> dict[str, Invalid]:
    """Demand a size of whatever belongs to another gadget."""
    if values.get("owner_id") is None or values.get("size") is not None:
        return {}
    return {"size": Invalid("cant_be_blank", "A gadget that belongs to another one needs a size.")}


async def make(work: Work, changes: Sequence[Change]) -> None:
    """Give new gadgets a secret, of which only the answer shows the whole."""
    for each in changes:
        if each.good:
            each.values["secret"] = f"the digest of {each.values['code']}"
            each.once["secret"] = f"the secret of {each.values['code']}"


async def polish(work: Work, changes: Sequence[Change]) -> None:
    """Polish raw gadgets; each leaves a shaving, also those that break, which nothing may stay of."""
    for each in changes:
        if each.stored is not None and each.stored["finish"] != Finish.RAW:
            each.problem = conflict("Only raw gadgets can be polished.")
    good = [each for each in changes if each.good]
    shavings = [
        work.new(GADGET, {"label": "Shaving", "code": f"shaving-{each.id}", "total": 0}) for each in good
    ]
    await work.insert(GADGET, shavings, "shaved")
    for each in good:
        each.values |= {"finish": Finish.POLISHED, "total": each.after["total"] + 1}
        if each.after["amount"] == UNLUCKY:
            each.refuse("amount", Invalid("exclusion", "The gadget broke."))


GADGET = Resource(
    name="tiny_gadget",
    plural="tiny_gadgets",
    type="gadget",
    model=Gadget,
    doc="Something small.",
    fields=(
        _field("label", searchable=True, required=True),
        _field("code", filterable=False, sortable=False, fallback=_code),
        _field("note", searchable=True, filterable=False, sortable=False),
        _field("size", enum=Size),
        _field("finish", enum=Finish, writable=False),
        _field("amount", sortable=False, minimum=-5, maximum=1000),
        _field("total", filterable=False, required=True, minimum=0),
        _field("ratio", minimum=0),
        _field("fragile"),
        _field("made_at"),
        _field("origin", fixed=True),
        _field("owner_id", sortable=False),
        _field("details", sortable=False),
        _field("tags", filterable=False, sortable=False),
        _field("secret", filterable=False, sortable=False, writable=False, shown=Shown.ONCE),
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
    rules=(_owned_in_size,),
    actions=(*writes(creating=make), item("polish_up", "polished", "Polish it.", polish)),
)

CATALOG = Catalog((WORKSPACE, GADGET))


def create(database: str) -> None:
    """Create the table and its indexes."""
    add_tables(database, Apart.metadata)
