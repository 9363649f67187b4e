"""Order items: the lines of an order."""

from db.models import Currency, OrderItem
from services.engine.resource import Field, Relation, Resource

ORDER_ITEM = Resource(
    name="order_item",
    plural="order_items",
    type="item",
    model=OrderItem,
    doc="One line of an order.",
    fields=(
        Field(
            "order_id",
            "The order it belongs to; a line never moves to another one.",
            writable=True,
            required=True,
            filterable=True,
            fixed=True,
        ),
        Field("product_id", "The product sold, or null.", writable=True, filterable=True),
        Field(
            "name",
            "What was sold, as it was called then; the product's name unless sent.",
            writable=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Oat flakes 500 g",
        ),
        Field("position", "Place in the order, ascending.", filterable=True, sortable=True, example=0),
        Field(
            "quantity",
            "Units sold, at least 1; negative in imported returns.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            example=6,
        ),
        Field(
            "unit_price_cents",
            "Price of one unit, in minor units of `currency`; the product's price unless sent.",
            writable=True,
            filterable=True,
            sortable=True,
            example=249,
        ),
        Field(
            "line_total_cents",
            "Quantity times unit price, in minor units of `currency`.",
            filterable=True,
            sortable=True,
            example=1494,
        ),
        Field("currency", "Currency of the order (ISO 4217).", enum=Currency, example="EUR"),
    ),
    relations=(
        Relation("product", "The product sold.", one="product", via="product_id"),
        Relation("order", "The order it belongs to.", one="order", via="order_id"),
    ),
)
