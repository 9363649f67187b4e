"""Audit logs: who changed which row, when and how."""

from db.models import AuditLog
from services.engine.resource import Field, Resource

AUDIT_LOG = Resource(
    name="audit_log",
    plural="audit_logs",
    model=AuditLog,
    doc="One change of one row, written in the transaction that made it.",
    fields=(
        Field(
            "action",
            "What was done: the name of the resource and the word of the event.",
            filterable=True,
            sortable=True,
            example="product.updated",
        ),
        Field(
            "resource", "Name of the resource, as GraphQL names its type in snake case.", example="product"
        ),
        Field("resource_id", "Which row was changed.", filterable=True),
        Field("token_id", "The token that changed it; null where it was done without one.", filterable=True),
        Field("user_id", "The user whose session changed it, if one did.", filterable=True),
        Field(
            "address", "The network address that the request came from.", filterable=True, example="192.0.2.7"
        ),
        Field(
            "request_id",
            "The request that changed it: the `X-Request-Id` of its answer.",
            filterable=True,
        ),
        Field(
            "before",
            "The fields that changed, as they were; null for a new row.",
            example={"quantity": 120},
        ),
        Field("after", "The fields that changed, as they are since.", example={"quantity": 119}),
    ),
    exported=True,
)
