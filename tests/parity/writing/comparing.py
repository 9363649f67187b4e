"""Writing the same through both surfaces, and holding what came of it against each other."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

from db.describe import table
from services.engine.catalog import Catalog
from services.engine.resource import Resource
from tests.parity.comparing import report
from tests.parity.neutral import differences
from tests.parity.world import OWN
from tests.parity.writing import graphql_side, rest_side
from tests.parity.writing.effects import LOGS, Canonical, Effect
from tests.parity.writing.neutral import WHATEVER, WriteCase, WriteOutcome
from tests.parity.writing.twins import Side, Twins
from tests.support.client import Answer, Client

KEYS = "idempotency_records"
_STORED_OF_SECRETS = ("_hash", "_key")
# A document that held more would be refused for its length, whatever it says.
_LONGEST_WRITTEN_OUT = 10_000


@dataclass(frozen=True, slots=True)
class Way:
    """One way to send a case: through a surface, into the database of its side."""

    name: str
    request: rest_side.Request | graphql_side.Request
    read: Callable[[WriteCase, Answer], WriteOutcome]

    @property
    def typed(self) -> bool:
        """Tell whether a type system judges what is sent before the engine does."""
        return self.read is graphql_side.outcome


@dataclass(frozen=True, slots=True)
class Sent:
    """One answer, what it left behind in the database, and both in words that twins share."""

    answer: Answer
    outcome: WriteOutcome
    effect: Effect
    plain: dict[str, Any]
    left: dict[str, Any]


def by_rest(case: WriteCase, catalog: Catalog) -> Way:
    """Return how REST is asked."""
    return Way("REST", rest_side.request(case), rest_side.outcome)


def by_graphql(case: WriteCase, catalog: Catalog, *, embedded: bool = True) -> Way:
    """Return how GraphQL is asked; every other case is written out in the document."""
    short = len(case.items) < 5 and len(str(case.items)) < _LONGEST_WRITTEN_OUT
    literal = crc32(case.label.encode()) % 2 == 0 and short and not case.in_json
    written = graphql_side.with_literals if literal else graphql_side.with_variables
    name = "GraphQL literals" if literal else "GraphQL"
    return Way(name, written(case, catalog, embedded=embedded), graphql_side.outcome)


async def send(
    twins: Twins, side: Side, client: Client, case: WriteCase, way: Way, *, embedded: bool = True
) -> Sent:
    """Send a case one way and look at what it left behind on that side."""
    mark = side.watch.mark()
    answer = await way.request.send(client)
    effect = side.watch.since(mark)
    outcome = way.read(case, answer)
    secrets = secrets_of(outcome)
    veiled = bool(outcome.once) and not secrets
    unshown = hidden(case.resource)
    rewritten = Canonical(twins.known, twins.born, mark.begun, secrets, unshown, veiled)
    plain = rewritten.value(_plain(case, outcome, embedded))
    return Sent(answer, outcome, effect, plain, rewritten.effect(effect))


def secrets_of(outcome: WriteOutcome) -> tuple[str, ...]:
    """Return the secrets that an answer shows."""
    return tuple(value for value in (outcome.once or {}).values() if isinstance(value, str))


def hidden(resource: Resource) -> frozenset[str]:
    """Return the columns that no field shows."""
    return frozenset(table(resource.model).columns.keys()) - resource.all_fields.keys() - {"workspace_id"}


def _plain(case: WriteCase, outcome: WriteOutcome, embedded: bool) -> dict[str, Any]:
    """Return an answer as far as both surfaces give it: rows of bulk requests have tags in GraphQL alone.

    Lists below the row of a trial show what is stored, so they are not selected.
    """
    found = asdict(outcome)
    if case.bulk:
        del found["versions"]
    if case.dry_run or not embedded:
        for row in (found["row"], *(entry["row"] for entry in found["entries"])):
            for name in case.resource.embedded_by_name if row else ():
                row.pop(name, None)
    return found


async def contrast(
    twins: Twins,
    case: WriteCase,
    *,
    scopes: Iterable[str] = ("all:write",),
    workspace: str = OWN,
    embedded: bool = True,
) -> tuple[list[str], WriteOutcome]:
    """Send a case both ways; return a sentence for each difference, and what REST answered."""
    ways = by_rest(case, twins.catalog), by_graphql(case, twins.catalog, embedded=embedded)
    sides = twins.rest, twins.graphql
    sent = [
        await send(
            twins, side, await twins.client(side, *scopes, workspace=workspace), case, way, embedded=embedded
        )
        for side, way in zip(sides, ways, strict=True)
    ]
    found = [text for way, one in zip(ways, sent, strict=True) for text in unlike(case, way, one)]
    if not case.typed:
        left, right = sent
        names = f"REST against {ways[1].name}"
        found += [f"{names}: answer{text}" for text in differences(left.plain, right.plain)]
        found += [f"{names}: effect{text}" for text in differences(left.left, right.left)]
        found += [f"{names}: the secret {name} is the same" for name in _equal_secrets(case, left, right)]
    return [f"{case.name}: {text}" for text in found], sent[0].outcome


def _equal_secrets(case: WriteCase, left: Sent, right: Sent) -> Iterator[str]:
    """Yield the names of secrets without a column, which chance makes, that are equal on both sides."""
    made = {item.name for item in case.resource.shown_by(case.action) if item.kind is not None}
    for name, value in (left.outcome.once or {}).items():
        if name in made and value is not None and value == (right.outcome.once or {}).get(name):
            yield name


def unlike(case: WriteCase, way: Way, sent: Sent) -> Iterator[str]:
    """Yield how one answer, or what it left behind, is not what the case asks for."""
    expected = "bad-request" if case.typed and way.typed else case.refusal
    problem = sent.outcome.problem
    if expected != WHATEVER and sent.outcome.code != expected:
        yield f"{way.name} answers {problem or 'success'} and not {expected or 'success'}"
        return
    if problem is not None:
        yield from _misnamed(case, way, problem)
    if problem is not None or case.dry_run:
        kept = sent.effect.without(KEYS) if case.key else sent.effect
        if not kept.nothing:
            yield f"{way.name} changed {kept}"
        return
    yield from (f"{way.name} {text}" for text in unsound(case, sent))


def _misnamed(case: WriteCase, way: Way, problem: dict[str, Any]) -> Iterator[str]:
    if case.typed and way.typed:
        # What is written out is named by its place in the document.
        located = "Parity" not in way.request.query
        if case.naming and not (located or any(text in problem["detail"] for text in case.naming)):
            yield f"{way.name} names none of {case.naming} in {problem['detail']!r}"
    elif case.errors is not None:
        told = problem.get("errors", {})
        expected = {path: told.get(path) if code is None else [code] for path, code in case.errors.items()}
        if told != expected or None in expected.values():
            yield f"{way.name} accuses {told} and not {case.errors}"


def unsound(case: WriteCase, sent: Sent) -> Iterator[str]:
    """Yield what is wrong with the effect of a success, whatever the other side did.

    Every row that was written has one event and one audit row for each of its new versions, made by this
    request; nothing else was written but counters and the key's record. No secret stands outside its row.
    """
    rows = sent.effect.rows
    logs = {name: rows.get(name, []) for name in ("events", "audit_logs")}
    events, audits = (Counter(row["resource_id"] for row in found) for found in logs.values())
    written = Counter(
        row["id"] for name, found in rows.items() if name not in (*LOGS, "counters") for row in found
    )
    if not (events.keys() == audits.keys() == written.keys() and events == audits):
        yield f"wrote {dict(written)} with events {dict(events)} and audit rows {dict(audits)}"
    if not written and not case.still:
        yield "wrote nothing"
    request = sent.answer.header("x-request-id")
    if {row["request_id"] for row in logs["audit_logs"]} - {request}:
        yield f"wrote audit rows of another request than {request}"
    if len(rows.get(KEYS, [])) != (case.key is not None and not sent.outcome.replayed):
        yield f"left {len(rows.get(KEYS, []))} records of keys"
    own = rows.get(table(case.resource.model).name, [])
    stored = {row["id"]: row["version"] for row in own}
    told = {id_: version for id_, version in sent.outcome.versions.items() if id_ in stored}
    if told != {id_: stored[id_] for id_ in told}:
        yield f"tells versions {told} and not {stored}"
    yield from _leaks(case, sent)
    if not sent.outcome.replayed and None in (sent.outcome.once or {}).values():
        yield f"shows no secret: {sent.outcome.once}"


def _leaks(case: WriteCase, sent: Sent) -> Iterator[str]:
    secrets = {
        str(value)
        for row in sent.effect.rows.get(table(case.resource.model).name, [])
        for name, value in row.items()
        if value is not None
        and (
            name in {each.name for each in case.resource.shown_by(case.action)}
            or (name in hidden(case.resource) and name.endswith(_STORED_OF_SECRETS))
        )
    }
    secrets.update(secrets_of(sent.outcome))
    for name in LOGS:
        told = str(sent.effect.rows.get(name, ""))
        if any(secret in told for secret in secrets):
            yield f"tells a secret in {name}"


async def all_alike(twins: Twins, cases: Iterable[WriteCase] | Any, **how: Any) -> Counter[str | None]:
    """Send every case both ways and fail with all that differ; returns how often each code was answered."""
    codes: Counter[str | None] = Counter()
    found: list[str] = []
    async for case in _each(cases):
        unequal, outcome = await contrast(twins, case, **how)
        found += unequal
        codes[outcome.code] += 1
    report(found)
    return codes


async def _each(cases: Any) -> Any:
    if hasattr(cases, "__aiter__"):
        async for case in cases:
            yield case
    else:
        for case in cases:
            yield case


def trial(case: WriteCase) -> WriteCase:
    """Return the case as one that writes nothing."""
    return replace(case, label=f"{case.label}, tried", dry_run=True)


def on(case: WriteCase, **changes: Any) -> WriteCase:
    """Return the case with other values for its only item."""
    (item,) = case.items
    return replace(case, items=(replace(item, **changes),))
