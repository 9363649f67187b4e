"""What clients do: make, change and delete rows, and ask for what must be refused."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

from services.engine.versions import tag
from tests.faults.clients import Act, Client
from tests.faults.ledger import Entry
from tests.faults.operations import CUSTOMER, ORDER, PRODUCT, Named, Operation

# Making


async def create(client: Client, resource: Named = PRODUCT, *, keyed: bool = True) -> Entry | None:
    """Make one row."""
    marker = client.marker()
    lines = client.chance.randint(1, 3) if resource is ORDER else 0
    asked = Operation(resource, "create", _values(resource, marker, lines))
    answer = await client.ended(client.keyed(asked) if keyed else asked, {201}, marker)
    if answer is None:
        return None
    entry = client.enter(resource, answer.written[0].id, marker, lines=lines)
    client.note(entry, answer)
    return entry


async def create_keyless(client: Client) -> None:
    """Make one product without a key: it is asked for once only."""
    await create(client, keyed=False)


async def create_customer(client: Client) -> None:
    """Make one customer."""
    await create(client, CUSTOMER)


async def create_order(client: Client) -> None:
    """Make an order with lines."""
    await create(client, ORDER)


async def create_many(client: Client) -> None:
    """Make several products at once."""
    markers = [client.marker() for _ in range(client.chance.randint(2, 8))]
    items = [_values(PRODUCT, marker) for marker in markers]
    answer = await client.ended(client.keyed(Operation(PRODUCT, "create", items=items)), {201})
    if answer is not None:
        for marker, row in zip(markers, answer.written, strict=True):
            client.enter(PRODUCT, row.id, marker)


# Changing


async def update(client: Client) -> None:
    """Change a row of one's own, whose version is known."""
    await _change(client, "update", "updated", lambda entry: {"metadata": _metadata(client, entry)})


async def replace(client: Client) -> None:
    """Replace a product of one's own."""
    await _change(client, "replace", "updated", lambda entry: _values(PRODUCT, entry.marker), (PRODUCT,))


async def delete(client: Client) -> None:
    """Delete a row of one's own."""
    await _change(client, "delete", "deleted", None, (PRODUCT, CUSTOMER))


async def restore(client: Client) -> None:
    """Restore a row of one's own."""
    await _change(client, "restore", "restored", None, (PRODUCT, CUSTOMER), deleted=True)


async def confirm(client: Client) -> None:
    """Confirm an order of one's own."""
    await _change(client, "confirm", "confirmed", None, (ORDER,), fitting=lambda e: not _confirmed(e))


async def update_shared(client: Client) -> None:
    """Change a row that others change at the same time: one wins, the others are told."""
    entry = client.chance.choice(client.crowd.shared)
    seen = entry.version
    asked = Operation(PRODUCT, "update", {"quantity": seen}, id=entry.id, if_match=tag(entry.id, seen))
    answer = await client.ended(client.keyed(asked), {200, 412})
    if answer is not None and answer.status == 200:
        if answer.written[0].etag != tag(entry.id, seen + 1):
            client.complain(asked, answer)
        # Another's answer may have overtaken this one, so whose document is the last is not known.
        entry.actions.append("updated")
        entry.document = None


async def update_many(client: Client) -> None:
    """Change several products of one's own at once."""
    chosen = _some_products(client)
    items = [{"id": entry.id, "metadata": _metadata(client, entry)} for entry in chosen]
    await _change_many(client, Operation(PRODUCT, "update", items=items), chosen, "updated")


async def delete_many(client: Client) -> None:
    """Delete several products of one's own at once."""
    chosen = _some_products(client)
    asked = Operation(PRODUCT, "delete", items=[entry.id for entry in chosen])
    await _change_many(client, asked, chosen, "deleted")


# Being refused


async def invalid(client: Client) -> None:
    """Send values that are refused, alone or among good ones."""
    bad = {"name": client.marker(), "price_cents": -1, "currency": "EUR"}
    if client.chance.random() < 0.5:
        asked = Operation(PRODUCT, "create", bad)
    else:
        asked = Operation(PRODUCT, "create", items=[_values(PRODUCT, client.marker()), bad])
    await client.ended(client.keyed(asked), {422})


async def partly(client: Client) -> None:
    """Send good values and bad ones, the good to be written."""
    marker = client.marker()
    items = [{"name": "x", "price_cents": -1}, _values(PRODUCT, marker), {"name": None}]
    asked = client.keyed(Operation(PRODUCT, "create", items=items, atomic=False))
    answer = await client.ended(asked, {207})
    if answer is not None:
        if [row.status for row in answer.written] != [422, None, 422]:
            client.complain(asked, answer)
        client.enter(PRODUCT, answer.written[1].id, marker)


async def stale(client: Client) -> None:
    """Name a version that the row no longer has."""
    if entry := client.pick((PRODUCT, CUSTOMER, ORDER)):
        old = tag(entry.id, entry.version - 1)
        action = client.chance.choice(("update", "delete"))
        values = {"metadata": {}} if action == "update" else {}
        asked = Operation(_named(entry), action, values, id=entry.id, if_match=old)
        await client.ended(client.keyed(asked), {412})


async def unconditional(client: Client) -> None:
    """Replace a row without naming its version."""
    if entry := client.pick((PRODUCT,)):
        asked = Operation(PRODUCT, "replace", _values(PRODUCT, entry.marker), id=entry.id)
        await client.ended(client.keyed(asked), {428})


async def absent(client: Client) -> None:
    """Change a row that there is not."""
    asked = Operation(PRODUCT, "update", {"quantity": 1}, id=str(uuid.uuid4()))
    await client.ended(client.keyed(asked), {404})


async def forbidden(client: Client) -> None:
    """Confirm an order a second time, or delete one that is confirmed: its state forbids both."""
    if entry := client.pick((ORDER,), _confirmed):
        asked = Operation(ORDER, client.chance.choice(("confirm", "delete")), id=entry.id)
        await client.ended(client.keyed(asked), {409})


async def trial(client: Client) -> None:
    """Try a write without meaning it."""
    entry = client.pick((PRODUCT,))
    if entry is None or client.chance.random() < 0.5:
        resource = client.chance.choice((PRODUCT, ORDER))
        asked = Operation(resource, "create", _values(resource, client.marker(), 2), dry_run=True)
        await client.ended(asked, {201})
    else:
        asked = Operation(PRODUCT, "update", {"name": client.marker()}, id=entry.id, dry_run=True)
        await client.ended(asked, {200})


# Parts


async def _change(
    client: Client,
    action: str,
    event: str,
    values: Callable[[Entry], dict[str, Any]] | None,
    resources: Collection[Named] = (PRODUCT, CUSTOMER, ORDER),
    *,
    deleted: bool = False,
    fitting: Callable[[Entry], bool] = lambda _: True,
) -> None:
    entry = client.pick(resources, fitting, deleted=deleted)
    if entry is None:
        await create(client, client.chance.choice(tuple(resources)))
        return
    given = {} if values is None else values(entry)
    asked = Operation(_named(entry), action, given, id=entry.id, if_match=tag(entry.id, entry.version))
    answer = await client.ended(client.keyed(asked), {204 if action == "delete" else 200})
    if answer is not None:
        entry.actions.append(event)
        client.note(entry, answer)


async def _change_many(client: Client, asked: Operation, chosen: list[Entry], event: str) -> None:
    if not chosen:
        return
    answer = await client.ended(client.keyed(asked), {200})
    if answer is not None:
        if [row.id for row in answer.written] != [entry.id for entry in chosen]:
            client.complain(asked, answer)
        for entry in chosen:
            entry.actions.append(event)
            entry.document = None


def _some_products(client: Client) -> list[Entry]:
    found = [entry for entry in client.own if entry.resource == PRODUCT.name and not entry.deleted]
    return client.chance.sample(found, min(len(found), client.chance.randint(2, 8)))


def _metadata(client: Client, entry: Entry) -> dict[str, Any]:
    return {"marker": entry.marker, "n": client.chance.randint(1, 99)}


def _confirmed(entry: Entry) -> bool:
    return "confirmed" in entry.actions


def _named(entry: Entry) -> Named:
    return {each.name: each for each in (PRODUCT, CUSTOMER, ORDER)}[entry.resource]


def _values(resource: Named, marker: str, lines: int = 0) -> dict[str, Any]:
    if resource is ORDER:
        items = [{"name": f"line {n}", "quantity": n + 1, "unit_price_cents": 250} for n in range(lines)]
        return {"currency": "EUR", "metadata": {"marker": marker}, "line_items": items}
    return {"name": marker, "metadata": {"marker": marker}}


# How often each is done

WRITING: dict[Act, int] = {
    create: 4,
    create_customer: 2,
    create_order: 2,
    create_many: 2,
    update: 4,
    replace: 1,
    delete: 1,
    restore: 1,
    confirm: 1,
    update_shared: 3,
    update_many: 1,
    delete_many: 1,
}
REFUSED: dict[Act, int] = {
    invalid: 3,
    partly: 2,
    stale: 3,
    unconditional: 1,
    absent: 1,
    forbidden: 1,
    trial: 3,
}
MOSTLY_WRITING: dict[Act, int] = WRITING | dict.fromkeys(REFUSED, 1)
MOSTLY_REFUSED: dict[Act, int] = dict.fromkeys(WRITING, 1) | {act: 2 * n for act, n in REFUSED.items()}
