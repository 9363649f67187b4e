"""The suite itself: each planted divergence between the surfaces must make the parity tests fail."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import rest.conditional
import rest.document
import rest.problems
import rest.query_string
import rest.router
import schema.arguments
import schema.compiled
import services.engine.authenticate
import services.engine.documents
import services.engine.outputs
import services.engine.plan
from services.catalog import CATALOG
from services.engine.context import Caller
from services.engine.errors import Problem
from services.engine.intent import SortTerm
from services.engine.read import Reader
from services.engine.resource import Resource
from tests.parity import test_access, test_reads, test_tokens
from tests.parity.world import World
from tests.support.application import running

Plant = Callable[[pytest.MonkeyPatch], None]

NAME = next(each.name for each in CATALOG if each.searchable and any(r.one for r in each.relations))


def no_scope_check_in_documents(patch: pytest.MonkeyPatch) -> None:
    """REST forgets scopes."""
    patch.setattr(services.engine.documents, "require", lambda *_: None)


def no_scope_check_in_graphs(patch: pytest.MonkeyPatch) -> None:
    """GraphQL forgets scopes."""
    patch.setattr(services.engine.plan, "require", lambda *_: None)


def other_value(patch: pytest.MonkeyPatch) -> None:
    """GraphQL shows another column under a field's name."""
    value = services.engine.outputs.field_value

    def swapped(resource: Resource, name: str, alias: str, **rest: Any) -> Any:
        return value(resource, "inserted_at" if name == "updated_at" else name, alias, **rest)

    patch.setattr(services.engine.plan, "field_value", swapped)


def other_order(patch: pytest.MonkeyPatch) -> None:
    """REST sorts the other way round."""
    terms = rest.query_string.sort_terms

    def turned(text: str) -> tuple[SortTerm, ...]:
        return tuple(SortTerm(term.name, not term.descending) for term in terms(text))

    patch.setattr(rest.query_string, "sort_terms", turned)


def other_page(patch: pytest.MonkeyPatch) -> None:
    """GraphQL forgets the number of the page."""
    listing = schema.arguments.Arguments.listing

    def first(self: Any, resource: Resource, given: Mapping[str, Any]) -> Any:
        return listing(self, resource, {**given, **({"page": 1} if "page" in given else {})})

    patch.setattr(schema.arguments.Arguments, "listing", first)


def ignored_filter(patch: pytest.MonkeyPatch) -> None:
    """GraphQL drops a filter silently."""
    listing = schema.arguments.Arguments.listing
    patch.setattr(
        schema.arguments.Arguments,
        "listing",
        lambda self, resource, given: listing(self, resource, {**given, "filter": None}),
    )


def other_count(patch: pytest.MonkeyPatch) -> None:
    """REST counts one row more."""
    by_page = rest.document._by_page

    def more(*given: Any) -> Any:
        pagination, links = by_page(*given)
        total = pagination["total_count"]
        return pagination | {"total_count": None if total is None else int(str(total)) + 1}, links

    patch.setattr(rest.document, "_by_page", more)


def other_tag(patch: pytest.MonkeyPatch) -> None:
    """REST tags another version."""
    tag = rest.conditional.entity_tag
    patch.setattr(rest.conditional, "entity_tag", lambda id_, version, *rest: tag(id_, version + 1, *rest))


def lost_cursor(patch: pytest.MonkeyPatch) -> None:
    """REST says that there is nothing more."""
    by_cursor = rest.document._by_cursor

    def last(*given: Any) -> Any:
        pagination, links = by_cursor(*given)
        return {**pagination, "next_cursor": None}, links

    patch.setattr(rest.document, "_by_cursor", last)


def another_problem(patch: pytest.MonkeyPatch) -> None:
    """REST tells the same problem in other words."""
    members = Problem.members

    def reworded(self: Problem, *, instance: str, request_id: str, origin: str = "") -> dict[str, Any]:
        found = members(self, instance=instance, request_id=request_id, origin=origin)
        return found if instance == "/graphql" else found | {"detail": f"{found['detail']} Sorry."}

    patch.setattr(Problem, "members", reworded)


def one_statement_more(patch: pytest.MonkeyPatch) -> None:
    """GraphQL proves the token in a statement of its own."""
    run = schema.compiled.run

    async def proven(reader: Reader, caller: Caller, *rest: Any) -> Any:
        await reader.confirm(caller)
        return await run(reader, caller, *rest)

    patch.setattr(schema.compiled, "run", proven)


def late_end(patch: pytest.MonkeyPatch) -> None:
    """Refusals are not held back until the token is proven."""

    async def skipped(self: Any, caller: Caller) -> bool:
        return False

    patch.setattr(services.engine.authenticate.Authenticator, "renewed", skipped)


async def _reads(world: World, group: str) -> None:
    await test_reads.test_both_surfaces_read_the_same(world, NAME, group)


async def _scopes(world: World) -> None:
    await test_access.test_scopes_decide_alike(world, NAME)


async def _ending(world: World) -> None:
    await test_tokens.test_every_way_of_asking_hears_of_the_end_of_a_token(world, NAME, "revoked")


async def _related_scopes(world: World) -> None:
    await test_access.test_what_is_included_or_filtered_by_needs_its_own_scope(world, NAME)


PLANTS: tuple[tuple[Plant, Callable[[World], Awaitable[None]], str], ...] = (
    (no_scope_check_in_documents, _scopes, "REST answers rows and not insufficient-scope"),
    (no_scope_check_in_documents, _related_scopes, "REST answers rows and not insufficient-scope"),
    (no_scope_check_in_graphs, _scopes, "GraphQL answers rows and not insufficient-scope"),
    (other_value, partial(_reads, group="singles"), r"rows\[0\].updated_at is"),
    (other_order, partial(_reads, group="sorts"), r"rows\[0\].id is"),
    (other_page, partial(_reads, group="pages"), r"page 2 of 1: REST against GraphQL: .rows\[0\].id is"),
    (ignored_filter, partial(_reads, group="relation_filters"), ".rows has . entries against"),
    (other_count, partial(_reads, group="pages"), ".total is"),
    (other_tag, partial(_reads, group="singles"), ".etag is"),
    (lost_cursor, partial(_reads, group="sorts"), ".after is None against"),
    (another_problem, partial(_reads, group="absent"), ".problem.detail is .* Sorry"),
    (one_statement_more, partial(_reads, group="singles"), "GraphQL took 2 statements in 2 round trips"),
    (late_end, _ending, "bad input, revoked: REST answers .*bad-request.* and not invalid-token"),
)
"""Divergences, each with a test that must notice it, and what that test must say."""


@pytest.mark.parametrize(
    ("plant", "check", "said"), PLANTS, ids=[f"{plant.__name__}-{n}" for n, (plant, *_) in enumerate(PLANTS)]
)
async def test_a_planted_divergence_is_found(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    check: Callable[[World], Awaitable[None]],
    said: str,
) -> None:
    """The same tests pass without the divergence, as the rest of this suite shows."""
    plant(monkeypatch)
    async with running(world.database, world.catalog) as application:
        changed = replace(world, application=application, tokens={})
        with pytest.raises(pytest.fail.Exception, match=said):
            await check(changed)
