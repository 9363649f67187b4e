"""What a procedure is: something to be asked or done that is no row of a resource, declared once."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from db.driver import Row
from db.execute import Prepared
from services.engine.context import Caller
from services.engine.context import Visit as Visit
from services.engine.deployment import Deployment
from services.engine.deprecation import Deprecation
from services.engine.resource import Field, Shown
from services.engine.work import Work

_SEGMENT = re.compile(r"\{([a-z_]+)\}")


class Method(StrEnum):
    """How a procedure is asked over REST; what GET answers is a query over GraphQL, the rest mutations."""

    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Part:
    """A nested object of an answer, or a list of them where there are `many`.

    Over REST such a list is a map by the field `by` of its objects, where that is named.
    """

    name: str
    doc: str
    fields: tuple["Output", ...]
    many: bool = False
    by: str | None = None
    nullable: bool = False


Output: TypeAlias = Field | Part
"""One member of an answer."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A session's raw token, put into a cookie for `seconds`; an empty one takes the cookie away."""

    raw: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a procedure answers: plain values by name of its outputs, a list of such where it has many."""

    values: Any = None
    credential: Credential | None = None


class Desk(Protocol):
    """What a procedure gets that is not one transaction in one workspace.

    `caller` is None where nobody had to show a token.
    """

    visit: Visit
    deployment: Deployment
    caller: Caller | None

    async def rows(self, prepared: Prepared, *parameters: bytes | None) -> list[Row]:
        """Return the rows of one statement by itself, of tables without workspace or `across` them.

        The workspace of a caller is filled in. Raises a Problem where the database does not answer.
        """

    def work(self, workspace_id: str) -> AbstractAsyncContextManager[Work]:
        """Return a transaction in one workspace, committed when it is left without an exception."""


ProcedureRule = Callable[[Work, Mapping[str, Any]], Awaitable[Result]]
"""Takes the transaction and the valid inputs by name, and returns what is answered; raises Problems."""

DeskRule = Callable[[Desk, Mapping[str, Any]], Awaitable[Result]]
"""Takes the desk and the valid inputs by name, and returns what is answered; raises Problems."""


@dataclass(frozen=True, eq=False)
class Declared:
    """What every procedure says of itself.

    `path` lies below `/api/v1`; each `{name}` in it is an input. The other inputs of GET and DELETE are query
    parameters, those of POST members of a JSON body. An answer is `wrapped` in `data` over REST, or stands
    there by itself. It costs `cost` points. `aliases` are other paths of it.
    """

    name: str
    path: str
    doc: str
    method: Method
    _: KW_ONLY
    inputs: tuple[Field, ...] = ()
    outputs: tuple[Output, ...] = ()
    many: bool = False
    wrapped: bool = True
    status: int = 200
    cost: int = 1
    aliases: tuple[str, ...] = ()
    deprecated: Deprecation | None = None

    @cached_property
    def places(self) -> tuple[tuple[str, ...], ...]:
        """Return the segments of its path, and of each alias of that, inputs as `{name}`."""
        return tuple(tuple(path.split("/")) for path in (self.path, *self.aliases))

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """Return the names of the inputs that stand in the path."""
        return tuple(_SEGMENT.findall(self.path))

    @cached_property
    def inputs_by_name(self) -> dict[str, Field]:
        """Return the inputs by name."""
        return {field.name: field for field in self.inputs}

    @cached_property
    def has_secrets(self) -> bool:
        """Tell whether an answer shows anything only once."""
        return any(each.shown is Shown.ONCE for each in fields_of(self.outputs))


@dataclass(frozen=True, eq=False)
class Procedure(Declared):
    """A procedure in one transaction of the caller's workspace, as rules of writes are.

    Whoever has a live token may call it, unless it demands a `scope`. One that is posted `keeps` its answer
    under the caller's idempotency key, without what is shown once.
    """

    run: ProcedureRule
    _: KW_ONLY
    scope: str | None = None
    keeps: bool = True


@dataclass(frozen=True, eq=False)
class DeskProcedure(Declared):
    """A procedure that needs a live token, and perhaps a `scope`, but no transaction, or several."""

    run: DeskRule
    _: KW_ONLY
    scope: str | None = None


@dataclass(frozen=True, eq=False)
class PublicProcedure(Declared):
    """A procedure that needs no token; the client's address is charged for it."""

    run: DeskRule


AnyProcedure: TypeAlias = Procedure | DeskProcedure | PublicProcedure


def scope_of(procedure: AnyProcedure) -> str | None:
    """Return the scope that a procedure demands, None where it demands none."""
    return None if isinstance(procedure, PublicProcedure) else procedure.scope


def keeps_answers(procedure: AnyProcedure) -> bool:
    """Tell whether a procedure heeds an idempotency key."""
    return isinstance(procedure, Procedure) and procedure.keeps and procedure.method is Method.POST


def fields_of(outputs: tuple[Output, ...]) -> Iterator[Field]:
    """Yield every field of an answer, those of nested objects too."""
    for each in outputs:
        if isinstance(each, Part):
            yield from fields_of(each.fields)
        else:
            yield each
