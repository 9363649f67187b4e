"""One write in its transaction, as the rules of the resources see it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from db.driver import Row
from db.execute import Prepared
from services.engine.context import Caller
from services.engine.deployment import Deployment
from services.engine.errors import Invalid, Problem
from services.engine.resource import Action, Resource


@dataclass(slots=True)
class Change:
    """One row on its way: what is stored, what was sent, and what will be written.

    `values` are the valid values by column, which a rule may complete or alter; `stored` is the row before,
    None where a new one is made. `invalid` collects what is wrong by field, and `problem` refuses the row
    as a whole; `extensions` are further members of the problem that `invalid` becomes. `index` is its place
    in a bulk request. `document` is the row as JSON once it is written. `generated` counts the attempts at
    values that fallbacks made, and `once` holds what the answer alone shows of fields that are shown once,
    where that is not what is stored. `inputs` are those of the action, and `answer` is another row that is
    answered in place of this one.
    """

    id: str
    values: dict[str, Any]
    stored: dict[str, Any] | None = None
    version: int = 0
    index: int | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    invalid: dict[str, list[Invalid]] = field(default_factory=dict)
    problem: Problem | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    document: bytes | None = None
    generated: dict[str, int] = field(default_factory=dict)
    once: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    answer: "Change | None" = None

    @property
    def after(self) -> Mapping[str, Any]:
        """Return the row as it will be."""
        return self.values if self.stored is None else {**self.stored, **self.values}

    @property
    def good(self) -> bool:
        """Tell whether nothing has been found wrong so far."""
        return self.problem is None and not self.invalid

    def refuse(self, name: str, found: Invalid) -> None:
        """Say that a field is invalid."""
        self.invalid.setdefault(name, []).append(found)


class Work(Protocol):
    """What a rule may do within the transaction of its action; nothing of it stays if the action fails.

    Rules get every change of a request at once, so that a hundred rows take as many statements as one; those
    that are refused already are left out.
    """

    caller: Caller
    action: Action
    deployment: Deployment

    async def rows(self, prepared: Prepared, *parameters: bytes | None) -> list[Row]:
        """Return the rows of one statement of `db.queries`; its workspace is filled in."""

    async def load(
        self, resource: Resource, ids: Iterable[str], *, deleted: bool = False
    ) -> dict[str, Change]:
        """Return live rows by id, or `deleted` ones, locked until the end, ready to be changed.

        Rows that are missing are left out.
        """

    def new(self, resource: Resource, values: dict[str, Any]) -> Change:
        """Return a new row with these valid values, and the defaults for the rest, not yet written."""

    async def insert(self, resource: Resource, changes: Sequence[Change], event: str = "created") -> None:
        """Write new rows beside those of the action itself, with their events and audit rows."""

    async def update(self, resource: Resource, changes: Sequence[Change], event: str = "updated") -> None:
        """Write loaded rows beside those of the action itself, with their events and audit rows.

        A row is deleted by the value of `deleted_at`.
        """

    def afterwards(self, resource: Resource, changes: Sequence[Change], event: str = "updated") -> None:
        """Write loaded rows once those of the action are written, so that their documents show these."""

    def then(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step once the rows of the action itself are written."""

    def within(self, workspace_id: str) -> AbstractContextManager[None]:
        """Act in another workspace meanwhile; nothing but the rule keeps the caller out of it."""

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
        """Write an audit row, and no event, of account data that is no row of a resource.

        `action` and `resource` are as in other audit rows, such as `user.password_changed` and `user`. The
        row is written with the next statement or the commit, and takes no round trip. `user_id` is who did it
        where the caller has not said who they are, as at a login. Secrets have no place in it.
        """
