"""Where each column of a file goes: to a field, to the rest, or nowhere by request."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from db.models.columns import LARGEST_SAFE_INTEGER
from services.importing.refusal import ImportRefused

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Columns:
    """The way from columns to targets; `rest` is the field that collects the columns without one."""

    targets: Mapping[str, str]
    dropped: frozenset[str]
    rest: str | None = None

    def split(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values by target, and the left-over ones by column."""
        found: dict[str, Any] = {}
        left: dict[str, Any] = {}
        for column, value in values.items():
            target = self.targets.get(column)
            if target is not None:
                found[target] = value
            elif column not in self.dropped:
                left[column] = value
        return found, left

    def with_targets(self, names: Collection[str]) -> "Columns":
        """Return the same with a column for each of `names` that none leads to yet."""
        filled = {*self.targets.values(), *self.dropped, *([self.rest] if self.rest else ())}
        more = {name: name for name in names if name not in filled and name not in self.targets}
        return replace(self, targets={**self.targets, **more})


def assign(
    columns: Collection[str], targets: Collection[str], given: Mapping[str, str], rest: str | None
) -> Columns:
    """Decide where each of `columns` goes; one named like a target goes there unless `given` says otherwise.

    `given` maps columns to targets, or to nothing to leave them out. Raises `ImportRefused` when a column
    goes nowhere, or two go to one target, or `given` names what does not exist.
    """
    for column, target in given.items():
        if column not in columns:
            raise ImportRefused(f"--map names the column '{column}', which the file does not have.")
        if target and target not in targets:
            raise ImportRefused(f"--map names the field '{target}'; there are {_listed(targets)}.")
    chosen = {column: given.get(column, column) for column in columns}
    found = {column: target for column, target in chosen.items() if target in targets}
    for target in (*found.values(), *([rest] if rest else ())):
        sources = [f"column '{column}'" for column in found if found[column] == target]
        if len(sources) + (target == rest) > 1:
            raise ImportRefused(f"'{target}' is filled twice: by {_listed([*sources, '--rest'][:2])}.")
    nowhere = [column for column, target in chosen.items() if target and target not in targets]
    if nowhere and rest is None:
        raise ImportRefused(
            f"The column '{nowhere[0]}' goes nowhere. Name its field with --map {nowhere[0]}=FIELD, leave it "
            f"out with --map {nowhere[0]}=, or collect all such columns with --rest FIELD. There are "
            f"{_listed(targets)}."
        )
    return Columns(found, frozenset(column for column, target in given.items() if not target), rest)


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return left-over values for a JSON field: texts that are numbers become numbers, blank ones go."""
    found = {column: _typed(value) for column, value in values.items()}
    return {column: value for column, value in found.items() if value is not None and value != ""}


def _typed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    number = _NUMBER.fullmatch(text)
    if number is None or len(text) > 32:
        return text
    if number[1] or number[2]:
        return float(text) if math.isfinite(float(text)) else text
    # A larger integer would not survive other JSON readers; as a text it does.
    return int(text) if abs(int(text)) <= LARGEST_SAFE_INTEGER else text


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)
