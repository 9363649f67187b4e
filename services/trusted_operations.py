"""Trusted operations: GraphQL documents registered ahead, to be run by the hash of their text."""

import hashlib
from collections.abc import Sequence

from db.models import OperationKind, TrustedOperation
from db.queries import trusted_operations as queries
from services.engine.deployment import JudgedOperation
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid
from services.engine.registered import not_trusted
from services.engine.resource import Action, ActionKind, Field, Resource
from services.engine.work import Change, Work

_EXAMPLE = "query Orders { orders(first: 10) { nodes { number } } } # web"
_KNOWN = Invalid("already_taken", "This very text is registered already.")


def sha256_of(text: str) -> str:
    """Return the hash that clients send in place of a text: SHA-256 of its UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


async def register(work: Work, changes: Sequence[Change]) -> None:
    """Register documents that could run as they are, each once."""
    _refuse_the_bound(work, changes)
    good = [each for each in changes if each.good]
    for each in good:
        judged = await work.deployment.judge_operation(each.values["text"])
        if isinstance(judged, JudgedOperation):
            each.values |= {
                "name": judged.name,
                "kind": judged.kind,
                "sha256": sha256_of(each.values["text"]),
            }
            continue
        for found in judged:
            each.refuse("text", found)
    await _refuse_known(work, [each for each in good if each.good])


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Change what operations are filed under, or take them away: they run no more from the next request."""
    _refuse_the_bound(work, changes)


def _refuse_the_bound(work: Work, changes: Sequence[Change]) -> None:
    """Refuse whoever may run trusted operations alone: they would decide themselves what that is."""
    if work.caller.principal.trusted_only:
        for each in changes:
            each.problem = not_trusted("A token bound to trusted operations cannot change which there are.")


async def _refuse_known(work: Work, changes: Sequence[Change]) -> None:
    if not changes:
        return
    found = await work.rows(queries.KNOWN, text_array(each.values["sha256"] for each in changes))
    seen = {decoded(row[0]) for row in found}
    for each in changes:
        if each.values["sha256"] in seen:
            each.refuse("text", _KNOWN)
        seen.add(each.values["sha256"])


TRUSTED_OPERATION = Resource(
    name="trusted_operation",
    plural="trusted_operations",
    model=TrustedOperation,
    doc="A GraphQL document that was registered ahead, to be run by the hash of its text.",
    fields=(
        Field(
            "name",
            "Name of the operation, as its text says.",
            filterable=True,
            sortable=True,
            example="Orders",
        ),
        Field("kind", "Whether it reads or writes.", filterable=True, enum=OperationKind),
        Field(
            "sha256",
            "SHA-256 of the text in 64 hexadecimal digits, unique in the workspace; what clients send.",
            filterable=True,
        ),
        Field(
            "text",
            "The GraphQL document, byte for byte as clients hash it: one operation with a name, and the "
            "fragments that it spreads.",
            writable=True,
            required=True,
            fixed=True,
            exact=True,
            example=_EXAMPLE,
        ),
        Field(
            "client",
            "Which program sends it, such as `web@1.4`.",
            writable=True,
            filterable=True,
            example="web@1.4",
        ),
    ),
    actions=(
        Action(
            ActionKind.CREATE,
            "create",
            "created",
            "Register a document, which must be one that would run as it is.",
            register,
        ),
        Action(ActionKind.UPDATE, "update", "updated", "Change what it is filed under.", change),
        Action(ActionKind.DELETE, "delete", "deleted", "Take it away; the next request hears so.", change),
    ),
)
