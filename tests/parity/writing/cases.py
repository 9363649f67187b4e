"""Writes for every action of every resource, generated from its declaration; none names a resource."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from services.engine.encoding import short_identifier
from services.engine.resource import Action, ActionKind, Embedded, Field, Kind, Resource
from tests.parity.writing.neutral import VALUED, WHATEVER, Item, WriteCase, in_bulk
from tests.parity.writing.twins import Target, Twins
from tests.parity.writing.values import distinct, line, unique_fields

Cases = AsyncIterator[WriteCase]
Group = Callable[[Twins, Resource], Cases]

_PAST = "2020-02-29T10:20:30Z"
_BY_THE_SERVER = (Kind.DATETIME, Kind.UUID)
_UNTIDY = "  Cafe\u0301 \u00e9 {n} \n"
_ODD = 'O\'Brien "{n}" \\ 🍺 <b>%_é\t{{x}}'


def action_of(resource: Resource, kind: ActionKind) -> Action | None:
    """Return the common action of that kind, if the resource has it."""
    return next((action for action in resource.actions if action.kind is kind), None)


async def target(twins: Twins, resource: Resource, action: Action, **changes: Any) -> Target:
    """Return a row that an action can be done to: a deleted one to be restored, else a live one."""
    return await twins.fresh(resource, deleted=action.kind is ActionKind.RESTORE, **changes)


def written(twins: Twins, resource: Resource, action: Action, made: Target | None) -> Item:
    """Return an item with valid values for the action, of a row unless it makes one."""
    values = {}
    if action.kind in VALUED:
        values = twins.body(resource, changing=action.kind is not ActionKind.CREATE)
    return Item(values, made.id) if made is not None else Item(values)


async def plain(twins: Twins, resource: Resource, action: Action, label: str, **more: Any) -> WriteCase:
    """Return a whole and valid write of one row; an action of the resource's own may forbid it."""
    made = None if action.kind is ActionKind.CREATE else await target(twins, resource, action)
    if action.kind is ActionKind.REPLACE and made is not None:
        more = {"if_match": made.etag, **more}
    refusal = WHATEVER if action.kind is ActionKind.ITEM else None
    case = WriteCase(label, resource, action, (written(twins, resource, action, made),), refusal=refusal)
    return replace(case, **more)


async def many(
    twins: Twins, resource: Resource, action: Action, label: str, size: int = 3, **more: Any
) -> WriteCase:
    """Return a valid write of many rows."""
    targets: Sequence[Target | None] = [None] * size
    if action.kind is not ActionKind.CREATE:
        targets = await twins.fresh_rows(resource, size)
    items = tuple(written(twins, resource, action, made) for made in targets)
    return WriteCase(label, resource, action, items, bulk=True, **more)


async def creating(twins: Twins, resource: Resource) -> Cases:
    """Yield new rows: whole, with as little as possible, with nulls, and with texts of every kind."""
    action = action_of(resource, ActionKind.CREATE)
    if action is None:
        return

    def making(label: str, values: dict[str, Any], refusal: str | None = None) -> WriteCase:
        return WriteCase(label, resource, action, (Item(values),), refusal=refusal)

    yield making("everything", twins.body(resource))
    body, required = twins.body(resource), {field.name for field in resource.writable if field.required}
    least = {name: value for name, value in body.items() if name in required}
    yield making("what is required", least, WHATEVER)
    yield making("the same once more", least, WHATEVER)
    yield making("what is required and lists", least | _lists(resource, body), WHATEVER)
    nullable = [field.name for field in resource.writable if resource.facts[field.name].nullable]
    nulls = {name: None for name in nullable if name not in required}
    yield making("nulls", twins.body(resource) | nulls, WHATEVER)
    for name in nullable:
        if name not in required:
            yield making(f"without {name}", _without(twins.body(resource), name), WHATEVER)
            yield making(f"no {name}", twins.body(resource) | {name: None}, WHATEVER)
    for label, text in (("untidy texts", _UNTIDY), ("odd texts", _ODD)):
        yield making(label, twins.body(resource) | _texts(twins, resource, text))


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _lists(resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in resource.embedded_by_name}


def _texts(twins: Twins, resource: Resource, text: str) -> dict[str, str]:
    """Return one text for every field that takes any text."""
    unique = {field.name for field in unique_fields(resource)}
    return {
        field.name: text.format(n=next(twins.numbers))
        for field in resource.writable
        if resource.facts[field.name].kind is Kind.STRING
        and field.enum is None
        and field.check is None
        and not field.exact
        and field.name not in unique
        and (resource.facts[field.name].max_length or 99) > 40
    }


async def updating(twins: Twins, resource: Resource) -> Cases:
    """Yield one field at a time, nulls, everything, nothing, and maps that are merged."""
    action = action_of(resource, ActionKind.UPDATE)
    if action is None:
        return
    made = await twins.fresh(resource)

    def changing(label: str, values: dict[str, Any], **more: Any) -> WriteCase:
        return WriteCase(label, resource, action, (Item(values, made.id),), **more)

    for name, value in twins.body(resource, changing=True).items():
        yield changing(f"only {name}", {name: value}, refusal=WHATEVER)
        yield changing(f"{name} again", {name: value}, refusal=WHATEVER)
        yield changing(f"no {name}", {name: None}, refusal=WHATEVER)
    for field in resource.writable:
        for member in field.enum or () if not field.fixed else ():
            yield changing(f"{field.name} {member}", {field.name: str(member)}, refusal=WHATEVER)
        for members in _choices(twins, resource, field):
            yield changing(f"{field.name} {' and '.join(members)}", {field.name: members})
        if resource.facts[field.name].kind is Kind.DATETIME:
            yield changing(f"{field.name} past", {field.name: _PAST}, refusal=WHATEVER)
        if field.fixed:
            same = twins.rest.watch.row(_table(resource), made.id)[field.name]
            yield changing(f"{field.name} as it is", {field.name: same})
            yield changing(
                f"another {field.name}",
                {field.name: _other(twins, resource, field.name, same)},
                refusal="validation-failed",
                errors={field.name: "exclusion"},
            )
    made = await twins.fresh(resource)
    yield changing("everything", twins.body(resource, changing=True), if_match=made.etag)
    yield changing("nothing", {})
    yield changing("untidy texts", _texts(twins, resource, _UNTIDY), if_match="*")
    yield changing("odd texts", _texts(twins, resource, _ODD))
    for case in _merging(twins, resource, made):
        yield case
    for item in resource.embedded:
        async for case in _listing(twins, resource, action, item):
            yield case


def _choices(twins: Twins, resource: Resource, field: Field) -> Iterator[list[str]]:
    """Yield lists of what such a field may hold: everything, in no order and twice, one, and nothing."""
    if field.among is not None:
        offered = sorted(field.among(twins.catalog))
        yield offered
        yield [*reversed(offered[:3]), offered[0]]
        yield offered[-1:]
        yield []


def _table(resource: Resource) -> str:
    return str(resource.model.__tablename__)


def _other(twins: Twins, resource: Resource, name: str, value: Any) -> Any:
    """Return another valid value of a field."""
    field, relations = resource.all_fields[name], {each.via: each for each in resource.relations if each.one}
    if field.enum is not None:
        return next(str(member) for member in field.enum if str(member) != value)
    if name in relations:
        rows = twins.rest.world.live(twins.catalog.target(relations[name]))
        return next(row["id"] for row in rows if row["id"] != value)
    return twins.body(resource)[name]


def _merging(twins: Twins, resource: Resource, made: Target) -> list[WriteCase]:
    action = resource.actions_by_name["update"]
    found = []
    for field in resource.writable:
        facts = resource.facts[field.name]
        if facts.kind is Kind.JSON:
            for n, patch in enumerate(
                ({"deep": {"score": None, "new": [1]}, "added": {"x": None}}, {"source": None}, {}, [1], None)
            ):
                typed = field.among is not None and patch is not None
                item = Item({field.name: patch}, made.id)
                label = f"merge {n} into {field.name}"
                case = WriteCase(label, resource, action, (item,), merge=True, refusal=WHATEVER)
                found.append(replace(case, typed=typed))
    return found


async def _listing(twins: Twins, resource: Resource, action: Action, item: Embedded) -> Cases:
    """Yield embedded lists whose rows stay, change, go, come, and change places."""
    made = await twins.fresh(resource)
    via = resource.relations_by_name[item.relation].via

    def kept() -> list[str]:
        rows = twins.rest.watch.rows(_table(item.resource), via, made.id)
        live = (row for row in rows if row["deleted_at"] is None)
        return [row["id"] for row in sorted(live, key=lambda row: row["position"])]

    def listing(label: str, rows: list[dict[str, Any]]) -> WriteCase:
        values = {item.name: rows}
        return WriteCase(f"{item.name} {label}", resource, action, (Item(values, made.id),), refusal=WHATEVER)

    def new() -> dict[str, Any]:
        return line(item, twins.picks[resource.name][item.name], next(twins.numbers))

    yield listing("as they are", [{"id": id_} for id_ in kept()])
    yield listing("turned round", [{"id": id_} for id_ in reversed(kept())])
    for name in item.fields:
        first, *others = kept()
        yield listing(
            f"with another {name}", [{"id": first, name: new()[name]}, *({"id": id_} for id_ in others)]
        )
    first, *_ = kept()
    yield listing("without the last", [{"id": first}])
    yield listing("emptied", [])


async def replacing(twins: Twins, resource: Resource) -> Cases:
    """Yield whole rows, least rows, and a row as it was read."""
    action = action_of(resource, ActionKind.REPLACE)
    if action is None:
        return

    async def putting(label: str, values: dict[str, Any], **more: Any) -> WriteCase:
        made = await twins.fresh(resource)
        return WriteCase(label, resource, action, (Item(values, made.id),), **{"if_match": made.etag} | more)

    body = twins.body(resource, changing=True)
    required = {field.name for field in resource.writable if field.required}
    least = {name: value for name, value in body.items() if name in required}
    yield await putting("everything", body)
    yield await putting("everything, any version", twins.body(resource, changing=True), if_match="*")
    yield await putting("what is required", least, refusal=WHATEVER)
    yield await putting(
        "what is required and lists", least | _lists(resource, twins.body(resource)), refusal=WHATEVER
    )
    made = await twins.fresh(resource)
    read = await (await twins.client(twins.rest, "all:read")).get(f"/api/v1/{resource.path}/{made.id}")
    sendable = {field.name for field in resource.writable}
    again = {name: value for name, value in read.data().items() if name in sendable}
    for item in resource.embedded:
        again[item.name] = [
            {name: row[name] for name in ("id", *item.fields)} for row in read.data()[item.name]
        ]
    yield WriteCase("as it was read", resource, action, (Item(again, made.id),), if_match=made.etag)


async def acting(twins: Twins, resource: Resource) -> Cases:
    """Yield deletions, restorations and the resource's own actions, by every spelling of ids."""
    for action in resource.actions:
        if action.kind in (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE):
            continue
        refusal = WHATEVER if action.kind is ActionKind.ITEM else None
        for label, spelled in _SPELLINGS.items():
            made = await target(twins, resource, action)
            yield WriteCase(label, resource, action, (Item(id=spelled(made.id)),), refusal=refusal)
        for label, if_match in _FITTING.items():
            made = await target(twins, resource, action)
            yield WriteCase(
                label, resource, action, (Item(id=made.id),), if_match=if_match(made.etag), refusal=refusal
            )
        for field in action.inputs:
            for value in {field.minimum, field.default, field.maximum} - {None}:
                made = await target(twins, resource, action)
                item = Item({field.name: int(value) if isinstance(value, Decimal) else value}, made.id)
                yield WriteCase(f"{field.name} {value}", resource, action, (item,))
    restore = action_of(resource, ActionKind.RESTORE)
    if restore is not None:
        made = await twins.fresh(resource)
        yield WriteCase("what lives", resource, restore, (Item(id=made.id),), still=True)


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "its id": str,
    "its id in capitals": str.upper,
    "its id without hyphens": lambda id_: id_.replace("-", ""),
    "its short id": short_identifier,
}
_FITTING: dict[str, Callable[[str], str]] = {
    "its version": str,
    "any version": lambda _: "*",
    "one of several versions": lambda etag: f'"other", W/"weak" ,{etag}',
}


async def bulk(twins: Twins, resource: Resource) -> Cases:
    """Yield many rows at once, each way, all of them good."""
    for action in resource.actions:
        if in_bulk(resource, action):
            yield await many(twins, resource, action, "three")
            yield await many(twins, resource, action, "three, each by itself", atomic=False)
            yield await many(twins, resource, action, "one", 1)
    update = action_of(resource, ActionKind.UPDATE)
    if update is not None and resource.bulk:
        targets = [await twins.fresh(resource) for _ in range(3)]
        body = twins.body(resource, changing=True)
        unique = {field.name for field in unique_fields(resource)}
        for name in body.keys() - unique - resource.embedded_by_name.keys():
            # Every row has its own columns to change.
            items = (Item({name: body[name]}, targets[0].id), Item({}, targets[1].id))
            label = f"only {name} of one"
            yield WriteCase(label, resource, update, items, bulk=True, refusal=WHATEVER)
        for case in _merging(twins, resource, targets[2]):
            items = (*case.items, Item({}, targets[0].id))
            yield replace(case, items=items, bulk=True)


async def trials(twins: Twins, resource: Resource) -> Cases:
    """Yield every action as a trial: the same answers, and nothing stays, not even the key."""
    for action in resource.actions:
        yield await plain(twins, resource, action, "tried", dry_run=True)
        yield await plain(twins, resource, action, "tried with a key", dry_run=True, key=key(twins))
        if in_bulk(resource, action):
            yield await many(twins, resource, action, "tried", dry_run=True)
            yield await many(twins, resource, action, "tried, each by itself", dry_run=True, atomic=False)


async def keyed(twins: Twins, resource: Resource) -> Cases:
    """Yield every action with a key: the same record is kept on both sides, of successes and of refusals."""
    for action in resource.actions:
        yield await plain(twins, resource, action, "with a key", key=key(twins))
        if in_bulk(resource, action):
            yield await many(twins, resource, action, "with a key", key=key(twins))
        if action.kind is not ActionKind.CREATE:
            yield await plain(
                twins,
                resource,
                action,
                "a stale one with a key",
                key=key(twins),
                if_match='"stale"',
                refusal="precondition-failed",
            )


def key(twins: Twins) -> str:
    """Return a key that nobody has used."""
    return f"key-{next(twins.numbers)}"


async def states(twins: Twins, resource: Resource) -> Cases:
    """Yield every action on rows in every state that only the server can bring about."""
    for field in resource.fields:
        if field.enum is None or field.writable:
            continue
        for member in field.enum:
            for action in resource.actions:
                if action.kind is ActionKind.CREATE:
                    continue
                made = await target(twins, resource, action, **{field.name: str(member)})
                item = written(twins, resource, action, made)
                label = f"{field.name} {member}"
                yield WriteCase(label, resource, action, (item,), if_match="*", refusal=WHATEVER)
                if in_bulk(resource, action):
                    other = await target(twins, resource, action)
                    made = await target(twins, resource, action, **{field.name: str(member)})
                    items = (written(twins, resource, action, other), written(twins, resource, action, made))
                    for atomic in (True, False):
                        label = f"{field.name} {member}{'' if atomic else ', each by itself'}"
                        yield WriteCase(
                            label, resource, action, items, bulk=True, atomic=atomic, refusal=WHATEVER
                        )
    for state in _stored_states(twins, resource):
        told = " and ".join(f"{name} {'null' if value is None else 'set'}" for name, value in state.items())
        for action in resource.actions:
            if action.kind is not ActionKind.CREATE:
                made = await target(twins, resource, action, **state)
                item = written(twins, resource, action, made)
                yield WriteCase(told, resource, action, (item,), if_match="*", refusal=WHATEVER)


def _stored_states(twins: Twins, resource: Resource) -> Iterator[dict[str, Any]]:
    """Yield what the server itself has put down in stored rows, one of each kind: moments, and who did it."""
    unique = {name for columns in distinct(resource.model) for name in columns}
    own = [
        field
        for field in resource.fields
        if not (field.writable or field.name in unique)
        and (field.enum is not None or resource.facts[field.name].kind in _BY_THE_SERVER)
    ]
    if all(field.enum is not None for field in own):
        return
    seen = set()
    for row in twins.rest.world.live(resource):
        kind = tuple(row[field.name] if field.enum else row[field.name] is None for field in own)
        if kind not in seen:
            seen.add(kind)
            yield {field.name: row[field.name] for field in own}


EFFECTS: dict[str, Group] = {
    "creating": creating,
    "updating": updating,
    "replacing": replacing,
    "acting": acting,
    "bulk": bulk,
    "trials": trials,
    "keyed": keyed,
    "states": states,
}
"""Every write that a token for everything may make."""
