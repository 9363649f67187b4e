"""Clients that repeat what was not answered until it is, and enter what was answered into the ledger."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace

from services.engine.versions import tag
from tests.faults.calling import Line, Lost
from tests.faults.ledger import Entry, Ledger
from tests.faults.operations import Answer, Named, Operation, Surface, send

PATIENCE_SECONDS = 90
LONGEST_ANSWER = 30
"""How many seconds any answer may take, whatever happens to the database."""

_PAUSES = (0.001, 0.02)


@dataclass(slots=True)
class Counts:
    """What happened to the requests of all clients."""

    requests: int = 0
    acknowledged: int = 0
    refused: int = 0
    lost: int = 0
    repeated: int = 0
    """Answers to a retry that came from the record: the first attempt had been committed."""
    redone: int = 0
    """Answers to a retry that came from doing it: the first attempt had left nothing."""
    in_flight: int = 0
    unavailable: int = 0
    untold: int = 0
    """Writes without a key whose outcome the client was not told."""
    slowest: float = 0.0
    """The longest that any answer took, in seconds."""

    def add(self, other: "Counts") -> None:
        """Add the counts of another client."""
        for each in fields(self):
            mine, its = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, max(mine, its) if each.name == "slowest" else mine + its)


@dataclass(slots=True)
class Crowd:
    """What the clients of one workspace share: its ledger, and rows that all of them change."""

    ledger: Ledger
    token: str
    shared: list[Entry] = field(default_factory=list)


class Client:
    """One client, which does one thing after the other until it is told to stop.

    `mix` gives the weights of what it does; `strict` says that nothing but this client repeats requests, so
    that a replay it did not ask for is a fault; `on_lost` is called for every answer that did not come, and
    `on_answer` for every one that did.
    """

    def __init__(
        self,
        name: str,
        port: int,
        crowd: Crowd,
        mix: "Mapping[Act, int]",
        *,
        strict: bool = True,
        on_lost: Callable[[], object] = lambda: None,
        on_answer: Callable[[], object] = lambda: None,
    ) -> None:
        self.name, self.crowd, self.counts = name, crowd, Counts()
        self.line = Line(port, crowd.token)
        self.chance = random.Random(name)
        self.surfaces = tuple(Surface)
        self.own: list[Entry] = []
        self._acts, self._weights = list(mix), list(mix.values())
        self._strict = strict
        self._on_lost, self._on_answer = on_lost, on_answer
        self._serial = 0

    async def run(self, stop: asyncio.Event, most: int | None = None) -> None:
        """Write until `stop` is set, or `most` times; what was begun is brought to its end."""
        done = 0
        while not stop.is_set() and done != most:
            (act,) = self.chance.choices(self._acts, self._weights)
            await act(self)
            done += 1
        self.line.close()

    # What acts need

    async def ended(self, asked: Operation, expected: set[int], marker: str = "") -> Answer | None:
        """Send a write until it is answered for good; None where that never comes, or is not as expected.

        `marker` names a write without a key, which is sent only once.
        """
        loop = asyncio.get_running_loop()
        deadline, uncertain = loop.time() + PATIENCE_SECONDS, False
        while loop.time() < deadline:
            answer = await self._sent(asked)
            if answer is not None and not answer.passing:
                return self._judged(asked, answer, expected, uncertain=uncertain)
            if answer is None or answer.status == 503:
                uncertain = True
                if asked.key is None and not asked.dry_run:
                    self.crowd.ledger.unknown.add(marker)
                    self.counts.untold += 1
                    return None
            await asyncio.sleep(self.chance.uniform(*_PAUSES))
        self.crowd.ledger.unexpected.append(f"{asked} was never answered")
        return None

    def keyed(self, asked: Operation) -> Operation:
        """Give a write an idempotency key of its own."""
        self._serial += 1
        return replace(asked, key=f"{self.name}/{self._serial}")

    def marker(self) -> str:
        """Return a text by which a row can be told from all others."""
        self._serial += 1
        return f"{self.name} {self._serial}"

    def pick(
        self,
        resources: Collection[Named],
        fitting: Callable[[Entry], bool] = lambda _: True,
        *,
        deleted: bool = False,
    ) -> Entry | None:
        """Return one of the rows that this client alone changes, if any fits."""
        names = {each.name for each in resources}
        found = [e for e in self.own if e.resource in names and e.deleted is deleted and fitting(e)]
        return self.chance.choice(found) if found else None

    def enter(self, resource: Named, id_: str | None, marker: str, *, lines: int = 0) -> Entry:
        """Enter a row whose creation was acknowledged."""
        entry = self.crowd.ledger.made(resource.name, id_ or "", marker, lines=lines)
        self.own.append(entry)
        return entry

    def note(self, entry: Entry, answer: Answer) -> None:
        """Note a row as an answer shows it."""
        entry.document = answer.written[0].document
        etag = answer.written[0].etag
        if etag is not None and etag != tag(entry.id, entry.version):
            self.crowd.ledger.unexpected.append(f"{entry.id} is not version {entry.version}: {answer}")

    def complain(self, asked: Operation, answer: Answer) -> None:
        """Note an answer that no server should give."""
        self.crowd.ledger.unexpected.append(f"{asked} was answered {answer.status}: {answer.reply}")

    # Parts

    async def _sent(self, asked: Operation) -> Answer | None:
        """Send a write once, over either surface; None where no answer came."""
        loop, counts = asyncio.get_running_loop(), self.counts
        counts.requests += 1
        began = loop.time()
        try:
            async with asyncio.timeout(LONGEST_ANSWER):
                answer = await send(self.line, self.chance.choice(self.surfaces), asked)
        except Lost:
            counts.lost += 1
            self._on_lost()
            return None
        except TimeoutError:
            self.crowd.ledger.unexpected.append(f"{asked} had no answer within {LONGEST_ANSWER} s")
            return None
        counts.slowest = max(counts.slowest, loop.time() - began)
        counts.in_flight += answer.status == 409 and answer.passing
        counts.unavailable += answer.status == 503
        if not answer.passing:
            self._on_answer()
        return answer

    def _judged(
        self, asked: Operation, answer: Answer, expected: set[int], *, uncertain: bool
    ) -> Answer | None:
        if answer.status not in expected or (answer.replayed and not uncertain and self._strict):
            self.complain(asked, answer)
            return None
        counts = self.counts
        counts.repeated += uncertain and answer.replayed
        counts.redone += uncertain and not answer.replayed
        counts.refused += answer.status >= 400
        counts.acknowledged += answer.status < 400
        if asked.key is not None and not asked.dry_run:
            self.crowd.ledger.keys.add(asked.key)
        return answer


Act = Callable[[Client], Awaitable[object]]
"""One thing that a client does."""
