"""The transaction of one write: what rules and the engine itself do in it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import orjson

from db import writing
from db.constraints import references
from db.driver import Row
from db.execute import Call, Prepared, Transaction, prepared
from db.queries.audit_logs import NOTE
from db.query import Object
from services.engine import encoding
from services.engine.context import Caller
from services.engine.deployment import Deployment
from services.engine.resource import Action, Resource
from services.engine.stored import stored_values
from services.engine.work import Change

_LONGEST_ADDRESS = 64


@dataclass(frozen=True)
class Statements:
    """The statements that write one resource, whose rows are answered as `document`."""

    resource: Resource
    document: Object

    @cached_property
    def insert(self) -> Prepared:
        """Return the one that makes rows."""
        return prepared(writing.inserting(self.document, self.resource.name))

    @cached_property
    def update(self) -> Prepared:
        """Return the one that changes rows."""
        return prepared(writing.changing(self.document, self.resource.name))

    @cached_property
    def show(self) -> Prepared:
        """Return the one that shows rows as they are."""
        return prepared(writing.showing(self.document))

    @cached_property
    def load(self) -> Prepared:
        """Return the one that locks and reads rows, and locks what they belong to for good before them."""
        known = references(self.resource.model)
        fixed = tuple(field.name for field in self.resource.writable if field.fixed and field.name in known)
        return prepared(writing.loading(self.resource.model, fixed))

    @cached_property
    def check(self) -> Prepared | None:
        """Return the one that finds taken values and missing references, None where there can be none."""
        found = writing.checking(self.resource.model)
        return None if found is None else prepared(found)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Return what a new row holds where nothing else is said, by column."""
        facts = self.resource.facts.items()
        # Names of columns are no plain texts, which JSON insists on.
        return {str(name): each.default for name, each in facts if each.default is not None}

    @cached_property
    def checked(self) -> frozenset[str]:
        """Return the columns whose values the check looks at."""
        return writing.checked(self.resource.model)


class Ongoing:
    """One write in its transaction (`services.engine.work.Work`)."""

    def __init__(
        self,
        transaction: Transaction,
        caller: Caller,
        action: Action,
        deployment: Deployment,
        statements: Callable[[Resource], Statements],
    ) -> None:
        self.caller, self.action, self.deployment = caller, action, deployment
        self.transaction = transaction
        self._statements = statements
        self._last: list[Callable[[], Awaitable[None]]] = []

    async def rows(self, prepared: Prepared, *parameters: bytes | None) -> list[Row]:
        """Return the rows of one statement of `db.queries`; its workspace is filled in."""
        return (await self.transaction.run(Call(prepared, parameters)))[0]

    async def load(
        self, resource: Resource, ids: Iterable[str], *, deleted: bool = False
    ) -> dict[str, Change]:
        """Return live rows by id, or `deleted` ones, locked until the end, ready to be changed."""
        found = await self.transaction.run(self.loading(resource, ids))
        every = loaded(resource, found[0]).items()
        return {
            id_: each for id_, each in every if ((each.stored or {})["deleted_at"] is not None) == deleted
        }

    def new(self, resource: Resource, values: dict[str, Any]) -> Change:
        """Return a new row with these valid values, and the defaults for the rest, not yet written."""
        return Change(encoding.new_identifier(), {**self._statements(resource).defaults, **values})

    async def insert(self, resource: Resource, changes: Sequence[Change], event: str = "created") -> None:
        """Write new rows with their events and audit rows."""
        defaults = self._statements(resource).defaults
        rows = [_columns(resource, {**defaults, **each.values, "id": each.id}) for each in changes]
        await self._write(self._statements(resource).insert, resource, changes, rows, event)

    async def update(self, resource: Resource, changes: Sequence[Change], event: str = "updated") -> None:
        """Write loaded rows with their events and audit rows."""
        rows = [_columns(resource, {**each.values, "id": each.id}) for each in changes]
        await self._write(self._statements(resource).update, resource, changes, rows, event)

    def afterwards(self, resource: Resource, changes: Sequence[Change], event: str = "updated") -> None:
        """Write loaded rows once those of the action are written, so that their documents show these."""
        self._last.append(partial(self.update, resource, changes, event))

    def then(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step once the rows of the action itself are written."""
        self._last.append(step)

    def within(self, workspace_id: str) -> AbstractContextManager[None]:
        """Act in another workspace meanwhile; nothing but the rule keeps the caller out of it."""
        return self.transaction.within(workspace_id)

    def note(
        self,
        action: str,
        resource: str,
        resource_id: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        user_id: str | None = None,
    ) -> None:
        """Write an audit row, and no event, of account data that is no row of a resource."""
        request, user, address = actor(self.caller)
        who = user if user_id is None else user_id.encode()
        documents = [None if each is None else orjson.dumps(each, default=str) for each in (before, after)]
        told = [action.encode(), resource.encode(), resource_id.encode(), who, address, request]
        self.transaction.defer(Call(NOTE, [*told, *documents]))

    async def finish(self) -> None:
        """Take the steps that were to be taken last."""
        for step in self._last:
            await step()

    async def show(self, resource: Resource, changes: Sequence[Change]) -> None:
        """Fill in the documents of rows that stay as they are."""
        ids = encoding.text_array(each.id for each in changes)
        _tell(await self.rows(self._statements(resource).show, ids), changes)

    async def _write(
        self,
        statement: Prepared,
        resource: Resource,
        changes: Sequence[Change],
        rows: list[dict[str, Any]],
        event: str,
    ) -> None:
        if changes:
            kind = f"{resource.name}.{event}".encode()
            told = await self.rows(statement, _json(rows), kind, *actor(self.caller))
            _tell(told, changes)

    # What the engine asks before

    def loading(self, resource: Resource, ids: Iterable[str]) -> Call:
        """Return the call that locks and reads rows."""
        return Call(self._statements(resource).load, [encoding.text_array(ids)])

    def checking(self, resource: Resource, changes: Sequence[Change]) -> Call | None:
        """Return the call that judges uniqueness and references of the values to be written, if it must."""
        statements = self._statements(resource)
        check, looked_at = statements.check, statements.checked
        rows = [{name: each.values[name] for name in looked_at if name in each.values} for each in changes]
        if check is None or not any(rows):
            return None
        for row, each in zip(rows, changes, strict=True):
            # What cannot be an id is refused already, and clashes with no row.
            row["id"] = None if "id" in each.invalid else each.id
        return Call(check, [_json(rows)])


def loaded(resource: Resource, rows: Sequence[Row]) -> dict[str, Change]:
    """Return loaded rows, deleted ones too, ready to be changed, by id."""
    found = (
        Change(
            encoding.decoded(id_),
            {},
            stored_values(resource, orjson.loads(stored or b"{}")),
            int(version or 0),
        )
        for id_, version, stored in rows
    )
    return {each.id: each for each in found}


def actor(caller: Caller) -> tuple[bytes, bytes | None, bytes | None]:
    """Return what audit rows say of who acts, beside the token: the request's id, user and address."""
    user = caller.principal.user_id
    address = caller.address[:_LONGEST_ADDRESS].encode() or None
    return caller.request_id.encode(), None if user is None else user.encode(), address


def _columns(resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    # What a row embeds, and what its answer alone shows, is no column of its own.
    if values.keys() <= resource.settable:
        return values
    return {name: value for name, value in values.items() if name in resource.settable}


def _json(rows: list[dict[str, Any]]) -> bytes:
    # Decimals go as texts, which PostgreSQL reads without losing a digit.
    return orjson.dumps(rows, default=str)


def _tell(rows: Sequence[Row], changes: Sequence[Change]) -> None:
    told = {row[0]: row for row in rows}
    for each in changes:
        _, version, each.document = told[each.id.encode()]
        each.version = int(version or 0)
