"""Orders: what customers bought."""

from decimal import Decimal

from db.models import Currency, Order, OrderStatus
from services import ordering
from services.engine.actions import item, writes
from services.engine.resource import Counted, Embedded, Field, Relation, Resource
from services.order_items import ORDER_ITEM

ORDER = Resource(
    name="order",
    plural="orders",
    model=Order,
    doc="What a customer bought.",
    counted=Counted("orders"),
    fields=(
        Field(
            "number",
            "Order number, unique in the workspace; the server counts without gaps.",
            filterable=True,
            sortable=True,
            searchable=True,
            example="1042",
        ),
        Field(
            "status",
            "Fulfilment status.",
            filterable=True,
            sortable=True,
            enum=OrderStatus,
            example="confirmed",
        ),
        Field(
            "currency",
            "Currency of every amount in the order (ISO 4217).",
            writable=True,
            required=True,
            filterable=True,
            enum=Currency,
            example="GBP",
        ),
        Field("subtotal_cents", "Sum of the lines, in minor units.", example=15989),
        Field(
            "tax_rate",
            "Tax rate as a decimal fraction.",
            writable=True,
            minimum=0,
            maximum=Decimal("9.999999"),
            example="0.0875",
        ),
        Field("tax_cents", "Tax on the subtotal, in minor units.", example=1399),
        Field(
            "total_cents",
            "Subtotal plus tax, in minor units.",
            filterable=True,
            sortable=True,
            example=17388,
        ),
        Field(
            "placed_at",
            "When the customer placed it, in UTC; the moment of creation unless sent.",
            writable=True,
            filterable=True,
            sortable=True,
        ),
        Field("customer_id", "Who bought, or null.", writable=True, filterable=True),
        Field("metadata", "Anything else, as a map.", writable=True, filterable=True),
    ),
    relations=(
        Relation(
            "items", "Lines of the order.", many="order_item", via="order_id", nested=True, sort="position"
        ),
        Relation("customer", "Who bought.", one="customer", via="customer_id"),
    ),
    embedded=(
        Embedded(
            "line_items",
            "The lines of the order, in order of position.",
            relation="items",
            resource=ORDER_ITEM,
            fields=("product_id", "name", "quantity", "unit_price_cents"),
            shown=(
                "id",
                "product_id",
                "name",
                "position",
                "quantity",
                "unit_price_cents",
                "line_total_cents",
                "currency",
            ),
        ),
    ),
    actions=(
        *writes(
            creating=ordering.create,
            changing=ordering.change,
            deleting=ordering.delete,
            restoring=ordering.restore,
        ),
        item(
            "confirm",
            "confirmed",
            "Confirm a pending order; from then on its lines, currency and tax rate stay as they are.",
            ordering.move_to(OrderStatus.CONFIRMED),
        ),
        item("ship", "shipped", "Ship a confirmed order.", ordering.move_to(OrderStatus.SHIPPED)),
        item(
            "deliver",
            "delivered",
            "Note that a shipped order has arrived.",
            ordering.move_to(OrderStatus.DELIVERED),
        ),
        item(
            "cancel",
            "cancelled",
            "Cancel a pending or confirmed order.",
            ordering.move_to(OrderStatus.CANCELLED),
        ),
    ),
)
