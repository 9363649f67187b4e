"""A hundred calls at once with one idempotency key: one takes effect, the others hear of it or wait."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.calling import Line
from tests.faults.ledger import Ledger
from tests.faults.mutants import Mutant
from tests.faults.operations import ORDER, PRODUCT, Answer, Operation, Surface, send
from tests.faults.reckoning import Findings, reckon
from tests.faults.serving import Serving
from tests.faults.stage import crowds

# What differs between an answer and its repetition.
_OWN = frozenset({"date", "x-request-id", "idempotency-replayed"})


@dataclass(slots=True)
class Rush:
    """What became of all calls; `slowest_refusal` and `slowest_answer` are in seconds."""

    keys: int = 0
    calls: int = 0
    originals: int = 0
    replays: int = 0
    told_to_wait: int = 0
    others: Counter[int] = field(default_factory=Counter)
    """Answers that are none of these, by status."""
    unlike: int = 0
    """Replays that are not byte by byte what the first caller was answered."""
    slowest_refusal: float = 0.0
    slowest_answer: float = 0.0
    findings: Findings = field(default_factory=Findings)


async def rush(
    dsn: str,
    server: Serving,
    keys: int,
    *,
    callers: int = 100,
    surfaces: Sequence[Surface] = (Surface.REST,),
    mutant: Mutant | None = None,
) -> Rush:
    """Send so many keys, each by all callers at once, over the surfaces in turn, to two server processes."""
    found = Rush(keys)
    (crowd,) = crowds(dsn, 1)
    async with server.running(2, mutant):
        lines = [Line(server.port, crowd.token) for _ in range(callers)]
        for number in range(keys):
            asked = _operation(number)
            calls = (_timed(line, surfaces[n % len(surfaces)], asked, found) for n, line in enumerate(lines))
            answers = await asyncio.gather(*calls)
            # Once the rush is over, every caller is answered.
            answers += [await _timed(lines[0], surface, asked, found) for surface in surfaces]
            _judge(asked, answers, crowd.ledger, found)
        for line in lines:
            line.close()
    found.findings = reckon(dsn, [crowd.ledger])
    return found


def _operation(number: int) -> Operation:
    """Return one of three: a product, an order with lines, many products."""
    key, marker = f"key-{number}", f"row {number}"
    product = {"name": marker, "metadata": {"marker": marker}}
    match number % 3:
        case 0:
            return Operation(PRODUCT, "create", product, key=key)
        case 1:
            line = {"name": "a line", "quantity": 1, "unit_price_cents": 100}
            values = {"currency": "EUR", "metadata": {"marker": marker}, "line_items": [line]}
            return Operation(ORDER, "create", values, key=key)
    return Operation(PRODUCT, "create", items=[product] * 20, key=key)


async def _timed(line: Line, surface: Surface, asked: Operation, found: Rush) -> tuple[Surface, Answer]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await send(line, surface, asked)
    took = loop.time() - began
    found.calls += 1
    found.slowest_answer = max(found.slowest_answer, took)
    if answer.passing:
        found.slowest_refusal = max(found.slowest_refusal, took)
    return surface, answer


def _judge(asked: Operation, answers: list[tuple[Surface, Answer]], ledger: Ledger, found: Rush) -> None:
    """Count the answers to one key, and enter what was acknowledged."""
    successes = [(surface, answer) for surface, answer in answers if answer.status == 201]
    firsts = [each for each in successes if not each[1].replayed]
    found.originals += len(firsts)
    found.replays += len(successes) - len(firsts)
    for _, answer in answers:
        if answer.status == 409 and answer.passing:
            found.told_to_wait += 1
        elif answer.status != 201:
            found.others[answer.status] += 1
    for surface in Surface:
        seen = {_lasting(answer, surface) for each, answer in successes if each is surface}
        found.unlike += max(len(seen) - 1, 0)
    rows = {tuple(row.id for row in answer.written) for _, answer in successes}
    found.unlike += len(rows) - 1
    if not rows:
        return
    ledger.keys.add(asked.key or "")
    marker = (asked.items or [asked.values])[0]["metadata"]["marker"]
    for id_ in next(iter(rows)):
        ledger.made(asked.resource.name, id_ or "", marker, lines=asked.resource is ORDER)


def _lasting(answer: Answer, surface: Surface) -> tuple[object, ...]:
    """Return what an answer and its repetitions have in common, byte by byte."""
    headers = {name: value for name, value in answer.reply.headers.items() if name not in _OWN}
    body = answer.reply.body
    if surface is Surface.GRAPHQL:
        # Here the body tells which one is the repetition.
        body = body.replace(b'"replayed":true', b'"replayed":false')
        headers.pop("content-length")
    return answer.reply.status, tuple(sorted(headers.items())), body
