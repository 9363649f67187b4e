"""How long documents are judged, in processor time: `python -m tests.attacks.judging [COUNT [SEED]]`.

It prints the greatest time that the guard took for any document of the corpus and of so many random ones, and
what validation took for those that were admitted.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

from graphql import GraphQLError, validate

from schema.documents import _MOST_ERRORS, _RULES
from schema.guard import admit
from schema.limits import GuardViolation
from tests.attacks.bombs import corpus, fuzzed
from tests.attacks.mutations import SCHEMA

GOAL_MILLISECONDS = 10.0
_TRIES = 5


def milliseconds(work: Callable[[], object], tries: int = _TRIES) -> float:
    """Return the least processor time of a few runs, so that other programs do not count."""
    found = []
    for _ in range(tries):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return min(found)


def judged(text: str) -> object:
    """Return what the guard says of a document, its refusal too."""
    try:
        return admit(text)
    except (GuardViolation, GraphQLError) as refusal:
        return refusal


def main(count: int = 20_000, seed: int = 1) -> None:
    """Print the figures."""
    slowest, text, admitted, validating = 0.0, "", 0, 0.0
    for each in (*corpus(), *fuzzed(count, seed)):
        judge = partial(judged, each)
        # Only what seems to be the slowest is worth measuring again.
        took = milliseconds(judge, 1)
        took = took if took <= slowest else milliseconds(judge)
        if took > slowest:
            slowest, text = took, each
        found = judged(each)
        if hasattr(found, "document"):
            admitted += 1
            check = partial(validate, SCHEMA, found.document, _RULES, max_errors=_MOST_ERRORS)
            validating = max(validating, milliseconds(check, 1))
    print(f"promise 24: {slowest:.2f} ms at most (goal {GOAL_MILLISECONDS:.0f} ms), {count} random documents")
    print(f"the slowest has {len(text)} characters: {text[:100]!r}")
    print(f"{admitted} were admitted; validating one took {validating:.2f} ms at most")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
