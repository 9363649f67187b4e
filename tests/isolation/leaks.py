"""Leaks planted on purpose, each the kind of slip that a careless change would make."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

import db.compile
import db.execute
import db.outputs
import rest.router
import schema.loaders
import services.engine.binding
from db import tenancy, writing
from db.driver import Statement
from db.execute import Prepared
from db.queries import idempotency
from rest.http import Request, Response
from services.engine.dispatch import Writer
from services.engine.encoding import identifier
from services.engine.errors import Problem, bad_request
from services.engine.read import Reader
from services.engine.transaction import Ongoing
from services.engine.versions import tag
from tests.isolation.dropped import uncached, unfenced

Plant = Callable[[pytest.MonkeyPatch], None]

_log = logging.getLogger("diptych")


@dataclass(frozen=True, slots=True)
class Leak:
    """One planted leak, what the machine must say of it, and the settings under which it can happen."""

    plant: Plant
    said: str
    settings: Mapping[str, Any]


def no_fence_on_nested_rows(patch: pytest.MonkeyPatch) -> None:
    """Rows below a row are found whosever they are, and so is the row above them."""
    _unchecked(patch)
    visible, owner = db.outputs.visible, db.compile._owner

    def below(node: Any, source: Any, parent: Any) -> Any:
        fenced, *others = visible(node, source, parent)
        return [fenced if node.via is None or parent is None else unfenced(source), *others]

    def above(node: Any, parent: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(tenancy, "fence", unfenced)
            return owner(node, parent)

    patch.setattr(db.outputs, "visible", below)
    patch.setattr(db.compile, "visible", below)
    patch.setattr(db.compile, "_owner", above)


def no_fence_on_single_rows(patch: pytest.MonkeyPatch) -> None:
    """A row is found by its id, whosever it is."""
    _unchecked(patch)
    identified = db.compile._identified

    def anywhere(source: Any, id_: Any, hidden: bool) -> Any:
        return [unfenced(source), *identified(source, id_, hidden)[1:]]

    patch.setattr(db.compile, "_identified", anywhere)


def _unchecked(patch: pytest.MonkeyPatch) -> None:
    """Let statements without a fence pass."""
    patch.setattr(tenancy, "check", lambda statement: None)
    uncached(patch, db.compile, db.execute, writing)


def one_loader_for_all(patch: pytest.MonkeyPatch) -> None:
    """Rows that a request has loaded are remembered for the next one."""
    row, remembered = schema.loaders.Loaders.row, dict[tuple[str, str], Any]()

    async def known(self: Any, resource: Any, id_: str) -> Any:
        found = remembered.get((resource.name, id_)) or await row(self, resource, id_)
        remembered[resource.name, id_] = found
        return found

    patch.setattr(schema.loaders.Loaders, "row", known)


def answers_remembered_for_all(patch: pytest.MonkeyPatch) -> None:
    """What was read is remembered by what was asked, and not by who asked."""
    run, remembered = Reader._run, dict[Any, Any]()

    async def known(self: Any, caller: Any, calls: Any) -> Any:
        key = tuple((call.prepared.statement.text, tuple(call.slots)) for call in calls)
        found = await run(self, caller, calls)
        earlier = remembered.setdefault(key, found)
        # The version of the token is still one's own.
        return [[(mine[0][0], *rows[0][1:]), *rows[1:]] for mine, rows in zip(found, earlier, strict=True)]

    patch.setattr(Reader, "_run", known)


def cursors_told_in_errors(patch: pytest.MonkeyPatch) -> None:
    """Whoever sends a cursor of another query hears where it points."""
    bind = services.engine.binding.Plan.bind

    def telling(self: Any, values: Any, codec: Any, now: float) -> Any:
        try:
            return bind(self, values, codec, now)
        except Problem as problem:
            keys = [value.keys for value in values if hasattr(value, "keys") and hasattr(value, "query")]
            if "cursor" not in problem.detail or not keys:
                raise
            raise bad_request(f"{problem.detail} It points at {keys}.") from None

    patch.setattr(services.engine.binding.Plan, "bind", telling)


def bodies_logged(patch: pytest.MonkeyPatch) -> None:
    """What is to be written is logged."""
    write = Writer.write

    async def told(self: Any, caller: Any, asked: Any, *more: Any) -> Any:
        _log.info("writing %s", [item.values for item in asked.items])
        return await write(self, caller, asked, *more)

    patch.setattr(Writer, "write", told)


def events_of_strangers(patch: pytest.MonkeyPatch) -> None:
    """An event is also written for another workspace."""
    write = Ongoing._write
    strangers = "FROM workspaces WHERE id <> $1 AND parent_workspace_id IS NULL"
    another = f"(SELECT id {strangers} ORDER BY slug DESC LIMIT 1)"
    event = Prepared(
        Statement(
            "INSERT INTO events (workspace_id, type, resource_id, data)"
            f" SELECT {another}, 'brand.created', gen_random_uuid(), '{{}}' WHERE {another} IS NOT NULL"
        ),
        ("workspace",),
    )

    async def told(self: Any, *given: Any) -> None:
        await write(self, *given)
        await self.rows(event)

    patch.setattr(Ongoing, "_write", told)


def tags_compared_first(patch: pytest.MonkeyPatch) -> None:
    """Whether a row is unchanged is looked up by its id alone, before anything else is asked."""
    answer = rest.router.Rest._answer

    async def known(self: Any, caller: Any, request: Request) -> Response:
        asked = request.headers.get(b"if-none-match")
        resource = self._catalog.by_path.get(request.segments[0])
        id_ = identifier(request.segments[-1])
        if asked and resource is not None and id_ is not None and request.method == "GET":
            statement = Statement(f"SELECT version FROM {resource.model.__tablename__} WHERE id = $1")
            for (version,) in await self._reader._database.driver.fetch(statement, (id_.encode(),)):
                if tag(id_, int(version)).encode() == asked:
                    return Response(304, [(b"etag", asked)])
        return await answer(self, caller, request)

    patch.setattr(rest.router.Rest, "_answer", known)


def values_taken_anywhere(patch: pytest.MonkeyPatch) -> None:
    """A value is taken if any workspace has it, and the refusal says so."""
    _unchecked(patch)
    taken = writing._taken

    def anywhere(target: Any, sent: Any, names: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(tenancy, "fence", unfenced)
            return taken(target, sent, names)

    patch.setattr(writing, "_taken", anywhere)


def keys_shared(patch: pytest.MonkeyPatch) -> None:
    """What was kept under an idempotency key is for whoever brings the key."""
    text = idempotency.FIND.statement.text.replace("workspace_id = $1", "$1::uuid IS NOT NULL")
    assert text != idempotency.FIND.statement.text
    patch.setattr(idempotency, "FIND", replace(idempotency.FIND, statement=Statement(text)))


def no_fence_on_written_rows(patch: pytest.MonkeyPatch) -> None:
    """Rows are written by their ids, whosever they are."""
    _unchecked(patch)
    for name in ("loading", "changing", "showing"):
        patch.setattr(writing, name, _without_fence(getattr(writing, name)))


def _without_fence(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(*given: Any, **named: Any) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(tenancy, "fence", unfenced)
            return make(*given, **named)

    return made


_OFF: Mapping[str, Any] = {"rls": "off"}

LEAKS: tuple[Leak, ...] = (
    Leak(no_fence_on_nested_rows, r"of another workspace is in the body|tells what others have: \(200", {}),
    Leak(no_fence_on_single_rows, "of another workspace is in the body", {}),
    Leak(one_loader_for_all, r"of another workspace is in the body|tells what others have: \(200", {}),
    Leak(answers_remembered_for_all, "of another workspace is in the body", {}),
    Leak(cursors_told_in_errors, "of another workspace is in the body", {}),
    Leak(bodies_logged, "is in the log", {}),
    Leak(events_of_strangers, "a row of events of another workspace was written", _OFF),
    Leak(tags_compared_first, r"tells what others have: \(304", {}),
    Leak(values_taken_anywhere, "the answer tells what others have", {}),
    Leak(keys_shared, "the answer tells what others have|of another workspace is in", {}),
    Leak(no_fence_on_written_rows, "of another workspace (was written|was locked|is in the body)", _OFF),
)
"""Every leak that the machine must find."""
