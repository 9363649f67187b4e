"""What an operator does with tokens at the command line, by the same rules and with the same traces."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from db import provision
from db.auditing import request_id
from db.driver import Driver
from db.execute import Database
from db.migrate import operating
from db.provision import ProvisioningFailed, TokenFacts
from services import token_rules as rules
from services.catalog import CATALOG
from services.engine.access import Principal
from services.engine.context import Caller
from services.engine.deployment import Deployment
from services.engine.documents import whole_document
from services.engine.encoding import identifier
from services.engine.resource import Action, Resource
from services.engine.transaction import Ongoing, Statements
from services.engine.work import Change, Work
from services.operator import aligned
from services.token_rules import TOKEN

_NO_TOKEN = ""
_NO_CURSORS = bytes(32)

Act = Callable[[Work, Change], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class TokenOperator:
    """Manages the tokens of workspace `slug` in the database at `url`; `base` is where links begin."""

    url: str
    slug: str
    base: str
    deployment: Deployment

    def list(self, *, every: bool = False) -> Sequence[TokenFacts]:
        """Return the tokens that are not revoked, or `every` one; raises ProvisioningFailed."""
        return provision.list_tokens(self.url, self._workspace(), every=every)

    def revoke(self, id_: str) -> None:
        """End a token for good; raises ProvisioningFailed."""

        async def act(work: Work, change: Change) -> None:
            change.values["deleted_at"] = rules.moment(work)
            await rules.revoke(work, [change])

        asyncio.run(self._change(id_, "delete", act))

    def rotate(self, id_: str, grace_hours: int) -> str:
        """Return the raw text of the token that takes the place of another; raises ProvisioningFailed."""

        async def act(work: Work, change: Change) -> None:
            change.inputs["grace_period_hours"] = grace_hours
            await rules.rotate(work, [change])

        changed = asyncio.run(self._change(id_, "rotate", act))
        return str(changed.answer.once["token"]) if changed.answer else ""

    def _workspace(self) -> str:
        return provision.workspace_of(self.url, self.slug)

    async def _change(self, id_: str, name: str, act: Act) -> Change:
        """Return a token as it was changed in a transaction of its own."""
        workspace, action = self._workspace(), TOKEN.actions_by_name[name]
        driver = Driver(operating(self.url), size=1)
        try:
            async with Database(driver, _NO_CURSORS).transaction(workspace, None) as transaction:
                caller = Caller(_principal(workspace), b"", request_id(), "", time.time())
                work = Ongoing(transaction, caller, action, self.deployment, self._statements)
                change = await self._changed(work, action, identifier(id_), act)
                await transaction.commit()
        finally:
            await driver.close()
        return change

    async def _changed(self, work: Ongoing, action: Action, id_: str | None, act: Act) -> Change:
        found = await work.load(TOKEN, [id_] if id_ else [])
        if id_ is None or id_ not in found:
            raise ProvisioningFailed(f"Workspace {self.slug!r} has no such token that is not revoked.")
        change = found[id_]
        await act(work, change)
        if change.problem is not None:
            raise ProvisioningFailed(change.problem.detail)
        await work.update(TOKEN, [change], action.event)
        return change

    def _statements(self, resource: Resource) -> Statements:
        return Statements(resource, whole_document(CATALOG, resource, self.base))


def _principal(workspace: str) -> Principal:
    return Principal(_NO_TOKEN, workspace, frozenset({rules.ADMIN}), 0)


def told(rows: Sequence[TokenFacts]) -> list[str]:
    """Return tokens as lines of text, one each, columns aligned."""
    return aligned(("ID", "PREFIX", "NAME", "SCOPES", "LAST USED", "STATE"), map(_cells, rows))


def _cells(row: TokenFacts) -> tuple[str, ...]:
    used = "never" if row.last_used_at is None else _text(row.last_used_at)
    return (row.id, row.prefix, row.name, ",".join(row.scopes) or "-", used, _state(row))


def _state(row: TokenFacts) -> str:
    if row.revoked_at is not None:
        return f"revoked {_text(row.revoked_at)}"
    if row.expires_at is None:
        return "live"
    return f"{'expired' if row.expired else 'expires'} {_text(row.expires_at)}"


def _text(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
