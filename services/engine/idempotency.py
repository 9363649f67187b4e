"""Idempotency: what makes two calls the same, and how an outcome is kept for the next one (C-49 to C-51)."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from db.driver import Row
from db.execute import Call
from db.queries import idempotency as queries
from services.engine.context import Caller
from services.engine.encoding import identifier
from services.engine.errors import Invalid, Problem, Slug, bad_request, conflict
from services.engine.work import Change
from services.engine.writing import Item, Outcome, Write, Written

# Documents come first, so that they are found again without being read.
_DOCUMENTS = b'{"documents":['
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# What is wrong with the caller or with the server now may not be so for the next call.
_NEVER_KEPT = frozenset(
    {
        Slug.INVALID_TOKEN,
        Slug.INSUFFICIENT_SCOPE,
        Slug.RATE_LIMIT_EXCEEDED,
        Slug.PAYMENT_REQUIRED,
        Slug.FEATURE_LIMIT_REACHED,
    }
)


def key_of(text: str) -> str:
    """Return an idempotency key as it was sent; raises the 400 problem if it is none."""
    if _KEY.fullmatch(text):
        return text
    raise bad_request("An Idempotency-Key has 1 to 255 visible ASCII characters.")


def fingerprint(asked: Write, changes: list[Change]) -> bytes:
    """Return what is the same for two calls that ask for the same, on whichever surface, in hexadecimal."""
    items = [
        (
            item.id and (identifier(item.id) or item.id),
            item.if_match and item.if_match.strip('"'),
            {**change.values, **change.inputs} if change.inputs else change.values,
            _refused(item, change) if change.invalid else None,
        )
        for item, change in zip(asked.items, changes, strict=True)
    ]
    whole = (asked.resource.name, asked.action.name, asked.bulk, asked.atomic, asked.merge, items)
    canonical = orjson.dumps(whole, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest().encode()


def claiming(key: bytes) -> tuple[Call, Call]:
    """Return the statements that claim a key and look for what an earlier call has kept under it."""
    return Call(queries.LOCK, (key,)), Call(queries.FIND, (key,))


def earlier(mine: bytes, lock: list[Row], record: list[Row]) -> bytes | None:
    """Return what an earlier call with this fingerprint has kept, None if there was none.

    Raises the 409 problem while that call still runs, and the 422 one if it asked for something else.
    """
    if lock[0][0] != b"t":
        raise conflict("The first request with this idempotency key is still running.", retry_after=1)
    if not record:
        return None
    known, kept = record[0]
    if known != mine:
        detail = "The idempotency key was used before for something else; use a new key."
        raise Problem(Slug.IDEMPOTENCY_KEY_MISMATCH, detail)
    return kept or b""


def keeping(key: bytes | None, mine: bytes, kept: bytes) -> Call:
    """Return the statement that keeps an outcome under a key."""
    return Call(queries.KEEP, (key, mine, kept))


def _refused(item: Item, change: Change) -> dict[str, Any]:
    """Return what was sent for the fields that could not be read."""
    return {name: item.values.get(name.partition(".")[0]) for name in change.invalid}


def may_keep(problem: Problem) -> bool:
    """Tell whether a refusal is the answer to this call for good."""
    return problem.slug not in _NEVER_KEPT and problem.kind.status < 500 and problem.retry_after is None


def kept_outcome(outcome: Outcome, caller: Caller) -> bytes:
    """Return what is kept of a success; it holds no secret, as documents hold none."""
    documents = b",".join([item.document for item in outcome.items if item.document is not None])
    items = orjson.dumps([_kept_item(item, caller) for item in outcome.items])
    return b'%b%b],"items":%b}' % (_DOCUMENTS, documents, items)


def kept_problem(problem: Problem, caller: Caller) -> bytes:
    """Return what is kept of a refusal, with where and under which id it was made."""
    return orjson.dumps({"problem": _kept_problem(problem, caller)})


def kept_answer(document: Any) -> bytes:
    """Return what is kept of a procedure's answer, from which secrets have been taken."""
    return orjson.dumps({"answer": document})


def answer_of(kept: bytes) -> Any:
    """Return the answer that was kept; raises the problem that was."""
    found = orjson.loads(kept)
    if "problem" in found:
        raise _problem(found["problem"])
    return found["answer"]


def outcome_of(kept: bytes) -> Outcome:
    """Return the outcome that was kept, as a repetition; raises the problem that was."""
    found = orjson.loads(kept)
    if "problem" in found:
        raise _problem(found["problem"])
    return Outcome(tuple(_items(kept, found["items"])), replayed=True)


def _kept_item(item: Written, caller: Caller) -> tuple[Any, ...]:
    size = None if item.document is None else len(item.document)
    problem = None if item.problem is None else _kept_problem(item.problem, caller)
    return item.id, item.version, item.status, size, problem


def _items(kept: bytes, items: list[list[Any]]) -> Iterator[Written]:
    """Return what was kept of each item, its document byte by byte as it was."""
    start = len(_DOCUMENTS)
    for id_, version, status, size, problem in items:
        document = None
        if size is not None:
            document = kept[start : start + size]
            start += size + 1
        yield Written(id_, version, status, document, None if problem is None else _problem(problem))


def _kept_problem(problem: Problem, caller: Caller) -> dict[str, Any]:
    return {
        "slug": str(problem.slug),
        "detail": problem.detail,
        "invalid": {name: [(e.code, e.message) for e in found] for name, found in problem.invalid.items()},
        "extensions": {"instance": caller.instance, "request_id": caller.request_id, **problem.extensions},
    }


def _problem(kept: dict[str, Any]) -> Problem:
    invalid = {name: [Invalid(*each) for each in found] for name, found in kept["invalid"].items()}
    return Problem(Slug(kept["slug"]), kept["detail"], invalid, kept["extensions"], replayed=True)
