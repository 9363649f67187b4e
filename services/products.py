"""Products: what a workspace sells."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.models import Currency, ProductStatus
from db.models import Product as ProductModel
from services import gtin, slugs
from services.engine import formats
from services.engine.actions import writes
from services.engine.errors import Invalid, conflict
from services.engine.resource import Counted, Field, Relation, Resource
from services.engine.work import Change, Work


def _currency_beside_price(values: Mapping[str, Any]) -> dict[str, Invalid]:
    """Demand a currency wherever there is a price."""
    if values.get("price_cents") is None or values.get("currency") is not None:
        return {}
    return {"currency": Invalid("cant_be_blank", "A price needs a currency.")}


_NEXT: Mapping[str, tuple[ProductStatus, ...]] = {
    ProductStatus.DRAFT: (ProductStatus.ACTIVE, ProductStatus.ARCHIVED),
    ProductStatus.ACTIVE: (ProductStatus.DRAFT, ProductStatus.ARCHIVED),
    ProductStatus.ARCHIVED: (ProductStatus.ACTIVE,),
}


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Keep products to their life cycle: what is archived is sold again before it can be a draft."""
    for each in changes:
        before, after = (each.stored or {}).get("status"), each.after["status"]
        if each.good and before != after and after not in _NEXT[str(before)]:
            each.problem = conflict(f"The product is {before}, so it cannot become {after}.")


PRODUCT = Resource(
    name="product",
    plural="products",
    model=ProductModel,
    doc="Something a workspace sells.",
    counted=Counted("products"),
    fields=(
        Field(
            "gtin",
            "Global Trade Item Number, 14 digits; shorter ones are padded with zeros.",
            writable=True,
            filterable=True,
            sortable=True,
            check=gtin.normalise,
            pattern=gtin.PATTERN,
            example="04006381333931",
        ),
        Field(
            "name",
            "Display name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Oat flakes 500 g",
        ),
        Field(
            "slug",
            "Short name in URLs, unique in the workspace; made of the name unless sent.",
            writable=True,
            filterable=True,
            check=slugs.check,
            pattern=slugs.PATTERN,
            fallback=slugs.fallback,
            example="oat-flakes-500-g",
        ),
        Field(
            "sku",
            "The workspace's own article number.",
            writable=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="OAT-500",
        ),
        Field("description", "What it is, for buyers.", writable=True, searchable=True),
        Field("ingredients", "List of ingredients as printed.", writable=True, searchable=True),
        Field(
            "nutrition",
            "Nutrition facts per 100 g or 100 ml, by name.",
            writable=True,
            filterable=True,
            example={"sugars_100g": 1.2},
        ),
        Field(
            "image_url",
            "Address of a picture.",
            writable=True,
            check=formats.web_address,
            pattern=formats.WEB_ADDRESS,
        ),
        Field(
            "status",
            "Life cycle of the product; an archived one can only become active.",
            writable=True,
            filterable=True,
            sortable=True,
            enum=ProductStatus,
            example="active",
        ),
        Field(
            "price_cents",
            "Price in minor units of `currency`.",
            writable=True,
            filterable=True,
            sortable=True,
            minimum=0,
            example=249,
        ),
        Field(
            "currency",
            "Currency of the price (ISO 4217).",
            writable=True,
            filterable=True,
            enum=Currency,
            example="EUR",
        ),
        Field(
            "quantity",
            "Units in stock.",
            writable=True,
            filterable=True,
            sortable=True,
            example=120,
        ),
        Field("category_id", "The category it is filed under.", writable=True, filterable=True),
        Field("brand_id", "The brand that makes it.", writable=True, filterable=True),
        Field(
            "metadata",
            "Anything else, as a map.",
            writable=True,
            filterable=True,
            example={"source": "import"},
        ),
    ),
    relations=(
        Relation("category", "The category it is filed under.", one="category", via="category_id"),
        Relation("brand", "The brand that makes it.", one="brand", via="brand_id"),
    ),
    rules=(_currency_beside_price,),
    actions=writes(changing=change),
)
