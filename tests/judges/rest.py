"""Judges of REST by cases: every operation in every phase, and the searches with flat filters."""

from collections.abc import Iterator
from dataclasses import replace

from tests.judges.cases import Drawing, drawn
from tests.judges.schemathesis_hooks import FLAT
from tests.judges.stage import Stage
from tests.judges.verdicts import Verdict

DOCUMENT = "/api/v1/openapi.json"
SEARCHES = "/search$"
_OPERATIONS = 170


def cases(stage: Stage) -> Iterator[Verdict]:
    """Let Schemathesis ask for everything with all its checks, as a workspace beside which is another.

    Filters hold filters, so there is no end to covering a search: that is done with flat ones.
    """
    each = max(2, stage.cases // _OPERATIONS // 3)
    drawing = Drawing(DOCUMENT, "examples,fuzzing,stateful", each, stage.seed)
    covering = replace(drawing, phases="coverage", options=("--exclude-path-regex", SEARCHES))
    flat = replace(covering, options=("--include-path-regex", SEARCHES), settings=((FLAT, "1"),))
    with stage.house() as house:
        yield drawn(house, drawing, "REST: examples, fuzzing, stateful")
        yield drawn(house, covering, "REST: coverage")
        yield drawn(house, flat, "REST: coverage of searches")


JUDGES = (cases,)
