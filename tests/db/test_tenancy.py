"""Wall 1: no statement reads or writes a tenant table without its workspace."""

from typing import Any

import pytest
from sqlalchemy import (
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
    update,
)

from db.describe import table
from db.models import Brand, Category, Membership, Product, User, Workspace
from db.tenancy import WORKSPACE, UnfencedStatementError, check, fence

BRANDS, PRODUCTS, WORKSPACES = table(Brand), table(Product), table(Workspace)
USERS, MEMBERSHIPS = table(User), table(Membership)


def fenced(source: object = BRANDS) -> Select[tuple[object]]:
    return select(source.c.id).where(fence(source))  # type: ignore[attr-defined, arg-type]  # Tables have columns.


def test_fenced_statements_pass() -> None:
    """S3-061, Q-21."""
    product = PRODUCTS.alias("p")
    owner = literal_column("p.brand_id", BRANDS.c.id.type)
    check(fenced())
    check(fenced(WORKSPACES))
    check(select(product.c.id).where(fence(product), fenced().where(BRANDS.c.id == owner).exists()))
    check(select(literal_column("1")))
    check(select(fenced().cte("c").c.id))
    check(union_all(fenced(), fenced(table(Category))))


@pytest.mark.parametrize(
    "statement",
    [
        select(BRANDS.c.id),
        select(BRANDS.c.id).where(BRANDS.c.deleted_at.is_(None)),
        select(BRANDS.c.id).where(BRANDS.c.workspace_id == BRANDS.c.id),
        select(BRANDS.c.id).where(BRANDS.c.workspace_id == literal_column("$1")),
        select(BRANDS.c.id).where(BRANDS.c.id == WORKSPACE),
        select(BRANDS.c.id).where(PRODUCTS.c.workspace_id == WORKSPACE),
        select(WORKSPACES.c.id),
        select(BRANDS.c.id).where(not_(BRANDS.c.workspace_id == WORKSPACE)),
        select(BRANDS.c.id).where(BRANDS.c.workspace_id >= WORKSPACE),
        select(BRANDS.c.id).where(or_(fence(BRANDS), BRANDS.c.deleted_at.is_(None))),
        select(BRANDS.c.id).where(or_(fence(BRANDS), fence(PRODUCTS))),
        select(WORKSPACES.c.id).where(fence(WORKSPACES) | WORKSPACES.c.deleted_at.is_(None)),
        select(BRANDS.alias("b").c.id),
        select(BRANDS.join(PRODUCTS, PRODUCTS.c.brand_id == BRANDS.c.id)).where(fence(BRANDS)),
        select(BRANDS.outerjoin(PRODUCTS, PRODUCTS.c.brand_id == BRANDS.c.id)).where(fence(PRODUCTS)),
        fenced().where(select(PRODUCTS.c.id).where(PRODUCTS.c.brand_id == BRANDS.c.id).exists()),
        select(select(BRANDS.c.id).subquery("s").c.id),
        select(select(BRANDS.c.id).cte("c").c.id),
        select(func.coalesce(select(func.count()).select_from(PRODUCTS).scalar_subquery(), 0)),
        union_all(fenced(), select(PRODUCTS.c.id)),
        select(literal_column("1")).select_from(select(PRODUCTS.c.id).lateral("l")),
    ],
    ids=range(21),
)
def test_a_statement_with_one_open_table_is_refused(statement: Select[tuple[object]]) -> None:
    """S3-061, Q-21: wherever the table hides, and whatever else it is compared with."""
    with pytest.raises(UnfencedStatementError, match=r"is read without its workspace\."):
        check(statement)


def test_a_fence_in_one_place_does_not_cover_another() -> None:
    """Two aliases of one table need two fences."""
    first, second = BRANDS.alias("a"), BRANDS.alias("b")
    both = select(first.c.id).select_from(first.join(second, first.c.slug == second.c.slug))

    check(both.where(fence(first), fence(second)))
    with pytest.raises(UnfencedStatementError):
        check(both.where(fence(first)))


def test_the_refusal_names_the_table() -> None:
    with pytest.raises(UnfencedStatementError, match="brands is read"):
        check(select(BRANDS.c.id))
    with pytest.raises(UnfencedStatementError, match="t7 is read"):
        check(select(BRANDS.alias("t7").c.id))


def membership(*conditions: Any) -> Select[tuple[object]]:
    """Return a reading of people where these conditions on memberships `m` hold."""
    return select(USERS.c.id).where(exists().where(*conditions))


M, N = MEMBERSHIPS.alias("m"), MEMBERSHIPS.alias("n")
HERE, LIVE = M.c.workspace_id == WORKSPACE, M.c.deleted_at.is_(None)
THEIRS: Any = M.c.user_id == literal_column("users.id", USERS.c.id.type)


def test_people_are_fenced_by_their_memberships() -> None:
    """C-17: in whatever order that is said, by whatever name they go, and however deep it stands."""
    person = USERS.alias("u")
    check(fenced(USERS))
    check(fenced(person))
    check(membership(LIVE, THEIRS, HERE))
    check(select(BRANDS.c.id).where(fence(BRANDS), select(person.c.id).where(fence(person)).exists()))
    check(select(fenced(USERS).cte("c").c.id))
    check(update(USERS).values(name="n").where(fence(USERS)))


@pytest.mark.parametrize(
    "statement",
    [
        select(USERS.c.id),
        select(USERS.c.id).where(USERS.c.deleted_at.is_(None)),
        select(USERS.c.id).where(USERS.c.id == WORKSPACE),
        select(USERS.alias("u").c.id).where(fence(USERS)),
        membership(HERE, THEIRS),
        membership(HERE, LIVE),
        membership(HERE, THEIRS, M.c.deleted_at.is_not(None)),
        membership(HERE, LIVE, M.c.id == literal_column("users.id", USERS.c.id.type)),
        membership(HERE, LIVE, M.c.user_id == literal_column("m.user_id", USERS.c.id.type)),
        membership(HERE, LIVE, M.c.user_id != literal_column("users.id", USERS.c.id.type)),
        membership(HERE, LIVE, N.c.workspace_id == WORKSPACE, N.c.user_id == literal_column("users.id")),
        membership(or_(HERE, LIVE), THEIRS, HERE),
        select(USERS.c.id).where(not_(fence(USERS))),
        select(USERS.c.id).where(or_(fence(USERS), USERS.c.name == literal_column("'n'"))),
        select(USERS.c.id).where(exists().where(fence(BRANDS))),
        select(BRANDS.join(USERS, USERS.c.id == BRANDS.c.id)).where(fence(BRANDS)),
        update(USERS).values(name="n").where(USERS.c.id == literal_column("$1")),
    ],
    ids=range(17),
)
def test_people_without_a_live_membership_here_are_refused(statement: Any) -> None:
    """C-17: a membership elsewhere, one that has ended, or somebody else's keeps nobody out."""
    with pytest.raises(UnfencedStatementError, match=r"without its workspace\."):
        check(statement)


NAMES = ["workspace_id", "name", "slug"]
NAMED: tuple[Any, ...] = (literal_column("'n'"), literal_column("'s'"))


def test_fenced_writes_pass() -> None:
    """S3-061, Q-21."""
    made = insert(BRANDS).from_select(NAMES, select(WORKSPACE, *NAMED)).returning(BRANDS.c.id).cte("made")
    changed = update(BRANDS).values(name="n").where(fence(BRANDS), BRANDS.c.id == made.c.id)
    check(select(made.c.id))
    check(changed)
    check(delete(BRANDS).where(fence(BRANDS)))
    check(select(literal_column("1")).add_cte(changed.cte("changed")))


WRITES = (
    insert(BRANDS).values(name="n", slug="s"),
    insert(BRANDS).values(workspace_id=bindparam("workspace")),
    insert(BRANDS).from_select(["name", "workspace_id"], select(NAMED[0], WORKSPACE)),
    insert(BRANDS).from_select(NAMES, select(literal_column("sent.workspace_id"), *NAMED)),
    insert(BRANDS).from_select(["name", "slug"], select(*NAMED)),
    insert(BRANDS).from_select(["id", "name", "slug"], select(WORKSPACE, *NAMED)),
    update(BRANDS).values(name="n"),
    update(BRANDS).values(name="n").where(BRANDS.c.id == literal_column("$1")),
    update(BRANDS).values(name="n").where(fence(PRODUCTS), true()),
    update(WORKSPACES).values(name="n").where(WORKSPACES.c.slug == "s"),
    delete(BRANDS).where(BRANDS.c.name == "n"),
)


@pytest.mark.parametrize("statement", WRITES, ids=range(len(WRITES)))
def test_an_open_write_is_refused_wherever_it_stands(statement: Any) -> None:
    """S3-061, Q-21: alone, as the source of a selection, and beside one."""
    returning = statement.returning(statement.table.c.id).cte("made")
    for whole in (statement, select(returning.c.id), select(literal_column("1")).add_cte(statement.cte("w"))):
        with pytest.raises(UnfencedStatementError, match=r"without its workspace\."):
            check(whole)
