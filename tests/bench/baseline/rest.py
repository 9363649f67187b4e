"""The REST endpoints."""

import base64
import datetime
import json
import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy.exc import IntegrityError

from tests.bench.baseline import models, queries
from tests.bench.baseline.database import Session
from tests.bench.baseline.responses import NewProduct, OrderPage, Paging, ProductAnswer, ProductPage
from tests.bench.baseline.tenancy import Workspace

router = APIRouter()
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/products/{id}", response_model=ProductAnswer)
async def get_product(id: uuid.UUID, workspace: Workspace, session: Session):
    product = await queries.product(session, workspace, id)
    if product is None:
        raise HTTPException(404)
    return {"data": product}


@router.get("/products", response_model=ProductPage)
async def list_products(
    workspace: Workspace, session: Session, status: str, price_from: int, per_page: Limit = 100
):
    products = await queries.products_by_price(session, workspace, status, price_from, per_page)
    total = await queries.count_products(session, workspace, status, price_from)
    return {"data": products, "pagination": Paging(per_page=per_page, total_count=total)}


@router.post("/products", response_model=ProductAnswer, status_code=201)
async def create_product(new: NewProduct, workspace: Workspace, session: Session):
    try:
        product = await queries.create_product(session, workspace, new.model_dump())
    except IntegrityError as error:
        raise HTTPException(409) from error
    return {"data": product}


@router.get("/newest-products", response_model=ProductPage)
async def list_newest_products(
    workspace: Workspace, session: Session, cursor: str | None = None, per_page: Limit = 100
):
    after = _read_cursor(cursor) if cursor else None
    products = await queries.newest_products(session, workspace, after, per_page)
    return {
        "data": products,
        "pagination": Paging(per_page=per_page, next_cursor=_write_cursor(products)),
    }


@router.get("/orders", response_model=OrderPage)
async def list_orders(
    workspace: Workspace, session: Session, before: datetime.datetime, per_page: Limit = 100
):
    orders = await queries.orders(session, workspace, before, per_page, related=True)
    return {"data": orders, "pagination": Paging(per_page=per_page)}


def _read_cursor(cursor: str) -> tuple[datetime.datetime, uuid.UUID]:
    try:
        inserted_at, id = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.datetime.fromisoformat(inserted_at), uuid.UUID(id)
    except ValueError as error:
        raise HTTPException(400, "The cursor is malformed.") from error


def _write_cursor(products: Sequence[models.Product]) -> str | None:
    if not products:
        return None
    last = products[-1]
    return base64.urlsafe_b64encode(
        json.dumps([last.inserted_at.isoformat(), str(last.id)]).encode()
    ).decode()
