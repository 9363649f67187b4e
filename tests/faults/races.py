"""Many callers change one row at once, all naming the version they saw: each version is changed once."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from services.engine.versions import tag
from tests.faults.calling import Line
from tests.faults.mutants import Mutant
from tests.faults.operations import PRODUCT, Operation, Surface, send
from tests.faults.reckoning import Findings, reckon
from tests.faults.serving import Serving
from tests.faults.stage import crowds


@dataclass(slots=True)
class Race:
    """What became of all updates; `uneven` are the versions that not exactly one caller changed."""

    versions: int = 0
    won: int = 0
    told: int = 0
    others: Counter[int] = field(default_factory=Counter)
    uneven: int = 0
    findings: Findings = field(default_factory=Findings)


async def race(
    dsn: str, server: Serving, versions: int, *, callers: int = 12, mutant: Mutant | None = None
) -> Race:
    """Have all callers update and replace each version of a row, on both surfaces of two server processes."""
    found = Race(versions)
    (crowd,) = crowds(dsn, 1)
    async with server.running(2, mutant):
        lines = [Line(server.port, crowd.token) for _ in range(callers)]
        values = {"name": "contested", "metadata": {"marker": "contested"}}
        made = await send(lines[0], Surface.REST, Operation(PRODUCT, "create", values))
        entry = crowd.ledger.made("product", made.written[0].id or "", "contested")
        entry.document = made.written[0].document
        for version in range(1, versions + 1):
            attempts = [_attempt(n, entry.id, version, values) for n in range(callers)]
            calls = zip(lines, attempts, strict=True)
            answers = await asyncio.gather(*(send(line, surface, asked) for line, (surface, asked) in calls))
            winners = [answer for answer in answers if answer.status == 200]
            found.won += len(winners)
            found.told += sum(answer.status == 412 for answer in answers)
            found.others.update(answer.status for answer in answers if answer.status not in (200, 412))
            found.uneven += len(winners) != 1
            for winner in winners:
                entry.actions.append("updated")
                entry.document = winner.written[0].document
                crowd.ledger.unexpected += (
                    [] if winner.written[0].etag == tag(entry.id, version + 1) else ["etag"]
                )
            crowd.ledger.keys |= {
                asked.key or "" for (_, asked), answer in zip(attempts, answers, strict=True) if asked.key
            }
        for line in lines:
            line.close()
    found.findings = reckon(dsn, [crowd.ledger])
    return found


def _attempt(number: int, id_: str, version: int, values: dict[str, object]) -> tuple[Surface, Operation]:
    """Return what one caller does: half of them replace, a third has a key, half are on each surface."""
    surface = list(Surface)[number % 2]
    action = "replace" if number % 4 < 2 else "update"
    key = None if number % 3 else f"{version}/{number}"
    asked = Operation(
        PRODUCT, action, values | {"quantity": number}, id=id_, if_match=tag(id_, version), key=key
    )
    return surface, asked
