"""Input aliases as plain functions."""

import pytest

from rest import compat
from services.brands import BRAND
from services.catalog import CATALOG
from services.products import PRODUCT


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("/api/v1/products", "/api/v1/products"),
        ("/api/products", "/api/v1/products"),
        ("/api/products/x/y", "/api/v1/products/x/y"),
        ("/api/health", "/api/v1/health"),
        ("/api/docs", "/api/docs"),
        ("/api/docs/x", "/api/docs/x"),
        ("/api/v1", "/api/v1"),
        ("/api", "/api"),
        ("/products/api/v1/products/x", "/api/v1/products/x"),
        ("/products/api/v1/categories", "/api/v1/categories"),
        ("/products/api/v1/orders", "/products/api/v1/orders"),
        ("/nope/api/v1/products", "/nope/api/v1/products"),
        ("/products/api/v1/", "/api/v1/"),
        ("/nope/api/v1/", "/nope/api/v1/"),
        ("/products/api/v1/agents", "/api/v1/agents/products"),
        ("/a/products/api/v1/products", "/a/products/api/v1/products"),
        ("/graphql", "/graphql"),
        ("/health/live", "/health/live"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_paths_under_other_prefixes_lead_below_the_base(path: str, rewritten: str) -> None:
    """C-78."""
    assert compat.rewritten(path, "/api/v1") == rewritten


def test_status_is_an_alias_only_where_it_is_a_field() -> None:
    """C-24."""
    assert compat.filter_parameter("status", PRODUCT) == ("status", "eq")
    assert compat.filter_parameter("status", BRAND) is None
    assert compat.filter_parameter("created_after", BRAND) == ("inserted_at", "gte")
    assert compat.filter_parameter("updated_before", BRAND) == ("updated_at", "lte")
    assert compat.filter_parameter("name", BRAND) is None


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("created_before", "2026-01-31", "2026-01-31T23:59:59.999999Z"),
        ("created_after", "2026-01-31", "2026-01-31"),
        ("updated_before", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("created_before", "nonsense", "nonsense"),
    ],
)
def test_a_plain_date_before_which_means_the_end_of_it(name: str, value: str, meant: str) -> None:
    """C-24."""
    assert compat.filter_value(name, value) == meant


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("/commerce/api/v1/orders/x", "/api/v1/orders/x"),
        ("/commerce/api/v1/entitlements/check", "/api/v1/entitlements/check"),
        ("/account/api/v1/auth/login", "/api/v1/auth/login"),
        ("/account/api/v1/api-keys", "/api/v1/api-keys"),
        ("/commerce/api/v1/products", "/commerce/api/v1/products"),
        ("/catalog/api/v1/", "/api/v1/"),
    ],
)
def test_every_module_has_a_base_below_which_its_own_is(path: str, rewritten: str) -> None:
    """S0-002, C-78: those of old, and those that are declared."""
    assert compat.rewritten(path, "/api/v1", compat.modules(CATALOG)) == rewritten
