"""The explicit list of every resource."""

from services.acceptance import ACCEPT
from services.administrators import ADMINISTRATION
from services.audit_logs import AUDIT_LOG
from services.auth import AUTH
from services.brands import BRAND
from services.categories import CATEGORY
from services.customers import CUSTOMER
from services.deprecations import USAGE
from services.engine.catalog import Catalog, Module
from services.entitlements import ENTITLEMENTS, PLANS
from services.invitations import INVITATION
from services.memberships import LEAVE, MEMBERSHIP, WORKSPACES
from services.order_items import ORDER_ITEM
from services.orders import ORDER
from services.products import PRODUCT
from services.token_rules import TOKEN
from services.trusted_operations import TRUSTED_OPERATION
from services.users import USER
from services.workspaces import WORKSPACE

CATALOG = Catalog.of(
    Module(
        "account",
        "Workspaces, the people in them, and what opens the API: tenancy, identity and access.",
        (WORKSPACE, USER, MEMBERSHIP, INVITATION, TOKEN, TRUSTED_OPERATION, AUDIT_LOG),
        (LEAVE, WORKSPACES, ACCEPT, *AUTH, *ADMINISTRATION, USAGE),
    ),
    Module(
        "catalog",
        "What is sold, and the tree that files it.",
        (
            BRAND,
            CATEGORY,
            PRODUCT,
        ),
    ),
    Module(
        "commerce",
        "Who buys, what was bought, and what a workspace's plan allows.",
        (CUSTOMER, ORDER, ORDER_ITEM),
        ENTITLEMENTS,
    ),
    plans=PLANS,
)
