"""Scopes: what each of them allows, what may be handed on, and what a refusal names."""

from collections.abc import Callable

import pytest

from services.catalog import CATALOG
from services.engine.access import (
    Permission,
    Principal,
    allows,
    covers,
    lacking,
    permission,
    require,
    require_action,
    require_scope,
)
from services.engine.errors import Problem, Slug
from services.engine.limits import STANDARD
from services.engine.resource import ActionKind

READ, WRITE, DELETE = Permission.READ, Permission.WRITE, Permission.DELETE
PRODUCTS = CATALOG["product"]
TOKENS = CATALOG["token"]
OWN, OTHER = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"

ALLOWED = {
    "products:read": {READ},
    "products:write": {READ, WRITE, DELETE},
    "products:delete": {DELETE},
    "all:read": {READ},
    "all:write": {READ, WRITE, DELETE},
    "all:delete": {DELETE},
    "brands:write": set(),
    "products": set(),
    "products:": set(),
    ":write": set(),
}
"""What one scope allows on products (S3-064, S3-065, C-05)."""


@pytest.mark.parametrize("asked", Permission)
@pytest.mark.parametrize("scope", ALLOWED)
def test_a_scope_allows_what_it_says_and_no_more(scope: str, asked: Permission) -> None:
    assert allows([scope], PRODUCTS, asked) is (asked in ALLOWED[scope])
    assert allows(["brands:read", scope], PRODUCTS, asked) is (asked in ALLOWED[scope])


def refused(asked: Callable[[], None]) -> Problem:
    with pytest.raises(Problem) as refusal:
        asked()
    assert refusal.value.slug is Slug.INSUFFICIENT_SCOPE
    return refusal.value


@pytest.mark.parametrize("asked", Permission)
@pytest.mark.parametrize("scope", ALLOWED)
def test_what_is_not_allowed_is_refused_by_name(scope: str, asked: Permission) -> None:
    """S3-079."""
    if asked in ALLOWED[scope]:
        require([scope], PRODUCTS, asked)
    else:
        found = refused(lambda: require([scope], PRODUCTS, asked))
        assert found.extensions == {"required_scope": f"products:{asked}", "token_scopes": [scope]}


@pytest.mark.parametrize("asked", Permission)
@pytest.mark.parametrize("scope", ALLOWED)
def test_a_scope_by_name_is_demanded_as_that_of_a_resource_is(scope: str, asked: Permission) -> None:
    if asked in ALLOWED[scope]:
        require_scope([scope], f"products:{asked}")
    else:
        found = refused(lambda: require_scope([scope], f"products:{asked}"))
        assert found.extensions == {"required_scope": f"products:{asked}", "token_scopes": [scope]}


@pytest.mark.parametrize("asked", ["products:read", "products:write", "products:delete"])
@pytest.mark.parametrize("scope", ALLOWED)
def test_whoever_is_allowed_something_may_hand_it_on(scope: str, asked: str) -> None:
    """C-07."""
    assert covers([scope], asked) is (Permission(asked.partition(":")[2]) in ALLOWED[scope])


def test_a_scope_that_means_nothing_is_covered_by_everything_alone() -> None:
    for unknown in ("products:fly", "products", "gone:write:read"):
        assert covers(["all:write"], unknown)
        assert not covers(["all:read", "all:delete", "products:write", "gone:write"], unknown)
        assert not covers([unknown], unknown)


def test_everything_is_handed_on_by_everything_alone() -> None:
    """C-07: `all:write` exceeds every list of names."""
    assert covers(["all:write"], "all:write")
    assert covers(["all:write"], "all:delete")
    assert not covers(["all:read"], "all:write")
    assert not covers([f"{each.scope}:write" for each in CATALOG], "all:read")


def test_the_first_scope_that_may_not_be_handed_on_is_named() -> None:
    assert lacking(["products:write"], ["products:read", "products:delete"]) is None
    assert lacking(["products:write"], []) is None
    found = lacking(["products:write"], ["products:read", "orders:read", "brands:read"])
    assert found is not None
    assert found.slug is Slug.INSUFFICIENT_SCOPE
    assert found.extensions == {"required_scope": "orders:read", "token_scopes": ["products:write"]}


def principal(*scopes: str) -> Principal:
    return Principal(OWN, "w", frozenset(scopes), 1)


def test_deleting_needs_another_permission_than_every_other_action() -> None:
    for resource in CATALOG:
        for action in resource.actions:
            expected = DELETE if action.kind is ActionKind.DELETE else WRITE
            assert permission(action) is expected


def test_an_action_needs_its_permission() -> None:
    for action in PRODUCTS.actions:
        needed = permission(action)
        require_action(principal(f"products:{needed}"), PRODUCTS, action, [OWN])
        refused(lambda action=action: require_action(principal("products:read"), PRODUCTS, action, [OWN]))  # type: ignore[misc]  # It is called at once.


def test_what_a_token_does_to_itself_needs_no_scope() -> None:
    """S3-085."""
    for action in TOKENS.actions:
        for ids in ([OTHER], [OWN, OTHER], [], [None], [OWN]):
            asked = lambda: require_action(principal(), TOKENS, action, ids)  # noqa: B023, E731  # Called at once.
            if action.on_oneself and ids == [OWN]:
                asked()
            else:
                refused(asked)
    assert any(action.on_oneself for action in TOKENS.actions)


def test_a_principal_is_held_to_the_standard_policy_unless_it_has_another() -> None:
    assert principal().policy is STANDARD
    assert (principal().user_id, principal().administrative) == (None, False)
