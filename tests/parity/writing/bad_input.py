"""Writes that must be refused, for every action of every resource, generated like the good ones."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from services.engine.resource import ActionKind, Embedded, Resource
from services.engine.versions import tag
from services.engine.writing import MOST_ITEMS
from tests.parity.graphql_side import camel
from tests.parity.world import OTHER
from tests.parity.writing.cases import Cases, Group, action_of, key, many, plain, target, written
from tests.parity.writing.neutral import VALUED, Item, WriteCase, in_bulk
from tests.parity.writing.twins import Twins
from tests.parity.writing.values import Bad, line, nested, refused, unique_fields

INVALID = "validation-failed"
REFUSED = "bad-request"
ABSENT = str(uuid.UUID(int=1, version=4))
_STRANGE = "no_such_thing"
_FURTHER_LEVELS = {"beyond GraphQL's depth": (40, INVALID), "beyond all depth": (70, REFUSED)}


async def values(twins: Twins, resource: Resource) -> Cases:
    """Yield one wrong value at a time in an update, and many at once in what is created or replaced."""
    update, create = action_of(resource, ActionKind.UPDATE), action_of(resource, ActionKind.CREATE)
    wrong = {field.name: list(refused(resource, field)) for field in resource.writable}
    if update is not None:
        made = await twins.fresh(resource)
        for name, bad in ((name, bad) for name, found in wrong.items() for bad in found):
            item = Item({name: bad.value}, made.id)
            case = WriteCase(f"{name} {bad.label}", resource, update, (item,), refusal=INVALID)
            yield replace(case, errors={name: bad.code}, typed=bad.typed, naming=(camel(name), bad.label))
    judged = {name: [bad for bad in found if not bad.typed] for name, found in wrong.items()}
    for n in range(max(map(len, judged.values()))):
        chosen = {name: found[n % len(found)] for name, found in judged.items() if found}
        if create is not None:
            item = Item(_with(twins.body(resource), chosen))
            yield _accused(WriteCase(f"wrong everywhere {n}", resource, create, (item,)), chosen)
        async for case in _replaced(twins, resource, chosen, n):
            yield case


def _with(body: dict[str, Any], chosen: dict[str, Bad]) -> dict[str, Any]:
    return body | {name: bad.value for name, bad in chosen.items()}


def _accused(case: WriteCase, chosen: dict[str, Bad], at: str = "") -> WriteCase:
    errors = {f"{at}{name}": bad.code for name, bad in chosen.items()}
    return replace(case, refusal=INVALID, errors=errors)


async def _replaced(twins: Twins, resource: Resource, chosen: dict[str, Bad], n: int) -> Cases:
    """Yield the same wrong values in a replacement, and in one of several updates."""
    chosen = {name: bad for name, bad in chosen.items() if not resource.all_fields[name].fixed}
    replacement, update = action_of(resource, ActionKind.REPLACE), action_of(resource, ActionKind.UPDATE)
    if replacement is not None:
        case = await plain(twins, resource, replacement, f"wrong everywhere {n}")
        (item,) = case.items
        yield _accused(replace(case, items=(replace(item, values=_with(dict(item.values), chosen)),)), chosen)
    if update is not None and resource.bulk:
        items = [written(twins, resource, update, await twins.fresh(resource)) for _ in range(2)]
        items[1] = replace(items[1], values=_with(dict(items[1].values), chosen))
        case = WriteCase(f"wrong in the second {n}", resource, update, tuple(items), bulk=True)
        yield _accused(case, chosen, "items.1.")


async def inputs(twins: Twins, resource: Resource) -> Cases:
    """Yield wrong values of what actions take beside the row, and inputs that there are not."""
    for action in resource.actions:
        for field in action.inputs:
            made = await target(twins, resource, action)
            for bad in refused(resource, field):
                item = Item({field.name: bad.value}, made.id)
                case = WriteCase(f"{field.name} {bad.label}", resource, action, (item,), refusal=INVALID)
                yield replace(
                    case, errors={field.name: bad.code}, typed=bad.typed, naming=(camel(field.name),)
                )
        if action.inputs:
            item = Item({_STRANGE: 1}, (await target(twins, resource, action)).id)
            case = WriteCase(f"with {_STRANGE}", resource, action, (item,), refusal=INVALID, typed=True)
            yield replace(case, errors={_STRANGE: "unknown_field"}, naming=(camel(_STRANGE),))


async def absences(twins: Twins, resource: Resource) -> Cases:
    """Yield rows without what is required, one field at a time and all of it."""
    for kind in (ActionKind.CREATE, ActionKind.REPLACE):
        action = action_of(resource, kind)
        if action is None:
            continue
        needed = {
            field.name
            for field in resource.writable
            if field.required and not (kind != "create" and field.fixed)
        }
        for names in (*({name} for name in sorted(needed)), needed):
            case = await plain(twins, resource, action, f"without {' and '.join(sorted(names))}")
            (item,) = case.items
            left = {name: value for name, value in item.values.items() if name not in names}
            errors = dict.fromkeys(names, "cant_be_blank")
            if names:
                yield replace(case, items=(replace(item, values=left),), refusal=INVALID, errors=errors)


async def references(twins: Twins, resource: Resource) -> Cases:
    """Yield references to rows that are absent, deleted or another workspace's."""
    writable = {field.name for field in resource.writable}
    for relation in resource.relations:
        if not relation.one or relation.via not in writable:
            continue
        aimed = twins.catalog.target(relation)
        wrong = {"absent": ABSENT}
        if aimed.actions:
            wrong["deleted"] = (await twins.fresh(aimed, deleted=True)).id
        rows = twins.rest.world.live(aimed, OTHER)
        wrong["another workspace's"] = rows[0]["id"]
        for label, id_ in wrong.items():
            async for case in _aimed(twins, resource, relation.via, id_, label):
                yield case


async def _aimed(twins: Twins, resource: Resource, via: str, id_: str, label: str) -> Cases:
    for kind in VALUED:
        action = action_of(resource, kind)
        if action is None or (resource.all_fields[via].fixed and kind is not ActionKind.CREATE):
            continue
        case = await plain(twins, resource, action, f"{via} of an {label} row")
        (item,) = case.items
        wrong = replace(item, values={**item.values, via: id_})
        yield replace(case, items=(wrong,), refusal=INVALID, errors={via: "not_found"})
        if in_bulk(resource, action):
            other = written(twins, resource, action, None)
            if kind is ActionKind.UPDATE:
                other = replace(other, id=(await twins.fresh(resource)).id)
            case = replace(case, items=(other, wrong), bulk=True, refusal=INVALID)
            yield replace(case, errors={f"items.1.{via}": "not_found"})
            yield replace(case, label=f"{case.label}, each by itself", atomic=False, refusal=None)


async def uniqueness(twins: Twins, resource: Resource) -> Cases:
    """Yield values that another live row has, or another row of the same request."""
    for field in unique_fields(resource):
        name = field.name
        taken = (await twins.fresh(resource)).row[name]
        for kind in VALUED:
            action = action_of(resource, kind)
            if action is None:
                continue
            case = await plain(twins, resource, action, f"a taken {name}")
            (item,) = case.items
            wrong = replace(item, values={**item.values, name: taken})
            yield replace(case, items=(wrong,), refusal=INVALID, errors={name: "already_taken"})
            if in_bulk(resource, action):
                many_ = await many(twins, resource, action, f"the same {name} twice", 2)
                same = many_.items[0].values[name]
                items = (
                    many_.items[0],
                    replace(many_.items[1], values={**many_.items[1].values, name: same}),
                )
                case = replace(many_, items=items, refusal=INVALID)
                yield replace(case, errors={f"items.1.{name}": "already_taken"})
                yield replace(case, label=f"{case.label}, each by itself", atomic=False, refusal=None)
        restore = action_of(resource, ActionKind.RESTORE)
        if restore is not None:
            gone = await twins.fresh(resource, deleted=True)
            other = await twins.fresh(resource)
            for side in (twins.rest, twins.graphql):
                side.watch.change(str(resource.model.__tablename__), other.id, {name: gone.row[name]})
            label = f"its {name} was taken since"
            yield WriteCase(label, resource, restore, (Item(id=gone.id),), refusal="conflict")


async def strangers(twins: Twins, resource: Resource) -> Cases:
    """Yield members that nobody may write: unknown ones, and those that would leave the workspace."""
    forged = {
        _STRANGE: "x",
        "workspace_id": str(twins.rest.world.workspaces[OTHER]),
        "version": 99,
        "type": "x",
    }
    forged = {name: value for name, value in forged.items() if name not in resource.all_fields}
    for kind in VALUED:
        action = action_of(resource, kind)
        if action is None:
            continue
        for name, value in forged.items():
            case = await plain(twins, resource, action, f"with {name}")
            (item,) = case.items
            items = (replace(item, values={**item.values, name: value}),)
            case = replace(case, items=items, refusal=INVALID, typed=True)
            yield replace(case, errors={name: "unknown_field"}, naming=(camel(name),))
        case = await plain(twins, resource, action, "with deleted_at")
        (item,) = case.items
        items = (replace(item, values={**item.values, "deleted_at": "2026-01-01T00:00:00Z"}),)
        case = replace(case, items=items, refusal=INVALID, typed=True)
        yield replace(case, errors={"deleted_at": "exclusion"}, naming=("deletedAt",))


async def bodies(twins: Twins, resource: Resource) -> Cases:
    """Yield what no JSON reader of ours takes: NUL characters, numbers beyond 64 bits, endless nesting."""
    create = action_of(resource, ActionKind.CREATE)
    if create is None:
        return
    for field in resource.writable:
        facts = resource.facts[field.name]
        if facts.kind == "string" and field.enum is None:
            yield _unreadable(twins, resource, f"a NUL in {field.name}", {field.name: "a\0b"})
        if facts.kind in ("integer", "big_integer"):
            yield _unreadable(twins, resource, f"65 bits in {field.name}", {field.name: 2**64})
        if facts.kind == "json":
            for label, (levels, refusal) in _FURTHER_LEVELS.items():
                deep: Any = nested(levels) if facts.array else {"a": nested(levels)}
                case = _unreadable(twins, resource, f"{field.name} {label}", {field.name: deep})
                yield replace(case, refusal=refusal)


def _unreadable(twins: Twins, resource: Resource, label: str, values: dict[str, Any]) -> WriteCase:
    item = Item(twins.body(resource) | values)
    action = resource.actions_by_name["create"]
    return WriteCase(label, resource, action, (item,), refusal=REFUSED, typed=True, in_json=True)


async def preconditions(twins: Twins, resource: Resource) -> Cases:
    """Yield versions that are stale, weak, missing or unreadable, and what is told before them and after."""
    for action in resource.actions:
        if action.kind is ActionKind.CREATE:
            continue
        made = await target(twins, resource, action)
        sound = written(twins, resource, action, made)

        def asking(label: str, if_match: str | None, refusal: str, item: Item = sound) -> WriteCase:
            return WriteCase(label, resource, action, (item,), if_match=if_match, refusal=refusal)  # noqa: B023

        for label, stale in _stale(made.id, made.version):
            yield asking(label, stale, "precondition-failed")
        for unreadable in ("", "a1b2c3", '"a', '*, "a"'):
            yield asking(f"unreadable {unreadable!r}", unreadable, REFUSED)
        gone = replace(sound, id=ABSENT)
        for label, if_match in (("any version", "*"), ("a stale version", '"x"')):
            yield asking(f"{label} of what is not there", if_match, "not-found", gone)
        if action.kind is ActionKind.REPLACE:
            yield asking("no version", None, "precondition-required")
            yield asking("no version of what is not there", None, "not-found", gone)
            yield asking("no version, and nothing else", None, "precondition-required", Item({}, made.id))
        if action.kind in VALUED:
            wrong = {field.name: None for field in resource.writable if field.required}
            yield asking("stale and invalid", '"x"', "precondition-failed", Item(wrong, made.id))
            yield asking("absent and invalid", "*", "not-found", Item(wrong, ABSENT))


def _stale(id_: str, version: int) -> Iterator[tuple[str, str]]:
    yield "an earlier version", tag(id_, version - 1)
    yield "a later version", tag(id_, version + 1)
    yield "another row's version", tag(ABSENT, version)
    yield "a weak tag", f"W/{tag(id_, version)}"
    yield "several stale versions", f'"a", W/{tag(id_, version)} ,"b"'


async def nowhere(twins: Twins, resource: Resource) -> Cases:
    """Yield ids that lead to no row that could be written, for one row and among many."""
    foreign = twins.rest.world.live(resource, OTHER)[0]["id"]
    ids: dict[str, Any] = {
        "absent": ABSENT,
        "malformed": "not-an-id",
        "almost": ABSENT[:-1],
        "long": "a" * 300,
        "a number": "42",
        "not ASCII": "é" * 36,
        "another workspace's": foreign,
    }
    for action in resource.actions:
        if action.kind is ActionKind.CREATE:
            continue
        here = dict(ids)
        if action.kind is not ActionKind.RESTORE and action_of(resource, ActionKind.DELETE):
            here["deleted"] = (await twins.fresh(resource, deleted=True)).id
        if_match = "*" if action.kind is ActionKind.REPLACE else None
        for label, id_ in here.items():
            item = replace(written(twins, resource, action, None), id=id_)
            case = WriteCase(f"{label} id", resource, action, (item,), if_match=if_match, refusal="not-found")
            yield case
        if in_bulk(resource, action):
            async for case in _among(twins, resource, action.kind, here):
                yield case


async def _among(twins: Twins, resource: Resource, kind: ActionKind, ids: dict[str, Any]) -> Cases:
    action = action_of(resource, kind)
    assert action is not None
    base = await many(twins, resource, action, "", 2)
    at = "ids.1" if kind is ActionKind.DELETE else "items.1.id"
    first, second = base.items
    for label, id_ in ids.items():
        code = "invalid_uuid" if label not in ("absent", "another workspace's", "deleted") else "not_found"
        items = (first, replace(second, id=id_))
        case = replace(base, label=f"{label} id", items=items, refusal=INVALID, errors={at: code})
        yield case
        yield replace(
            case,
            label=f"{label} id alone, by itself",
            items=items[1:],
            atomic=False,
            errors={at.replace("1", "0"): code},
        )
    again = replace(written(twins, resource, action, None), id=first.id)
    items = (first, second, again)
    errors = {at.replace("1", "2"): "already_taken"}
    yield replace(base, label="an id twice", items=items, refusal=INVALID, errors=errors)
    yield replace(
        base,
        label="an id twice, spelled otherwise",
        refusal=INVALID,
        errors=errors,
        items=(first, second, replace(again, id=str(first.id).upper())),
    )
    if kind is ActionKind.UPDATE:
        yield replace(
            base,
            label="no id",
            items=(first, replace(second, named=False)),
            refusal=INVALID,
            errors={at: "cant_be_blank"},
        )
        yield replace(
            base,
            label="null for an id",
            items=(first, replace(second, id=None)),
            refusal=INVALID,
            errors={at: "cant_be_blank"},
        )
    # What can be done by itself is done, so this comes last.
    for label, id_ in ids.items():
        items = (replace(second, id=id_), (await many(twins, resource, action, "", 1)).items[0])
        yield replace(base, label=f"{label} id, each by itself", items=items, atomic=False)


async def sizes(twins: Twins, resource: Resource) -> Cases:
    """Yield bulk requests of no rows and of too many."""
    for action in resource.actions:
        if not in_bulk(resource, action):
            continue
        name = "ids" if action.kind is ActionKind.DELETE else "items"
        case = WriteCase("nothing", resource, action, (), bulk=True, refusal=INVALID)
        for atomic in (True, False):
            yield replace(case, label=f"nothing, {atomic}", errors={name: "cant_be_blank"}, atomic=atomic)
        item = written(twins, resource, action, None)
        items = tuple(replace(item, id=str(uuid.UUID(int=n, version=4))) for n in range(MOST_ITEMS + 1))
        yield replace(case, label="101", items=items, errors={name: "too_long"})


async def mixtures(twins: Twins, resource: Resource) -> Cases:
    """Yield bulk requests of which one row, or every row, is wrong, all or none and each by itself."""
    for action in resource.actions:
        if not in_bulk(resource, action):
            continue
        for label, wrong, errors in (
            ("the second is wrong", (1,), ("1",)),
            ("all are wrong", (0, 1, 2), ("0", "1", "2")),
        ):
            for atomic in (True, False):
                case = await many(twins, resource, action, label if atomic else f"{label}, each by itself")
                items = tuple(
                    _spoiled(resource, item, action.kind) if n in wrong else item
                    for n, item in enumerate(case.items)
                )
                refusal = INVALID if atomic or len(wrong) == len(items) else None
                paths = {_at(resource, action.kind, n): None for n in errors}
                case = replace(case, items=items, atomic=atomic, refusal=refusal)
                case = replace(case, errors=paths if refusal else None)
                yield replace(case, label=f"{case.label}, tried", dry_run=True)
                yield case


def _spoiled(resource: Resource, item: Item, kind: ActionKind) -> Item:
    if kind is ActionKind.DELETE:
        return replace(item, id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(item.id))))
    name, value = _wrong(resource)
    return replace(item, values={**item.values, name: value})


def _wrong(resource: Resource) -> tuple[str, Any]:
    """Return a field that a change may name, and a value that it refuses: none, where it demands one."""
    free = [field for field in resource.writable if not field.fixed]
    needed = next((field.name for field in free if field.required), None)
    if needed is not None:
        return needed, None
    return next(
        (field.name, bad.value) for field in free for bad in refused(resource, field) if not bad.typed
    )


def _at(resource: Resource, kind: ActionKind, n: str) -> str:
    return f"ids.{n}" if kind is ActionKind.DELETE else f"items.{n}.{_wrong(resource)[0]}"


async def lines(twins: Twins, resource: Resource) -> Cases:
    """Yield embedded lists whose rows are wrong, strange, or not there."""
    for item in resource.embedded:
        made = await twins.fresh(resource)
        for kind in (ActionKind.CREATE, ActionKind.UPDATE):
            action = action_of(resource, kind)
            if action is None:
                continue
            for label, rows, errors, typed in _wrong_lists(twins, resource, item):
                values = {item.name: rows}
                values = twins.body(resource) | values if kind is ActionKind.CREATE else values
                found = {f"{item.name}{path}": code for path, code in errors.items()}
                case = WriteCase(f"{item.name}: {label}", resource, action, (Item(values, made.id),))
                case = replace(case, refusal=INVALID, errors=found, typed=typed)
                yield replace(case, naming=(camel(item.name), camel(label.split()[0])))


Wrong = tuple[str, Any, dict[str, str | None], bool]


def _wrong_lists(twins: Twins, resource: Resource, item: Embedded) -> Iterator[Wrong]:
    def new() -> dict[str, Any]:
        return line(item, twins.picks[resource.name][item.name], next(twins.numbers))

    for name in item.fields:
        for bad in refused(item.resource, item.resource.all_fields[name]):
            rows = [new(), new() | {name: bad.value}]
            yield f"{name} {bad.label}", rows, {f".1.{name}": bad.code}, bad.typed
        if item.resource.all_fields[name].required:
            rows = [{key: value for key, value in new().items() if key != name}]
            yield f"{name} left out", rows, {f".0.{name}": "cant_be_blank"}, False
    strange = {_STRANGE: 1}
    yield f"{_STRANGE} in a row", [new() | strange], {f".0.{_STRANGE}": "unknown_field"}, True
    yield "an absent row", [new() | {"id": ABSENT}], {".0.id": "not_found"}, False
    yield "a malformed id", [new() | {"id": "nope"}], {".0.id": "invalid_uuid"}, False
    yield "a row twice", [{"id": ABSENT}, {"id": ABSENT.upper()}], {".1.id": "already_taken"}, False
    yield "null", None, {"": "cant_be_blank"}, False
    yield "no list", {"a": 1}, {"": "invalid_format"}, True
    yield "no map", [new(), "x"], {".1": "invalid_format"}, True
    yield "too many", [new()] * (item.most + 1), {"": "too_long"}, False


async def keys(twins: Twins, resource: Resource) -> Cases:
    """Yield idempotency keys that are none."""
    for action in resource.actions:
        case = await plain(twins, resource, action, "the longest key", key=key(twins).ljust(255, "~"))
        for label, text in {"empty": "", "blank": "a b", "long": "k" * 256, "foreign": "clé"}.items():
            yield replace(case, label=f"{label} key", key=text, refusal=REFUSED)
        yield case


REFUSALS: dict[str, Group] = {
    "values": values,
    "inputs": inputs,
    "absences": absences,
    "references": references,
    "uniqueness": uniqueness,
    "strangers": strangers,
    "bodies": bodies,
    "preconditions": preconditions,
    "nowhere": nowhere,
    "sizes": sizes,
    "mixtures": mixtures,
    "lines": lines,
    "keys": keys,
}
"""Every kind of bad input that one write can hold."""
