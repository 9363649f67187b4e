"""What the writing works create: products with every writable field, no two of them alike."""

import json
from typing import Any

from tests.bench import data
from tests.bench.data import Size
from tests.bench.serials import GTIN, NEXT, SAME

BULK = 100
SKU = "NEW-"
"""What the article numbers of created products begin with, and of no others."""

Row = dict[str, Any]


def product(size: Size, workspace: int, position: int) -> Row:
    """Return one product in REST spelling, which draws a serial number whenever it is sent."""
    category = data.number(workspace, position * 31 % size.categories)
    brand = data.number(workspace, position * 7919 % size.brands)
    return {
        "name": f"New product {NEXT}",
        "gtin": GTIN,
        "slug": f"new-product-{SAME}",
        "sku": f"{SKU}{SAME}",
        "description": f"A new thing of kind {position % 97}, made with care.",
        "ingredients": f"water, sugar, salt, spice {position % 31}",
        "nutrition": {"energy_kcal": 40 + position % 500, "fat": position % 90, "salt": 0.1},
        "image_url": f"https://images.example/new-{SAME}.jpg",
        "status": "active",
        "price_cents": data.price(position),
        "currency": "EUR",
        "quantity": position % 300,
        "category_id": str(data.key("category", category)),
        "brand_id": str(data.key("brand", brand)),
        "metadata": {"source": "bench", "shelf": position % 40},
    }


def products(size: Size, workspace: int, position: int) -> list[Row]:
    """Return a hundred products for one request."""
    return [product(size, workspace, BULK * position + index) for index in range(BULK)]


def example(value: Row | list[Row]) -> str:
    """Return what is sent as JSON, for people to read: of many products the first."""
    if isinstance(value, list):
        return f'{{"items": [{json.dumps(value[0])}, … {len(value)} in all]}}'
    return json.dumps(value)
