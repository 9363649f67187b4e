"""Wall 1 where the workspace of a row is told by another table: users, by their memberships."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
)

from db.compile import finished
from db.describe import table
from db.models import Brand, Membership, User, Workspace
from db.tenancy import WORKSPACE, UnfencedStatementError, check, fence, seen_through

USERS, MEMBERSHIPS, BRANDS, WORKSPACES = table(User), table(Membership), table(Brand), table(Workspace)


def text(statement: Any) -> str:
    return " ".join(str(statement).split())


def test_a_table_with_a_workspace_is_fenced_by_it() -> None:
    assert text(fence(BRANDS)) == "brands.workspace_id = :workspace"
    assert text(fence(BRANDS.alias("b"))) == "b.workspace_id = :workspace"


def test_workspaces_are_fenced_to_the_own_and_those_it_created() -> None:
    """C-12."""
    own = "workspaces.id = :workspace OR workspaces.parent_workspace_id = :workspace"
    assert text(fence(WORKSPACES)) == own
    assert text(fence(WORKSPACES.alias("w"))) == own.replace("workspaces", "w")


def test_users_are_fenced_by_their_live_memberships() -> None:
    for source, name in ((USERS, "users"), (USERS.alias("u"), "u")):
        link = f"{name}_link"
        assert text(fence(source)) == (
            f"EXISTS (SELECT * FROM memberships AS {link} WHERE {link}.workspace_id = :workspace"
            f" AND {link}.user_id = {name}.id AND {link}.deleted_at IS NULL)"
        )


def test_a_table_says_through_which_other_it_is_seen() -> None:
    assert seen_through(USERS) == seen_through(USERS.alias("u")) == (MEMBERSHIPS, "user_id")
    for other in (BRANDS, WORKSPACES, MEMBERSHIPS, BRANDS.alias("b"), select(USERS.c.id).subquery("s")):
        assert seen_through(other) is None


def test_fenced_users_pass_wherever_they_stand() -> None:
    user = USERS.alias("u")
    check(select(USERS.c.id).where(fence(USERS)))
    check(select(user.c.id).where(fence(user), user.c.email == "e"))
    check(select(BRANDS.c.id).where(fence(BRANDS), select(user.c.id).where(fence(user)).exists()))
    check(update(USERS).values(name="n").where(fence(USERS)))
    check(
        select(USERS.c.id).where(
            and_(fence(USERS), or_(USERS.c.name == "a", USERS.c.name == "b")).self_group()
        )
    )
    assert "memberships" in finished(select(USERS.c.id).where(fence(USERS))).text


Link = Callable[[Any], list[ColumnElement[bool]]]

WORKSPACE_OF: Link = lambda link: [link.c.workspace_id == WORKSPACE]  # noqa: E731
NAMED: Link = lambda link: [link.c.user_id == literal_column("users.id")]  # noqa: E731
LIVE: Link = lambda link: [link.c.deleted_at.is_(None)]  # noqa: E731


def linked(*parts: Link, link: FromClause | None = None) -> ColumnElement[bool]:
    found = MEMBERSHIPS.alias("users_link") if link is None else link
    return exists().where(*(condition for part in parts for condition in part(found)))


def test_a_link_may_be_written_in_any_order_and_demand_more() -> None:
    check(select(USERS.c.id).where(linked(LIVE, NAMED, WORKSPACE_OF)))
    check(select(USERS.c.id).where(linked(WORKSPACE_OF, NAMED, LIVE, link=MEMBERSHIPS)))
    more: Link = lambda link: [link.c.role == "owner"]  # noqa: E731
    check(select(USERS.c.id).where(linked(WORKSPACE_OF, NAMED, LIVE, more)))


OPEN: dict[str, Callable[[], ColumnElement[bool]]] = {
    "nothing": lambda: true(),
    "another condition": lambda: USERS.c.id == WORKSPACE,
    "no workspace": lambda: linked(NAMED, LIVE),
    "no user": lambda: linked(WORKSPACE_OF, LIVE),
    "memberships that have ended": lambda: linked(WORKSPACE_OF, NAMED),
    "no link": lambda: exists().where(true()),
    "ended ones": lambda: linked(WORKSPACE_OF, NAMED, lambda link: [link.c.deleted_at.is_not(None)]),
    "deleted now": lambda: linked(WORKSPACE_OF, NAMED, lambda link: [link.c.deleted_at == func.now()]),
    "another user": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.user_id == literal_column("u.id")]
    ),
    "another column of the user": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.user_id == literal_column("users.email")]
    ),
    "another column of the link": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.id == literal_column("users.id")]
    ),
    "every other user": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.user_id != literal_column("users.id")]
    ),
    "a column that is not written out": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.user_id == USERS.c.name]
    ),
    "a label of that name": lambda: linked(
        WORKSPACE_OF, LIVE, lambda link: [link.c.user_id == USERS.c.name.label("users.id")]
    ),
    "every other workspace": lambda: linked(NAMED, LIVE, lambda link: [link.c.workspace_id != WORKSPACE]),
    "a workspace of the caller's choice": lambda: linked(
        NAMED, LIVE, lambda link: [link.c.workspace_id == literal_column("$1")]
    ),
    "an alternative": lambda: linked(
        NAMED, LIVE, lambda link: [or_(link.c.workspace_id == WORKSPACE, link.c.role == "owner")]
    ),
    "no such link": lambda: not_(linked(WORKSPACE_OF, NAMED, LIVE)),
    "or anything": lambda: or_(linked(WORKSPACE_OF, NAMED, LIVE), USERS.c.name == "n"),
    "conditions of two links": lambda: exists().where(
        MEMBERSHIPS.alias("a").c.workspace_id == WORKSPACE,
        *NAMED(MEMBERSHIPS.alias("b")),
        *LIVE(MEMBERSHIPS.alias("c")),
    ),
    "the fence of another alias": lambda: fence(USERS.alias("u")),
    "a link through another table": lambda: exists().where(
        BRANDS.c.workspace_id == WORKSPACE,
        BRANDS.c.id == literal_column("users.id"),
        BRANDS.c.deleted_at.is_(None),
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_users_with_an_open_link_are_refused(name: str) -> None:
    """S3-061, Q-21."""
    with pytest.raises(UnfencedStatementError):
        check(select(USERS.c.id).where(OPEN[name]()))
    with pytest.raises(UnfencedStatementError):
        check(update(USERS).values(name="n").where(OPEN[name]()))


def test_the_refusal_names_the_users_whose_workspace_is_open() -> None:
    with pytest.raises(UnfencedStatementError, match=r"^users is read without its workspace\.$"):
        check(select(USERS.c.id))
    with pytest.raises(UnfencedStatementError, match=r"^u is read without its workspace\.$"):
        check(select(USERS.alias("u").c.id))
    with pytest.raises(UnfencedStatementError, match=r"^users is changed without its workspace\.$"):
        check(update(USERS).values(name="n"))


def test_a_membership_is_fenced_as_every_row_is() -> None:
    def members(link: FromClause) -> Select[Any]:
        return select(USERS.c.id).where(
            fence(USERS), select(link.c.id).where(link.c.user_id == USERS.c.id).exists()
        )

    with pytest.raises(UnfencedStatementError, match=r"^m is read"):
        check(members(MEMBERSHIPS.alias("m")))


def test_workspaces_are_fenced_under_another_name_too() -> None:
    """C-12."""
    other = WORKSPACES.alias("w")
    check(select(other.c.id).where(fence(other)))
    check(select(other.c.id).where(other.c.parent_workspace_id == WORKSPACE))
    with pytest.raises(UnfencedStatementError):
        check(select(other.c.id).where(other.c.slug == WORKSPACE))
    brand = BRANDS.alias("workspace")
    with pytest.raises(UnfencedStatementError):
        check(select(brand.c.id).where(brand.c.id == WORKSPACE))


def test_a_workspace_is_created_below_the_callers_own() -> None:
    names, rest = ["parent_workspace_id", "name"], literal_column("'n'")
    check(insert(WORKSPACES).from_select(names, select(WORKSPACE, rest)))
    with pytest.raises(UnfencedStatementError, match=r"^workspaces is written to without its workspace\.$"):
        check(insert(WORKSPACES).from_select(names[1:], select(rest)))
    with pytest.raises(UnfencedStatementError):
        check(insert(WORKSPACES).from_select(names, select(literal_column("$1"), rest)))


def test_either_side_of_a_join_needs_its_fence() -> None:
    joined = BRANDS.join(MEMBERSHIPS, BRANDS.c.id == MEMBERSHIPS.c.id)
    nothing = select(literal_column("1")).select_from(joined)
    check(nothing.where(fence(BRANDS), fence(MEMBERSHIPS)))
    with pytest.raises(UnfencedStatementError, match=r"^brands is read"):
        check(nothing.where(fence(MEMBERSHIPS)))
    with pytest.raises(UnfencedStatementError, match=r"^memberships is read"):
        check(nothing.where(fence(BRANDS)))
