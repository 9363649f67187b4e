"""The tables, one module per resource."""

from db.models.audit_logs import AuditLog
from db.models.brands import Brand
from db.models.categories import Category
from db.models.columns import Currency, Model
from db.models.counters import Counter
from db.models.customers import Customer
from db.models.deprecation_uses import DeprecationUse
from db.models.events import Event
from db.models.idempotency_records import IdempotencyRecord
from db.models.imports import Import
from db.models.invitations import Invitation
from db.models.login_attempts import LoginAttempt
from db.models.memberships import Membership, Role
from db.models.order_items import OrderItem
from db.models.orders import Order, OrderStatus
from db.models.platform_logs import PlatformLog
from db.models.products import Product, ProductStatus
from db.models.recovery_codes import RecoveryCode
from db.models.tokens import RateTier, Token, TokenKind
from db.models.trusted_operations import OperationKind, TrustedOperation
from db.models.usages import Usage
from db.models.users import User
from db.models.workspaces import Tier, Workspace

__all__ = [
    "AuditLog",
    "Brand",
    "Category",
    "Counter",
    "Currency",
    "Customer",
    "DeprecationUse",
    "Event",
    "IdempotencyRecord",
    "Import",
    "Invitation",
    "LoginAttempt",
    "Membership",
    "Model",
    "OperationKind",
    "Order",
    "OrderItem",
    "OrderStatus",
    "PlatformLog",
    "Product",
    "ProductStatus",
    "RateTier",
    "RecoveryCode",
    "Role",
    "Tier",
    "Token",
    "TokenKind",
    "TrustedOperation",
    "Usage",
    "User",
    "Workspace",
]
