"""Workspaces: the tenants themselves, as far as a token may see them."""

from db.models import Tier, Workspace
from services.engine.resource import Field, Resource

WORKSPACE = Resource(
    name="workspace",
    plural="workspaces",
    model=Workspace,
    doc="A tenant: everything else belongs to exactly one workspace.",
    fields=(
        Field(
            "name",
            "Display name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            example="Acme Corporation",
        ),
        Field("slug", "Short name in URLs, unique.", writable=True, filterable=True, example="acme-corp"),
        Field("tier", "Billing tier.", writable=True, filterable=True, enum=Tier, example="pro"),
        Field(
            "settings",
            "Settings of the workspace: `timezone` (IANA name) and `locale`.",
            writable=True,
            example={"timezone": "UTC", "locale": "en_GB"},
        ),
        Field("parent_workspace_id", "The workspace that created this one, or null.", filterable=True),
    ),
)
