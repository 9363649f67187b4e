"""Every generator on a server of its own: `python -m tests.sdks [names of generators]`."""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tests.sdks.graphql import clients as graphql
from tests.sdks.rest import clients as rest
from tests.sdks.sdk import Sdk, Step
from tests.sdks.served import served
from tests.sdks.workshop import STAGES, Made, Workshop

SDKS: tuple[Sdk, ...] = (*rest.SDKS, *graphql.SDKS)


def main(names: list[str]) -> int:
    """Make the clients of these names, or all, print what became of them, and return an exit code."""
    known = {each.name: each for each in SDKS}
    strange = [name for name in names if name not in known]
    if strange:
        print(f"there is no {strange[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    found = []
    with served() as at:
        for name in names or known:
            print(f"{name} …", file=sys.stderr)
            made = Workshop(known[name], at.documents, at.environment).make()
            if made.failure:
                print(made.failure, file=sys.stderr)
            found.append(made)
    Console(width=130).print(_table(found))
    return 0 if all(each.whole for each in found) else 1


def _table(found: Iterable[Made]) -> Table:
    columns = ("Generator", "Version", "Lines", "Untyped", "Compiled", "Steps")
    table = Table(*columns, *(f"{stage} s" for stage in STAGES))
    for each in found:
        passed = f"{len(each.passed)} of {len(Step)}"
        times = [f"{each.seconds.get(stage, 0):.0f}" for stage in STAGES]
        table.add_row(
            each.sdk.name,
            each.version,
            f"{each.lines:,}",
            ", ".join(each.untyped) if each.sdk.lacks is not None else "",
            "yes" if each.compiled else "no",
            passed,
            *times,
        )
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
