"""Customers: who buys."""

from db.models import Customer
from services.engine import formats
from services.engine.actions import writes
from services.engine.resource import Counted, Field, Relation, Resource

CUSTOMER = Resource(
    name="customer",
    plural="customers",
    model=Customer,
    doc="Someone who buys.",
    counted=Counted("customers"),
    fields=(
        Field(
            "name",
            "Full name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Ada Lovelace",
        ),
        Field(
            "email",
            "E-mail address.",
            writable=True,
            filterable=True,
            sortable=True,
            searchable=True,
            check=formats.email,
            pattern=formats.EMAIL,
            example="ada@example.com",
        ),
        Field("phone", "Telephone number.", writable=True, example="+44 20 7946 0000"),
        Field(
            "country",
            "Country of residence.",
            writable=True,
            filterable=True,
            sortable=True,
            example="United Kingdom",
        ),
        Field("metadata", "Anything else, as a map.", writable=True, filterable=True),
    ),
    relations=(Relation("orders", "Orders of the customer.", many="order", via="customer_id", nested=True),),
    actions=writes(),
)
