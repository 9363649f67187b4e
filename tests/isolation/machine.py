"""The machine: three workspaces that ask and write at random, and what none of them may ever notice."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from services.engine.catalog import Catalog
from tests.isolation.asking import Asker
from tests.isolation.calling import Procedures
from tests.isolation.dice import Dice
from tests.isolation.estate import KEY, LETTERS, Estate, Tenant, opened, owners_of
from tests.isolation.marks import ids_in, opaque_words, swaps
from tests.isolation.requests import Ask
from tests.isolation.watching import Touched
from tests.isolation.writing import Writer
from tests.support.client import Answer

STEPS_AT_ONCE = 50
"""How many steps begin from the same rows."""

_DIGESTED = 25
_MOST_KEPT = 60
_FAILED = 500
_REFUSED = 400
_THROTTLED = 429
_OWN_HEADERS = ("x-request-id", "etag", "content-length", "date")
_NEW = (
    (re.compile(rf"{datetime.now(UTC):%Y-%m}-[0-9]{{2}}T[0-9:.]+(?:Z|\+00:00)"), "<now>"),
    (re.compile(r"-[0-9a-f]{6}\b"), "-<random>"),
    (re.compile(r'\\"[0-9a-f]{12}(?:-[0-9a-f]{8})?\\"'), "<tag>"),
    (re.compile(r"\bdip_test_[0-9a-f]+"), "<token>"),
)
_REQUEST_ID = re.compile(r"(\"(?:request_id|requestId)\": ?)\"[^\"]*\"")


@contextmanager
def tried(database: str, catalog: Catalog, **changes: Any) -> Iterator["Trial"]:
    """Fill a migrated database, serve it in a loop of its own, and return what can be tried on it."""
    with asyncio.Runner() as runner:
        opening = opened(database, catalog, **changes)
        estate = runner.run(opening.__aenter__())
        try:
            yield Trial(estate, runner.run)
        finally:
            runner.run(opening.__aexit__(None, None, None))


class LeakFound(AssertionError):
    """Something of another workspace was seen or changed; the message says what, and by which request."""


@dataclass(slots=True)
class Figures:
    """What was done so far."""

    steps: int = 0
    bytes: int = 0
    rows: int = 0
    lines: int = 0
    twins: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Trial:
    """An estate in the event loop that serves it."""

    estate: Estate
    run: Callable[[Any], Any]
    figures: Figures = field(default_factory=Figures)
    leaks: list[str] = field(default_factory=list)
    first: int = 0

    def step(self, letter: str, ask: Ask, dice: Dice) -> None:
        """Send a request of one workspace; raises LeakFound for whatever is another's."""
        estate, tenant = self.estate, self.estate.tenants[letter]
        others = [each.id for each in estate.tenants.values() if each is not tenant]
        token = dice.choice(list(tenant.tokens.values())) if dice.chance(40) else tenant.tokens["all:write",]
        digests = self._digests(others)
        mark = estate.watch.mark()
        answer: Answer = self.run(ask.send(estate.client(token)))
        touched, fewer = estate.watch.since(mark)
        lines = estate.ears.heard()
        found = [
            *self._of_answer(tenant, ask, answer),
            *self._of_rows(tenant, ask, touched),
            *(f"{table} has fewer rows of {owner}" for table, owner in fewer if owner in others),
            *self._of_lines(tenant, ask, lines),
        ]
        if digests is not None and self._digests(others, now=True) != digests:
            found.append("the rows of others are not byte for byte what they were")
        if not found and dice.chance(60):
            found += self.unlike(tenant, ask, answer, token)
        if found:
            told = "\n".join(found[:8])
            said = f"{tenant.letter} asked {ask}\n-> {answer.status} {answer.body[:600]!r}\n{told}"
            self.leaks.append(said)
            # Hypothesis takes the same steps again to see whether it comes again.
            self.first = self.first or self.figures.steps + 1
            raise LeakFound(said)
        self._learn(tenant, ask, answer, touched, lines)

    def _digests(self, others: list[str], *, now: bool = False) -> Any:
        if not now and self.figures.steps % _DIGESTED:
            return None
        return self.estate.watch.digests(others)

    # What may not be

    def _of_answer(self, tenant: Tenant, ask: Ask, answer: Answer) -> list[str]:
        """Return the marks of others in a response."""
        found = [f"the server failed: {answer.status}"] if answer.status >= _FAILED else []
        told = ask.told | self.estate.held[tenant.id]
        for place, text in (("body", answer.body.decode()), ("headers", _spelled(answer))):
            found += [
                f"{mark} of another workspace is in the {place}"
                for mark in self.estate.marks.foreign(text, tenant.id, told)
            ]
        return found

    def _of_rows(self, tenant: Tenant, ask: Ask, touched: list[Touched]) -> list[str]:
        """Return what was done to rows of others, and what of others' rows now hold."""
        found = []
        for each in touched:
            owners = owners_of(each)
            how = "written" if each.written else "locked"
            if owners and tenant.id not in owners:
                found.append(f"a row of {each.table} of another workspace was {how}: {each.text[:300]}")
            elif not owners and self._is_foreign(each, tenant):
                found.append(f"a row of {each.table} that only others know was {how}: {each.text[:300]}")
            elif each.written:
                found += self._of_row(tenant, ask, each)
        return found

    def _is_foreign(self, each: Touched, tenant: Tenant) -> bool:
        seen = self.estate.marks.visible.get(str(each.row.get("id")))
        return seen is not None and tenant.id not in seen

    def _of_row(self, tenant: Tenant, ask: Ask, each: Touched) -> list[str]:
        """Return the marks of others in a row just written; what was told may stay, but for references."""
        held = self.estate.held[tenant.id]
        marks = self.estate.marks.foreign(each.text, tenant.id, held)
        untold = marks - ask.told
        references = {
            str(value)
            for name, value in each.row.items()
            if name.endswith("_id") and str(value).lower() in marks
        } - ({str(each.row.get("request_id"))} if "request_id" in each.row else set())
        held |= marks & ask.told
        return [
            f"{mark} of another workspace is in {each.table}: {each.text[:300]}"
            for mark in untold | references
        ]

    def _of_lines(self, tenant: Tenant, ask: Ask, lines: list[str]) -> list[str]:
        """Return what was logged of anybody's data: one's own ids may be there, values of fields may not."""
        found = []
        for line in lines:
            held = self.estate.held[tenant.id]
            marks = self.estate.marks.foreign(line, tenant.id, ask.told | held)
            values = {mark for mark in self.estate.marks.found(line) if mark.startswith("kw")}
            found += [f"{mark} is in the log: {line[:300]}" for mark in marks | values]
        return found

    def unlike(self, tenant: Tenant, ask: Ask, answer: Answer, token: str) -> list[str]:
        """Ask the same of what nobody has in place of what others have, and return how the answers differ."""
        if not (ask.still or answer.status >= _REFUSED):
            return []
        spent = self.estate.loot[tenant.letter].spent
        keys = {word for word in ask.told if word.startswith(KEY)}
        if keys & spent:
            # What was kept under it is answered, whatever is asked now.
            return []
        visible, fresh = self.estate.marks.visible, {word.removeprefix(KEY) for word in keys}
        foreign = {word for word in ask.told if tenant.id not in visible.get(word, (tenant.id,))}
        swapped = swaps(foreign | fresh, self.estate.marks)
        other_ask = ask.changed(swapped)
        if other_ask == ask:
            return []
        self.figures.twins += 1
        other = self.run(other_ask.send(self.estate.client(token)))
        self.estate.ears.heard()
        if _THROTTLED in (answer.status, other.status):
            # Whoever guesses too often hears no more of anything.
            return []
        mine, its = (
            self._comparable(each, own) for each, own in ((answer, swapped.keys()), (other, swapped.values()))
        )
        return [] if mine == its else [f"the answer tells what others have: {mine}\nagainst {its}"]

    def _comparable(self, answer: Answer, own: Iterable[str]) -> tuple[int, str, str]:
        """Return an answer without what any two requests differ in, or these two by what is `own`."""
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers if name not in _OWN_HEADERS)
        body = _ordered(answer.body).decode()
        for mark in own:
            spelled = re.compile(re.escape(mark), re.IGNORECASE)
            body, headers = spelled.sub("@", body), spelled.sub("@", headers)
        for word in opaque_words(f"{body} {headers}"):
            body, headers = body.replace(word, "#"), headers.replace(word, "#")
        body = _REQUEST_ID.sub(r'\1"-"', body)
        for id_ in ids_in(body):
            body = body if self.estate.marks.known(id_) else body.replace(id_, "<new>")
        for pattern, word in _NEW:
            body = pattern.sub(word, body)
        return answer.status, headers, body

    # What can be had of it

    def _learn(
        self, tenant: Tenant, ask: Ask, answer: Answer, touched: list[Touched], lines: list[str]
    ) -> None:
        for each in touched:
            if each.written:
                self.estate.learn(each)
        loot = self.estate.loot[tenant.letter]
        loot.spent |= {word for word in ask.told if word.startswith(KEY)}
        loot.cursors += opaque_words(answer.body.decode())
        del loot.cursors[:-_MOST_KEPT], loot.keys[:-_MOST_KEPT]
        figures = self.figures
        figures.steps += 1
        figures.bytes += len(answer.body)
        figures.rows += len(touched)
        figures.lines += len(lines)
        figures.labels[ask.label.partition(" ")[0]] += 1
        figures.statuses[answer.status] += 1


def _spelled(answer: Answer) -> str:
    return "\n".join(f"{name}: {value}" for name, value in answer.headers)


def _ordered(body: bytes) -> bytes:
    """Return a response of GraphQL with its errors in one order: they come as each is done."""
    if not body.startswith(b'{"errors":['):
        return body
    found = orjson.loads(body)
    return orjson.dumps({**found, "errors": sorted(found["errors"], key=orjson.dumps)})


def machine(trial: Trial) -> type[RuleBasedStateMachine]:
    """Return the machine over a trial."""

    class Isolation(RuleBasedStateMachine):
        """Steps of workspaces that must not notice each other."""

        def __init__(self) -> None:
            super().__init__()
            self._seen: Counter[Any] = Counter()
            trial.estate.begin()

        def _take(self, letter: str, seed: int, make: Callable[[Asker], Ask]) -> None:
            # Hypothesis likes to repeat itself, and what it drops must not change what remains.
            key = (make.__qualname__, letter, seed)
            self._seen[key] += 1
            dice = Dice(f"{key} {self._seen[key]}")
            asker = Asker(trial.estate, trial.estate.tenants[letter], dice)
            trial.step(letter, make(asker), dice)

        @rule(letter=LETTER, seed=SEED)
        def read(self, letter: str, seed: int) -> None:
            """Read rows of one resource."""
            self._take(letter, seed, lambda asker: asker.reading())

        @rule(letter=LETTER, seed=SEED)
        def read_again(self, letter: str, seed: int) -> None:
            """Read once more: most of what is asked is."""
            self._take(letter, seed, lambda asker: asker.reading())

        @rule(letter=LETTER, seed=SEED)
        def read_several(self, letter: str, seed: int) -> None:
            """Read several things in one request."""
            self._take(letter, seed, lambda asker: asker.several())

        @rule(letter=LETTER, seed=SEED)
        def read_nodes(self, letter: str, seed: int) -> None:
            """Read rows of any type by global ids."""
            self._take(letter, seed, lambda asker: asker.nodes())

        @rule(letter=LETTER, seed=SEED)
        def write(self, letter: str, seed: int) -> None:
            """Write rows."""
            self._take(letter, seed, lambda asker: Writer(asker).writing())

        @rule(letter=LETTER, seed=SEED)
        def write_again(self, letter: str, seed: int) -> None:
            """Write once more."""
            self._take(letter, seed, lambda asker: Writer(asker).writing())

        @rule(letter=LETTER, seed=SEED)
        def call(self, letter: str, seed: int) -> None:
            """Call a procedure, or ask who is calling."""
            self._take(letter, seed, lambda asker: Procedures(asker).calling())

        @rule(letter=LETTER, seed=SEED)
        def err(self, letter: str, seed: int) -> None:
            """Ask what cannot be answered."""
            self._take(letter, seed, lambda asker: asker.odd())

    return Isolation


LETTER = st.sampled_from(LETTERS)
SEED = st.integers(0, 2**40)


def drawn(steps: int, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink), **more: Any) -> settings:
    """Return the settings of a run of about so many steps."""
    return settings(
        max_examples=max(1, -(-steps // STEPS_AT_ONCE)),
        stateful_step_count=STEPS_AT_ONCE,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def run(trial: Trial, steps: int, **more: Any) -> Figures:
    """Take at least so many steps; raises LeakFound with the least requests that show it."""
    made = machine(trial)
    while (left := steps - trial.figures.steps) > 0:
        try:
            run_state_machine_as_test(made, settings=drawn(left, **more))
        except Flaky:
            # A leak that needs what an earlier run left behind does not come again.
            raise LeakFound(trial.leaks[0]) from None
    return trial.figures
