"""The explicit list of every resource."""

from services.acceptance import ACCEPT
from services.administrators import ADMINISTRATION
from services.audit_logs import AUDIT_LOG
from services.auth import AUTH
from services.brands import BRAND
from services.categories import CATEGORY
from services.customers import CUSTOMER
from services.engine.catalog import Catalog
from services.entitlements import ENTITLEMENTS, PLANS
from services.invitations import INVITATION
from services.memberships import LEAVE, MEMBERSHIP, WORKSPACES
from services.order_items import ORDER_ITEM
from services.orders import ORDER
from services.products import PRODUCT
from services.token_rules import TOKEN
from services.users import USER
from services.workspaces import WORKSPACE

CATALOG = Catalog(
    (
        WORKSPACE,
        BRAND,
        CATEGORY,
        PRODUCT,
        CUSTOMER,
        ORDER,
        ORDER_ITEM,
        USER,
        MEMBERSHIP,
        INVITATION,
        TOKEN,
        AUDIT_LOG,
    ),
    (LEAVE, WORKSPACES, ACCEPT, *AUTH, *ADMINISTRATION, *ENTITLEMENTS),
    PLANS,
)
