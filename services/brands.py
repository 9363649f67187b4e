"""Brands: who makes a product."""

from db.models import Brand
from services import slugs
from services.engine import formats
from services.engine.actions import writes
from services.engine.resource import Field, Relation, Resource

BRAND = Resource(
    name="brand",
    plural="brands",
    model=Brand,
    doc="Who makes a product.",
    fields=(
        Field(
            "name",
            "Display name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Alpine Dairy",
        ),
        Field(
            "slug",
            "Short name in URLs, unique in the workspace.",
            writable=True,
            filterable=True,
            check=slugs.check,
            pattern=slugs.PATTERN,
            fallback=slugs.fallback,
            example="alpine-dairy",
        ),
        Field("description", "What the brand stands for.", writable=True, searchable=True),
        Field(
            "website",
            "Home page.",
            writable=True,
            check=formats.web_address,
            pattern=formats.WEB_ADDRESS,
            example="https://alpine-dairy.example",
        ),
        Field(
            "logo_url",
            "Address of the logo.",
            writable=True,
            check=formats.web_address,
            pattern=formats.WEB_ADDRESS,
        ),
    ),
    relations=(Relation("products", "Products of the brand.", many="product", via="brand_id", nested=True),),
    actions=writes(),
)
