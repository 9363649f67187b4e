"""Roles: what people may do in a workspace, whatever resources there are."""

from itertools import pairwise
from typing import Any

from services.catalog import CATALOG
from services.engine.access import Permission, allows, covers
from services.engine.catalog import Catalog
from services.engine.procedures import Method, Procedure, Result
from services.roles import ACCOUNT, Role, scopes_in, scopes_of

READ, WRITE, DELETE = Permission.READ, Permission.WRITE, Permission.DELETE


def test_a_viewer_reads_everything_and_writes_nothing() -> None:
    assert scopes_of(Role.VIEWER) == ("all:read",)


def test_an_owner_may_do_everything() -> None:
    assert scopes_of(Role.OWNER) == ("all:write",)


def test_a_member_writes_what_is_not_about_the_workspace_itself() -> None:
    scopes = scopes_of(Role.MEMBER)
    for resource in CATALOG:
        free = bool(resource.actions) and resource.scope not in ACCOUNT
        assert allows(scopes, resource, READ)
        assert allows(scopes, resource, WRITE) is free, resource.name
        assert allows(scopes, resource, DELETE) is free, resource.name


def test_an_admin_writes_what_can_be_written_but_hands_on_no_ownership() -> None:
    scopes = scopes_of(Role.ADMIN)
    for resource in CATALOG:
        assert allows(scopes, resource, READ)
        assert allows(scopes, resource, WRITE) is bool(resource.actions), resource.name
    assert not covers(scopes, "all:write")


def test_an_admin_may_call_what_demands_a_scope() -> None:
    scopes = scopes_of(Role.ADMIN)
    demanded = [each.scope for each in CATALOG.procedures if getattr(each, "scope", None)]
    assert all(covers(scopes, scope) for scope in demanded)


async def _answer(work: Any, inputs: Any) -> Result:
    return Result()


def called(name: str, scope: str | None) -> Procedure:
    return Procedure(name=name, path=name, doc="D.", method=Method.POST, run=_answer, scope=scope)


def test_an_admin_has_what_procedures_demand_beyond_reading_and_a_member_has_not() -> None:
    """Reading is covered already, what needs no scope needs none here, and tools may be called anywhere."""
    scopes = {"a": "gates:write", "b": "gates:read", "c": None, "d": "doors:delete"}
    catalog = Catalog((), procedures=tuple(called(*each) for each in scopes.items()))

    assert scopes_in(catalog, Role.ADMIN) == (
        "all:read",
        "doors:delete",
        "gates:write",
        "mcp:write",
    )
    assert scopes_in(catalog, Role.MEMBER) == ("all:read", "mcp:write")


def test_roles_are_stored_in_order_and_without_repetition() -> None:
    for role in Role:
        scopes = scopes_of(role)
        assert list(scopes) == sorted(set(scopes))


def test_roles_grow_with_the_role_before() -> None:
    order = (Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER)
    for lesser, greater in pairwise(order):
        assert all(covers(scopes_of(greater), scope) for scope in scopes_of(lesser))
        assert not all(covers(scopes_of(lesser), scope) for scope in scopes_of(greater))


def test_a_catalogue_without_resources_leaves_reading_and_calling_tools() -> None:
    empty = Catalog(())
    assert scopes_in(empty, Role.MEMBER) == scopes_in(empty, Role.ADMIN) == ("all:read", "mcp:write")
    assert scopes_in(empty, Role.OWNER) == ("all:write",)
