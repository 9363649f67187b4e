"""Many rows in one request: what may be sent, and how the failures of some are told (C-52)."""

from collections.abc import Sequence
from typing import Any

import orjson

from services.engine.context import Caller
from services.engine.encoding import identifier
from services.engine.errors import Invalid, Problem, Slug, validation_failed
from services.engine.resource import ActionKind, Field, Shown
from services.engine.work import Change
from services.engine.writing import MOST_ITEMS, Outcome, Write, Written

_NONE = Invalid("cant_be_blank", "Send at least one.")
_TOO_MANY = Invalid("too_long", f"Send at most {MOST_ITEMS}.")
_TWICE = Invalid("already_taken", "The same row stands here twice.")
_NO_ID = Invalid("cant_be_blank", "Say which row is meant.")
_NO_UUID = Invalid("invalid_uuid", "This must be a UUID, or its 22-character short form.")
_ABSENT = Invalid("not_found", "No such row exists in this workspace.")

_PLAIN = frozenset(ActionKind) - {ActionKind.DELETE, ActionKind.ITEM}
"""The actions that answer with the rows they are about."""


def check_size(asked: Write) -> None:
    """Raise the 422 problem unless there are between one and a hundred items."""
    count = len(asked.items)
    if asked.bulk and not 0 < count <= MOST_ITEMS:
        raise validation_failed({_list_name(asked): [_TOO_MANY if count else _NONE]})


def check_ids(asked: Write, changes: Sequence[Change]) -> None:
    """Refuse the items whose ids are absent, malformed or there twice."""
    seen: set[str] = set()
    for item, change in zip(asked.items, changes, strict=True):
        if item.id is None:
            change.refuse("id", _NO_ID)
        elif identifier(item.id) is None:
            change.refuse("id", _NO_UUID)
        elif change.id in seen:
            change.refuse("id", _TWICE)
        seen.add(change.id)


def problem_of(change: Change) -> Problem:
    """Return the problem of one change that is not good."""
    return change.problem or validation_failed(change.invalid, change.extensions)


def failed(
    asked: Write, changes: Sequence[Change], problems: dict[int, Problem], caller: Caller, origin: str
) -> Problem:
    """Return the 422 problem of a request of which nothing was written, with every item's own."""
    invalid: dict[str, Sequence[Invalid]] = {}
    entries: list[dict[str, Any]] = []
    for place, change in enumerate(changes):
        problem = problems.get(place)
        entry: dict[str, Any] = {"index": place, "id": None if asked.items[place].id is None else change.id}
        if problem is None:
            entries.append({**entry, "status": "skipped"})
            continue
        invalid |= _by_path(asked, place, problem)
        members = problem.members(instance=caller.instance, request_id=caller.request_id, origin=origin)
        entries.append({**entry, "status": "failed", "error": members})
    summary = {"total": len(changes), "succeeded": 0, "failed": len(problems)}
    return validation_failed(invalid, {"data": entries, "summary": summary})


def outcome(
    asked: Write, changes: Sequence[Change], problems: dict[int, Problem], *, secrets: bool
) -> Outcome:
    """Return what became of every item; without `secrets`, fields that are shown once are null (C-51)."""
    if not problems and asked.action.kind in _PLAIN and not asked.resource.shown_by(asked.action):
        event = asked.action.event
        return Outcome(tuple([Written(each.id, each.version, event, each.document) for each in changes]))
    pairs = enumerate(changes)
    return Outcome(
        tuple(_written(asked, place, change, problems.get(place), secrets) for place, change in pairs)
    )


def _written(asked: Write, place: int, change: Change, problem: Problem | None, secrets: bool) -> Written:
    if problem is not None:
        named = asked.items[place].id is not None
        return Written(change.id if named else None, 0, "failed", problem=problem)
    answered = change.answer or change
    # Whoever may only delete is not shown what it was.
    shown = None if asked.action.kind is ActionKind.DELETE else answered.document
    more = asked.resource.shown_by(asked.action)
    if shown is not None and more:
        shown = shown[:-1] + b"," + _beside(more, answered, secrets)[1:]
    return Written(answered.id, answered.version, asked.action.event, shown)


def _beside(fields: Sequence[Field], change: Change, secrets: bool) -> bytes:
    """Return what an answer shows beside the row; what is no secret may be told again."""
    known = {**change.values, **change.once}
    told = {
        item.name: known.get(item.name) if secrets or item.shown is not Shown.ONCE else None
        for item in fields
    }
    return orjson.dumps(told, default=str)


def _by_path(asked: Write, place: int, problem: Problem) -> dict[str, Sequence[Invalid]]:
    """Return what is wrong with an item under the paths of the whole request."""
    only_id = asked.action.kind is ActionKind.DELETE
    own = f"{_list_name(asked)}.{place}"
    if problem.slug is Slug.VALIDATION_FAILED:
        return {
            own if only_id and name == "id" else f"{own}.{name}": e for name, e in problem.invalid.items()
        }
    path = own if only_id else f"{own}.id"
    if problem.slug is Slug.NOT_FOUND:
        return {path: [_ABSENT]}
    return {own: [Invalid(problem.slug.replace("-", "_"), problem.detail)]}


def _list_name(asked: Write) -> str:
    return "ids" if asked.action.kind is ActionKind.DELETE else "items"
