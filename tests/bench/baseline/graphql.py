"""The GraphQL schema, its relations loaded by DataLoaders."""

import datetime
import decimal
import uuid
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, NewType

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext, GraphQLRouter
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info as StrawberryInfo

from tests.bench.baseline import models, queries
from tests.bench.baseline.database import sessions
from tests.bench.baseline.tenancy import Workspace

BigInt = NewType("BigInt", int)
BIG_INT = strawberry.scalar(
    name="BigInt", description="A whole number of up to 64 bits.", serialize=str, parse_value=int
)


class Context(BaseContext):
    """The workspace and the loaders of one request."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.products = DataLoader(load_fn=partial(_load, workspace, models.Product))
        self.customers = DataLoader(load_fn=partial(_load, workspace, models.Customer))
        self.items = DataLoader(load_fn=partial(_load_items, workspace))


Info = StrawberryInfo[Context, None]


async def _load(workspace: uuid.UUID, model: Any, ids: list[uuid.UUID]) -> Sequence[Any]:
    async with sessions() as session:
        found = {row.id: row for row in await queries.by_ids(session, workspace, model, ids)}
    return [found.get(id) for id in ids]


async def _load_items(workspace: uuid.UUID, ids: list[uuid.UUID]) -> list[list[models.OrderItem]]:
    items = defaultdict(list)
    async with sessions() as session:
        for item in await queries.items_of(session, workspace, ids):
            items[item.order_id].append(item)
    return [items[id] for id in ids]


@strawberry.type
class Product:
    id: uuid.UUID
    gtin: str | None
    name: str
    slug: str
    sku: str | None
    description: str | None
    ingredients: str | None
    nutrition: JSON | None
    image_url: str | None
    status: str
    price_cents: BigInt | None
    currency: str | None
    quantity: int
    category_id: uuid.UUID | None
    brand_id: uuid.UUID | None
    metadata: JSON | None
    inserted_at: datetime.datetime
    updated_at: datetime.datetime
    deleted_at: datetime.datetime | None

    @classmethod
    def of(cls, row: models.Product) -> "Product":
        return cls(
            id=row.id,
            gtin=row.gtin,
            name=row.name,
            slug=row.slug,
            sku=row.sku,
            description=row.description,
            ingredients=row.ingredients,
            nutrition=row.nutrition,
            image_url=row.image_url,
            status=row.status,
            price_cents=row.price_cents,
            currency=row.currency,
            quantity=row.quantity,
            category_id=row.category_id,
            brand_id=row.brand_id,
            metadata=row.metadata_,
            inserted_at=row.inserted_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
        )


@strawberry.input
class NewProduct:
    name: str
    slug: str
    gtin: str | None = None
    sku: str | None = None
    description: str | None = None
    ingredients: str | None = None
    nutrition: JSON | None = None
    image_url: str | None = None
    status: str = "draft"
    price_cents: BigInt | None = None
    currency: str | None = None
    quantity: int = 0
    category_id: uuid.UUID | None = None
    brand_id: uuid.UUID | None = None
    metadata: JSON | None = None


@strawberry.type
class Customer:
    id: uuid.UUID
    name: str
    email: str | None
    phone: str | None
    country: str | None
    metadata: JSON | None
    inserted_at: datetime.datetime
    updated_at: datetime.datetime
    deleted_at: datetime.datetime | None

    @classmethod
    def of(cls, row: models.Customer) -> "Customer":
        return cls(
            id=row.id,
            name=row.name,
            email=row.email,
            phone=row.phone,
            country=row.country,
            metadata=row.metadata_,
            inserted_at=row.inserted_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
        )


@strawberry.type
class OrderItem:
    id: uuid.UUID
    order_id: uuid.UUID
    product_id: uuid.UUID | None
    name: str
    position: int
    quantity: int
    unit_price_cents: BigInt
    line_total_cents: BigInt
    currency: str
    inserted_at: datetime.datetime
    updated_at: datetime.datetime
    deleted_at: datetime.datetime | None

    @classmethod
    def of(cls, row: models.OrderItem) -> "OrderItem":
        return cls(
            id=row.id,
            order_id=row.order_id,
            product_id=row.product_id,
            name=row.name,
            position=row.position,
            quantity=row.quantity,
            unit_price_cents=row.unit_price_cents,
            line_total_cents=row.line_total_cents,
            currency=row.currency,
            inserted_at=row.inserted_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
        )

    @strawberry.field
    async def product(self, info: Info) -> Product | None:
        row = await info.context.products.load(self.product_id) if self.product_id else None
        return Product.of(row) if row else None


@strawberry.type
class Order:
    id: uuid.UUID
    number: str
    status: str
    currency: str
    subtotal_cents: BigInt
    tax_rate: decimal.Decimal
    tax_cents: BigInt
    total_cents: BigInt
    placed_at: datetime.datetime | None
    customer_id: uuid.UUID | None
    metadata: JSON | None
    inserted_at: datetime.datetime
    updated_at: datetime.datetime
    deleted_at: datetime.datetime | None

    @classmethod
    def of(cls, row: models.Order) -> "Order":
        return cls(
            id=row.id,
            number=row.number,
            status=row.status,
            currency=row.currency,
            subtotal_cents=row.subtotal_cents,
            tax_rate=row.tax_rate,
            tax_cents=row.tax_cents,
            total_cents=row.total_cents,
            placed_at=row.placed_at,
            customer_id=row.customer_id,
            metadata=row.metadata_,
            inserted_at=row.inserted_at,
            updated_at=row.updated_at,
            deleted_at=row.deleted_at,
        )

    @strawberry.field
    async def customer(self, info: Info) -> Customer | None:
        row = await info.context.customers.load(self.customer_id) if self.customer_id else None
        return Customer.of(row) if row else None

    @strawberry.field
    async def items(self, info: Info) -> list[OrderItem]:
        return [OrderItem.of(row) for row in await info.context.items.load(self.id)]


@strawberry.type
class ProductPage:
    status: strawberry.Private[str]
    price_from: strawberry.Private[int]
    nodes: list[Product]

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        async with sessions() as session:
            return await queries.count_products(session, info.context.workspace, self.status, self.price_from)


@strawberry.type
class Query:
    @strawberry.field
    async def product(self, info: Info, id: uuid.UUID) -> Product | None:
        async with sessions() as session:
            row = await queries.product(session, info.context.workspace, id)
        return Product.of(row) if row else None

    @strawberry.field
    async def products(self, info: Info, first: int, status: str, price_from: BigInt) -> ProductPage:
        async with sessions() as session:
            rows = await queries.products_by_price(session, info.context.workspace, status, price_from, first)
        return ProductPage(status=status, price_from=price_from, nodes=[Product.of(row) for row in rows])

    @strawberry.field
    async def orders(self, info: Info, first: int, before: datetime.datetime) -> list[Order]:
        async with sessions() as session:
            rows = await queries.orders(session, info.context.workspace, before, first, related=False)
        return [Order.of(row) for row in rows]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_product(self, info: Info, input: NewProduct) -> Product:
        values = dict(vars(input))
        values["metadata_"] = values.pop("metadata")
        async with sessions() as session:
            row = await queries.create_product(session, info.context.workspace, values)
        return Product.of(row)


async def get_context(workspace: Workspace) -> Context:
    return Context(workspace)


schema = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map={BigInt: BIG_INT}))
router = GraphQLRouter(schema, context_getter=get_context)
