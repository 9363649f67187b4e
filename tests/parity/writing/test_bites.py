"""The suite of writes itself: each planted divergence, or loss on both sides, must make its tests fail."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import rest.writing
import services.engine.dispatch
import services.engine.judging
import services.engine.transaction
from db.driver import Statement
from db.embedded import Embedded
from db.execute import Prepared
from services import invitations, memberships, token_rules
from services.brands import BRAND
from services.categories import CATEGORY
from services.engine import bulk, idempotency
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.dispatch import Writer, _nothing_more
from services.engine.errors import Problem
from services.engine.resource import Resource
from services.engine.transaction import Ongoing
from services.engine.work import Change, Work
from services.engine.writing import Item, Outcome, Write, Written
from services.invitations import INVITATION
from services.memberships import MEMBERSHIP
from services.products import PRODUCT
from services.token_rules import TOKEN
from services.users import USER
from services.workspaces import WORKSPACE
from tests.parity import gadgets
from tests.parity.writing import (
    test_effects,
    test_keys,
    test_new_resource,
    test_refusals,
    test_scopes,
    test_traffic,
)
from tests.parity.writing.twins import Twins, twins

Plant = Callable[[pytest.MonkeyPatch], None]
Check = Callable[[Twins], Awaitable[None]]

CATALOG = Catalog((WORKSPACE, BRAND, CATEGORY, PRODUCT, USER, MEMBERSHIP, INVITATION, TOKEN, gadgets.GADGET))
GRAPHQL = "/graphql"


@pytest.fixture(scope="module")
async def spoiled(postgres: Embedded, migrated_template: str) -> AsyncIterator[Twins]:
    """Twins that need not stay equal."""
    async with twins(postgres, migrated_template, CATALOG, gadgets.create) as made:
        yield made


# Planted on one surface


def no_scope_check_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL forgets scopes, also those that selecting the written row takes."""
    admitted = Writer._admitted

    def open_to_all(self: Writer, caller: Caller, asked: Write, permit: Any) -> Any:
        return admitted(self, caller, asked, permit if caller.instance != GRAPHQL else _nothing_more)

    patch.setattr(Writer, "_admitted", open_to_all)
    _authorise_unless(patch, lambda caller: caller.instance == GRAPHQL)


def no_scope_check_in_rest(patch: pytest.MonkeyPatch) -> None:
    """REST forgets scopes."""

    async def admit(self: Any, caller: Caller, action: Any, request: Any = None) -> None:
        return None

    patch.setattr(rest.writing.Writes, "_admit", admit)
    _authorise_unless(patch, lambda caller: caller.instance != GRAPHQL)


def _authorise_unless(patch: pytest.MonkeyPatch, excused: Callable[[Caller], bool]) -> None:
    authorise = Writer._authorise

    def forgetful(self: Writer, caller: Caller, asked: Write) -> None:
        if not excused(caller):
            authorise(self, caller, asked)

    patch.setattr(Writer, "_authorise", forgetful)


def no_precondition_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL drops `ifMatch` where there is one."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, items=tuple(map(_unconditional, asked.items))))


def no_precondition_in_rest(patch: pytest.MonkeyPatch) -> None:
    """REST drops `If-Match` where there is one."""
    _asked_by(patch, "/api", lambda asked: replace(asked, items=tuple(map(_unconditional, asked.items))))


def _unconditional(item: Item) -> Item:
    return Item(item.values, item.id, item.if_match and "*")


def no_trial_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL writes what was only to be tried."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, dry_run=False))


def no_trial_in_rest(patch: pytest.MonkeyPatch) -> None:
    """REST writes what was only to be tried, and answers as if it had not."""
    _asked_by(patch, "/api", lambda asked: replace(asked, dry_run=False))


def always_atomic_in_rest(patch: pytest.MonkeyPatch) -> None:
    """REST does all or nothing, whatever was asked for."""
    _asked_by(patch, "/api", lambda asked: replace(asked, atomic=True))


def no_merge_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL replaces maps that were to be merged."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, merge=False))


def keys_apart(patch: pytest.MonkeyPatch) -> None:
    """GraphQL keeps its keys to itself."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, key=asked.key and f"graphql-{asked.key}"))


def no_keys_in_rest(patch: pytest.MonkeyPatch) -> None:
    """REST does everything again."""
    _asked_by(patch, "/api", lambda asked: replace(asked, key=None))


def _asked_by(patch: pytest.MonkeyPatch, instance: str, change: Callable[[Write], Write]) -> None:
    write = Writer.write

    async def changed(self: Writer, caller: Caller, asked: Write, *more: Any) -> Any:
        asked = change(asked) if caller.instance.startswith(instance) else asked
        return await write(self, caller, asked, *more)

    patch.setattr(Writer, "write", changed)


def unset_is_null(patch: pytest.MonkeyPatch) -> None:
    """GraphQL clears what was left out."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, items=tuple(map(_filled, asked.items))))


def _filled(item: Item) -> Item:
    return Item({"note": None, **item.values}, item.id, item.if_match) if item.values else item


def other_event(patch: pytest.MonkeyPatch) -> None:
    """GraphQL's events are called otherwise."""
    write = Ongoing._write

    async def renamed(self: Ongoing, *given: Any) -> None:
        event = f"{given[-1]}_by_graphql" if self.caller.instance == GRAPHQL else given[-1]
        await write(self, *given[:-1], event)

    patch.setattr(Ongoing, "_write", renamed)


def other_value(patch: pytest.MonkeyPatch) -> None:
    """GraphQL answers another value than it wrote."""
    _answered_by(patch, GRAPHQL, _aged)


def _aged(item: Written) -> Written:
    document = item.document and item.document.replace(b'"updated_at":"20', b'"updated_at":"19')
    return Written(item.id, item.version, item.status, document, item.problem)


def other_tag(patch: pytest.MonkeyPatch) -> None:
    """GraphQL tags another version."""
    _answered_by(patch, GRAPHQL, _advanced)


def _advanced(item: Written) -> Written:
    return Written(item.id, item.version + 1, item.status, item.document, item.problem)


def _answered_by(patch: pytest.MonkeyPatch, instance: str, change: Callable[[Written], Written]) -> None:
    write = Writer.write

    async def changed(self: Writer, caller: Caller, *given: Any) -> Outcome:
        found = await write(self, caller, *given)
        if not caller.instance.startswith(instance):
            return found
        return replace(found, items=tuple(map(change, found.items)))

    patch.setattr(Writer, "write", changed)


def silent_repetition(patch: pytest.MonkeyPatch) -> None:
    """REST does not say that an answer is a repetition."""
    patch.setattr(rest.writing, "_replayed", lambda outcome: [])


def another_problem(patch: pytest.MonkeyPatch) -> None:
    """REST tells the same problem in other words."""
    members = Problem.members

    def reworded(self: Problem, *, instance: str, request_id: str, origin: str = "") -> dict[str, Any]:
        found = members(self, instance=instance, request_id=request_id, origin=origin)
        return found if instance == GRAPHQL else found | {"detail": f"{found['detail']} Sorry."}

    patch.setattr(Problem, "members", reworded)


def fewer_errors(patch: pytest.MonkeyPatch) -> None:
    """GraphQL tells the first invalid field alone."""
    members = Problem.members

    def first(self: Problem, *, instance: str, request_id: str, origin: str = "") -> dict[str, Any]:
        found = members(self, instance=instance, request_id=request_id, origin=origin)
        if instance == GRAPHQL and "errors" in found:
            found["errors"] = dict([next(iter(found["errors"].items()))])
        return found

    patch.setattr(Problem, "members", first)


def one_statement_more(patch: pytest.MonkeyPatch) -> None:
    """GraphQL proves the token in a statement of its own."""
    write = Writer.write

    async def proven(self: Writer, caller: Caller, *given: Any) -> Outcome:
        if caller.instance == GRAPHQL:
            await self.authenticator.confirm(caller.principal, caller.credential)
        return await write(self, caller, *given)

    patch.setattr(Writer, "write", proven)


def no_secret_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL keeps a new token for itself."""
    _answered_by(patch, GRAPHQL, _silent)


def _silent(item: Written) -> Written:
    document = item.document and re.sub(rb'"token":"[^"]*"', b'"token":null', item.document)
    return Written(item.id, item.version, item.status, document, item.problem)


def one_secret(patch: pytest.MonkeyPatch) -> None:
    """GraphQL hands out the token that REST made last."""
    mint, last = token_rules.mint, dict[str, tuple[Any, Any]]()

    async def repeat(work: Work, change: Change) -> None:
        if work.caller.instance != GRAPHQL:
            await mint(work, change)
            stored = {
                name: change.values[name] for name in ("token_prefix", "token_key", "token_hash", "precheck")
            }
            last["token"] = stored, dict(change.once)
        else:
            change.values |= last["token"][0]
            change.once |= last["token"][1]

    patch.setattr(token_rules, "mint", repeat)


def no_grace_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL does not hear for how long an old token is to last."""
    _asked_by(patch, GRAPHQL, lambda asked: replace(asked, items=tuple(map(_bare, asked.items))))


def _bare(item: Item) -> Item:
    values = {name: value for name, value in item.values.items() if name != "grace_period_hours"}
    return Item(values, item.id, item.if_match)


def anything_granted_in_graphql(patch: pytest.MonkeyPatch) -> None:
    """GraphQL lets a token grant what it does not hold."""
    judge = token_rules._judge_grants

    def lenient(work: Work, change: Change) -> None:
        if work.caller.instance != GRAPHQL:
            judge(work, change)

    patch.setattr(token_rules, "_judge_grants", lenient)


def sessions_left_behind(patch: pytest.MonkeyPatch) -> None:
    """GraphQL forgets the sessions of members."""
    follow = memberships._follow

    async def forgetful(work: Work, roles: Any) -> None:
        if work.caller.instance != GRAPHQL:
            await follow(work, roles)

    patch.setattr(memberships, "_follow", forgetful)


def accepted_invitations_taken_back(patch: pytest.MonkeyPatch) -> None:
    """GraphQL takes back what was accepted."""
    judge = invitations._judge_open

    def lenient(work: Work, change: Change) -> None:
        if work.caller.instance != GRAPHQL:
            judge(work, change)

    patch.setattr(invitations, "_judge_open", lenient)


# Lost on both surfaces alike


def no_event(patch: pytest.MonkeyPatch) -> None:
    """The newest event is lost."""
    _losing(patch, "events", "position")


def no_audit_row(patch: pytest.MonkeyPatch) -> None:
    """The newest audit row is lost."""
    _losing(patch, "audit_logs", "id")


def _losing(patch: pytest.MonkeyPatch, table: str, column: str) -> None:
    write = Ongoing._write
    last = f"(SELECT {column} FROM {table} WHERE workspace_id = $1 ORDER BY {column} DESC LIMIT 1)"
    lose = Prepared(
        Statement(f"DELETE FROM {table} WHERE workspace_id = $1 AND {column} = {last}"), ("workspace",)
    )

    # The role that serves requests may not take anything out of a log.
    leave = Prepared(
        Statement("SELECT set_config('role', 'none', true), set_config('diptych.operator', 'on', true)"), ()
    )
    come_back = Prepared(Statement("SELECT set_config('role', 'diptych_app', true)"), ())

    async def lost(self: Ongoing, *given: Any) -> None:
        await write(self, *given)
        for step in (leave, lose, come_back):
            await self.rows(step)

    patch.setattr(Ongoing, "_write", lost)


def a_loop(patch: pytest.MonkeyPatch) -> None:
    """Rows are made one by one."""
    insert = Ongoing.insert

    async def looped(
        self: Ongoing, resource: Resource, changes: Sequence[Change], event: str = "created"
    ) -> None:
        for each in changes:
            await insert(self, resource, [each], event)

    patch.setattr(Ongoing, "insert", looped)


def secrets_kept(patch: pytest.MonkeyPatch) -> None:
    """What is shown once is kept with the key."""
    outcome = bulk.outcome
    patch.setattr(bulk, "outcome", lambda *given, secrets: outcome(*given, secrets=True))


def no_undoing(patch: pytest.MonkeyPatch) -> None:
    """What a rule wrote before it refused is committed with the record of the refusal."""

    async def kept(self: Any, problem: Problem) -> None:
        if self._key is None:
            await self._work.transaction.commit()
        else:
            await self._commit_with(idempotency.kept_problem(problem, self._work.caller))

    patch.setattr(services.engine.dispatch._Attempt, "_keep_problem", kept)


def references_unseen(patch: pytest.MonkeyPatch) -> None:
    """Anything may be referred to."""
    patch.setattr(services.engine.judging, "check_readable", lambda *_: None)


def another_order(patch: pytest.MonkeyPatch) -> None:
    """What is invalid is told before a stale version."""
    against = services.engine.judging.against_stored

    def late(asked: Write, item: Item, change: Change, found: Change | None) -> None:
        against(asked, item, change, found)
        if change.invalid:
            change.problem = None

    patch.setattr(services.engine.judging, "against_stored", late)


def _on(test: Callable[..., Awaitable[None]], **given: Any) -> Check:
    name = given.pop("name", gadgets.GADGET.name)
    return lambda spoiled: test(spoiled, name, **given)


_writes = partial(_on, test_effects.test_both_surfaces_write_the_same)
_refuses = partial(_on, test_refusals.test_both_surfaces_refuse_the_same)
_scopes = _on(test_scopes.test_scopes_decide_alike)
_repeats = _on(test_keys.test_either_surface_repeats_what_the_other_did)

PLANTS: tuple[tuple[Plant, Check, str], ...] = (
    (no_scope_check_in_graphql, _scopes, r"GraphQL.* answers .* and not insufficient-scope"),
    (no_scope_check_in_rest, _scopes, r"REST answers .* and not insufficient-scope"),
    (
        no_precondition_in_graphql,
        _refuses(group="preconditions"),
        r"GraphQL.* answers success and not precondition-failed",
    ),
    (
        no_precondition_in_rest,
        _refuses(group="preconditions"),
        r"REST answers success and not precondition-failed",
    ),
    (no_trial_in_graphql, _writes(group="trials"), r"GraphQL.* changed Effect"),
    (no_trial_in_rest, _writes(group="trials"), r"REST changed Effect"),
    (
        always_atomic_in_rest,
        _refuses(group="mixtures"),
        r"REST answers .*validation-failed.* and not success",
    ),
    (no_merge_in_graphql, _writes(group="updating"), r"answer.row.details"),
    (keys_apart, _repeats, r"does not say that it is a repetition"),
    (no_keys_in_rest, _repeats, r"GraphQL.* after REST: changed Effect"),
    (unset_is_null, _writes(group="updating"), r"effect.gadgets\[0\].note is .* against None"),
    (other_event, _writes(group="creating"), r"effect.events\[0\].type is"),
    (other_value, _writes(group="creating"), r"answer.row.updated_at is"),
    (other_tag, _writes(group="creating"), r"GraphQL.* tells versions"),
    (silent_repetition, _repeats, r"REST after .* does not say that it is a repetition"),
    (another_problem, _refuses(group="nowhere"), r"answer.problem.detail is .* Sorry"),
    (fewer_errors, _refuses(group="values"), r"GraphQL.* accuses"),
    (
        one_statement_more,
        _on(test_traffic.test_both_surfaces_take_the_same_statements),
        r"'REST': \(., 3\), 'GraphQL': \(., 4\)",
    ),
    (no_secret_in_graphql, _writes(group="creating", name="token"), r"GraphQL.* shows no secret"),
    (one_secret, _writes(group="creating", name="token"), r"the secret token is the same"),
    (no_grace_in_graphql, _writes(group="acting", name="token"), r"effect.tokens\[.\].expires_at is"),
    (
        anything_granted_in_graphql,
        _on(test_scopes.test_scopes_decide_alike, name="token"),
        r"answer.problem is .*insufficient-scope.* against None",
    ),
    (sessions_left_behind, _writes(group="acting", name="membership"), r"effect.grown.events is 2 against 1"),
    (
        sessions_left_behind,
        _writes(group="updating", name="membership"),
        r"effect.grown.events is 2 against 1",
    ),
    (
        accepted_invitations_taken_back,
        _writes(group="states", name="invitation"),
        r"answer.problem is .*conflict.* against None",
    ),
    (no_event, _writes(group="creating"), r"REST wrote .* with events \{\} and audit rows \{'"),
    (no_audit_row, _writes(group="creating"), r"REST wrote .* and audit rows \{\}"),
    (a_loop, _on(test_traffic.test_a_hundred_rows_take_as_many_statements_as_one), r"create: \{1: "),
    (secrets_kept, _writes(group="keyed"), r"REST tells a secret in idempotency_records"),
    (
        secrets_kept,
        _writes(group="keyed", name="token"),
        r"tokens: rotate: .*REST tells a secret in idempotency_records",
    ),
    (
        no_undoing,
        test_new_resource.test_nothing_stays_of_what_a_rule_wrote_before_it_refused,
        "changed Effect",
    ),
    (
        references_unseen,
        _on(test_scopes.test_what_may_not_be_read_may_not_be_referred_to, name=PRODUCT.name),
        r"answers success and not validation-failed",
    ),
    (
        another_order,
        _refuses(group="preconditions"),
        r"answers .*validation-failed.* and not precondition-failed",
    ),
)
"""Divergences and losses, each with a test that must notice it, and what that test must say."""


@pytest.mark.parametrize(("plant", "check", "said"), PLANTS, ids=[plant.__name__ for plant, *_ in PLANTS])
async def test_a_planted_divergence_is_found(
    spoiled: Twins, monkeypatch: pytest.MonkeyPatch, plant: Plant, check: Check, said: str
) -> None:
    """The same tests pass without the divergence, as the rest of this suite shows."""
    plant(monkeypatch)
    with pytest.raises(pytest.fail.Exception, match=said):
        await check(spoiled)
