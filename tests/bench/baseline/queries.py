"""The reads and writes of both surfaces, through the ORM and bound to one workspace."""

import datetime
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from tests.bench.baseline.models import Customer, Order, OrderItem, Product

Row = TypeVar("Row", Product, Customer)


async def product(session: AsyncSession, workspace: uuid.UUID, id: uuid.UUID) -> Product | None:
    found = select(Product).where(
        Product.workspace_id == workspace, Product.id == id, Product.deleted_at.is_(None)
    )
    return await session.scalar(found)


async def create_product(session: AsyncSession, workspace: uuid.UUID, values: dict[str, Any]) -> Product:
    product = Product(workspace_id=workspace, **values)
    session.add(product)
    await session.commit()
    await session.refresh(product)
    return product


async def products_by_price(
    session: AsyncSession, workspace: uuid.UUID, status: str, least: int, limit: int
) -> Sequence[Product]:
    found = (
        select(Product)
        .where(*_priced(workspace, status, least))
        .order_by(Product.price_cents.desc().nulls_last(), Product.id.desc())
        .limit(limit)
    )
    return (await session.scalars(found)).all()


async def count_products(session: AsyncSession, workspace: uuid.UUID, status: str, least: int) -> int:
    counted = select(func.count()).select_from(Product).where(*_priced(workspace, status, least))
    return await session.scalar(counted) or 0


def _priced(workspace: uuid.UUID, status: str, least: int) -> list:
    return [
        Product.workspace_id == workspace,
        Product.deleted_at.is_(None),
        Product.status == status,
        Product.price_cents >= least,
    ]


async def newest_products(
    session: AsyncSession,
    workspace: uuid.UUID,
    after: tuple[datetime.datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Product]:
    found = select(Product).where(Product.workspace_id == workspace, Product.deleted_at.is_(None))
    if after is not None:
        found = found.where(tuple_(Product.inserted_at, Product.id) < after)
    found = found.order_by(Product.inserted_at.desc(), Product.id.desc()).limit(limit)
    return (await session.scalars(found)).all()


async def orders(
    session: AsyncSession, workspace: uuid.UUID, before: datetime.datetime, limit: int, *, related: bool
) -> Sequence[Order]:
    found = (
        select(Order)
        .where(Order.workspace_id == workspace, Order.deleted_at.is_(None), Order.inserted_at < before)
        .order_by(Order.inserted_at.desc(), Order.id.desc())
        .limit(limit)
    )
    if related:
        # The tables' keys lead with the workspace; naming it lets PostgreSQL use their indexes.
        items = selectinload(
            Order.items.and_(OrderItem.workspace_id == workspace, OrderItem.deleted_at.is_(None))
        )
        found = found.options(
            selectinload(Order.customer.and_(Customer.workspace_id == workspace)),
            items.selectinload(OrderItem.product.and_(Product.workspace_id == workspace)),
        )
    return (await session.scalars(found)).all()


async def items_of(
    session: AsyncSession, workspace: uuid.UUID, orders: Sequence[uuid.UUID]
) -> Sequence[OrderItem]:
    found = (
        select(OrderItem)
        .where(
            OrderItem.workspace_id == workspace,
            OrderItem.order_id.in_(orders),
            OrderItem.deleted_at.is_(None),
        )
        .order_by(OrderItem.position)
    )
    return (await session.scalars(found)).all()


async def by_ids(
    session: AsyncSession, workspace: uuid.UUID, model: type[Row], ids: Sequence[uuid.UUID]
) -> Sequence[Row]:
    found = select(model).where(
        model.workspace_id == workspace, model.id.in_(ids), model.deleted_at.is_(None)
    )
    return (await session.scalars(found)).all()
