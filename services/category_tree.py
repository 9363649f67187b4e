"""Rules of the category tree: none is below itself, none too deep, and none hangs on a deleted one."""

from collections.abc import Sequence

from db.driver import Row
from db.queries import categories as queries
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid, conflict
from services.engine.resource import ActionKind
from services.engine.validate import MISSING
from services.engine.work import Change, Work

DEEPEST = 8
"""How many levels the tree may have."""

_CYCLE = Invalid("exclusion", "A category cannot be below itself.")
_TOO_DEEP = Invalid("too_long", f"The tree may be at most {DEEPEST} levels deep.")

Parents = dict[str, str | None]
"""The category above, by category; those that are not known, or deleted, are left out."""


async def place(work: Work, changes: Sequence[Change]) -> None:
    """Judge where created, changed and restored categories hang, all of a request at once."""
    moved = {each.id: each for each in changes if each.good and _moves(each)}
    wanted = {above for each in moved.values() if (above := _above(each)) is not None}
    if not wanted:
        return
    await work.rows(queries.LOCK)
    rows = await work.rows(queries.TREE, text_array(wanted), text_array(moved))
    live = {decoded(id_) for id_, _, up in rows if up == b"t"}
    for each in moved.values():
        if (above := _above(each)) is not None and above not in live:
            _refuse(work, each, MISSING, "The category above is deleted; restore that first.")
    # Whatever is refused stays where it was, which may change how deep others come to hang.
    while found := _misplaced(rows, {id_: each for id_, each in moved.items() if each.good}):
        for id_, fault in found.items():
            _refuse(work, moved[id_], fault, fault.message)


async def delete(work: Work, changes: Sequence[Change]) -> None:
    """Refuse to delete a category while others are below it that are not deleted with it.

    Its products stay filed under it, and are so again once it is restored.
    """
    going = {each.id: each for each in changes if each.good}
    if not going:
        return
    await work.rows(queries.LOCK)
    rows = [
        (decoded(id_), decoded(above)) for id_, above in await work.rows(queries.CHILDREN, text_array(going))
    ]
    while staying := {above for id_, above in rows if above in going and id_ not in going}:
        for id_ in staying:
            going.pop(id_).problem = conflict(
                "Other categories are below this one; move or delete them first."
            )


def _moves(change: Change) -> bool:
    if change.stored is None or "deleted_at" in change.values:
        return True
    return "parent_id" in change.values and change.values["parent_id"] != change.stored["parent_id"]


def _above(change: Change) -> str | None:
    found = change.after.get("parent_id")
    return None if found is None else str(found)


def _refuse(work: Work, change: Change, fault: Invalid, said: str) -> None:
    if work.action.kind is ActionKind.RESTORE:
        change.problem = conflict(said)
    else:
        change.refuse("parent_id", fault)


def _misplaced(rows: Sequence[Row], moved: dict[str, Change]) -> dict[str, Invalid]:
    """Return those of `moved` that would be below themselves, or make something hang too deep."""
    parents: Parents = {decoded(id_): None if above is None else decoded(above) for id_, above, _ in rows}
    parents |= {id_: _above(each) for id_, each in moved.items()}
    ways = {id_: _way_up(id_, parents) for id_ in parents}
    cycles = {id_: _CYCLE for id_ in moved if parents.get(ways[id_][-1]) == id_}
    if cycles:
        return cycles
    found: dict[str, Invalid] = {}
    for way in ways.values():
        mover = next((step for step in way if step in moved), None)
        if mover is not None and len(way) > DEEPEST:
            found[mover] = _TOO_DEEP
    return found


def _way_up(id_: str, parents: Parents) -> list[str]:
    """Return the categories from this one up to the root, each once."""
    way = [id_]
    while (above := parents.get(way[-1])) is not None and above in parents and above not in way:
        way.append(above)
    return way
