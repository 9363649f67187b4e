"""Rules of orders: totals, lines, states, and what comes and goes with them."""

from typing import Any

import pytest

from diptych.edge import Application
from tests.support.application import driver_of
from tests.support.client import Answer, Client
from tests.support.seed import LARGEST_SAFE_INTEGER, Seed
from tests.support.stored import Stored

ORDERS = "/api/v1/orders"
ANY = [("if-match", "*")]
LOOSE = {"name": "Loose", "unit_price_cents": 105, "quantity": 3}
WAYS = {
    "pending": (),
    "confirmed": ("confirm",),
    "shipped": ("confirm", "ship"),
    "delivered": ("confirm", "ship", "deliver"),
    "cancelled": ("cancel",),
}
ALLOWED = {
    ("pending", "confirm"): "confirmed",
    ("pending", "cancel"): "cancelled",
    ("confirmed", "ship"): "shipped",
    ("confirmed", "cancel"): "cancelled",
    ("shipped", "deliver"): "delivered",
}


async def made(shop: Client, state: str = "pending", **values: Any) -> dict[str, Any]:
    """Return a new order in that state, with one line unless said otherwise."""
    body = {"currency": "GBP", "line_items": [LOOSE], **values}
    order = (await shop.post(ORDERS, body)).data(201)
    for action in WAYS[state]:
        order = (await shop.post(f"{ORDERS}/{order['id']}/{action}", {})).data()
    return order


async def product(shop: Client, **values: Any) -> dict[str, Any]:
    body = {"name": "Tea", "price_cents": 250, "currency": "GBP", **values}
    return (await shop.post("/api/v1/products", body)).data(201)


async def patched(shop: Client, order: dict[str, Any], **values: Any) -> Answer:
    return await shop.patch(f"{ORDERS}/{order['id']}", values)


async def read(shop: Client, order: dict[str, Any]) -> dict[str, Any]:
    return (await shop.get(f"{ORDERS}/{order['id']}?include_deleted=true")).data()


def ids(order: dict[str, Any]) -> list[str]:
    return [line["id"] for line in order["line_items"]]


# Totals


async def test_the_server_computes_the_example_of_the_law(shop: Client) -> None:
    """S3-313, S3-314, S3-316, C-43: ten times 999 and once 5999, in the order's currency."""
    order = await made(
        shop,
        tax_rate="0.0875",
        line_items=[
            {"name": "Widget", "unit_price_cents": 999, "quantity": 10},
            {"name": "Gadget", "unit_price_cents": 5999, "quantity": 1},
        ],
    )

    amounts = (order["subtotal_cents"], order["tax_cents"], order["total_cents"])
    assert amounts == (15989, 1399, 17388)
    assert [
        (line["line_total_cents"], line["currency"], line["position"]) for line in order["line_items"]
    ] == [
        (9990, "GBP", 0),
        (5999, "GBP", 1),
    ]


@pytest.mark.parametrize(("cents", "tax"), [(250, 2), (350, 4), (251, 3), (-250, -2), (0, 0)])
async def test_tax_is_rounded_half_to_even(shop: Client, cents: int, tax: int) -> None:
    """C-43: once for the whole order."""
    line = {"name": "x", "unit_price_cents": cents, "quantity": 1}

    order = await made(shop, tax_rate="0.01", line_items=[line])

    assert (order["tax_cents"], order["total_cents"]) == (tax, cents + tax)


async def test_amounts_that_are_sent_count_for_nothing(shop: Client) -> None:
    """Q-02: totals are the server's alone."""
    lie = {"subtotal_cents": 1, "tax_cents": 1, "total_cents": 1, "number": "7", "status": "delivered"}
    line = {**LOOSE, "line_total_cents": 1, "currency": "USD", "position": 9, "order_id": "x"}

    order = await made(shop, **lie, line_items=[line])

    assert (order["total_cents"], order["status"]) == (315, "pending")
    assert order["number"] != "7"
    assert (
        order["line_items"][0].items() >= {"line_total_cents": 315, "currency": "GBP", "position": 0}.items()
    )


async def test_another_tax_rate_makes_other_totals(shop: Client) -> None:
    order = await made(shop)

    after = (await patched(shop, order, tax_rate="0.2")).data()

    assert (after["subtotal_cents"], after["tax_cents"], after["total_cents"]) == (315, 63, 378)
    assert after["line_items"] == order["line_items"]


async def test_amounts_beyond_safe_integers_are_refused(shop: Client, stored: Stored) -> None:
    """RFC 8259, section 6: a line, the lines together, and the tax on them."""
    most = {"name": "x", "unit_price_cents": LARGEST_SAFE_INTEGER, "quantity": 1}
    order = await made(shop, line_items=[most])

    with stored.unchanged():
        one = await shop.post(ORDERS, {"currency": "GBP", "line_items": [{**most, "quantity": 2}]})
        two = await shop.post(ORDERS, {"currency": "GBP", "line_items": [most, most]})
        taxed = await patched(shop, order, tax_rate="1")
    one.invalid_at({"line_items.0.quantity": ["less_than"]})
    two.invalid_at({"line_items": ["less_than"]})
    taxed.invalid_at({"tax_rate": ["less_than"]})


# Lines that are sent


async def test_a_line_takes_what_it_does_not_say_from_its_product(shop: Client) -> None:
    tea = await product(shop)
    sent = [
        {"product_id": tea["id"], "quantity": 2},
        {"product_id": tea["id"], "quantity": 1, "name": "Tea, dented", "unit_price_cents": 100},
    ]

    order = await made(shop, line_items=sent)

    assert [(line["name"], line["unit_price_cents"]) for line in order["line_items"]] == [
        ("Tea", 250),
        ("Tea, dented", 100),
    ]
    assert order["total_cents"] == 600


async def test_every_fault_of_every_line_is_told_at_once(shop: Client, stored: Stored) -> None:
    """S3-266: by path."""
    lines: list[Any] = [
        {"name": "x", "unit_price_cents": "1", "quantity": 1},
        "tea",
        {"name": "", "unit_price_cents": 1},
        {
            "name": "x",
            "unit_price_cents": 1,
            "quantity": 1.5,
            "colour": "red",
            "deleted_at": "2026-01-01T00:00:00Z",
        },
        {"id": "x", "product_id": "y"},
    ]

    with stored.unchanged():
        answer = await shop.post(ORDERS, {"currency": "XXX", "line_items": lines})

    answer.invalid_at(
        {
            "currency": ["inclusion"],
            "line_items.0.unit_price_cents": ["not_an_integer"],
            "line_items.1": ["invalid_format"],
            "line_items.2.name": ["cant_be_blank"],
            "line_items.2.quantity": ["cant_be_blank"],
            "line_items.3.quantity": ["not_an_integer"],
            "line_items.3.colour": ["unknown_field"],
            "line_items.3.deleted_at": ["exclusion"],
            "line_items.4.product_id": ["invalid_uuid"],
            "line_items.4.id": ["invalid_uuid"],
        }
    )


async def test_lines_must_make_sense_within_their_order(
    shop: Client, stranger: Client, stored: Stored
) -> None:
    """A line needs a name, a price and a quantity, and a product of the workspace in the same currency."""
    euro, bare = await product(shop, currency="EUR"), await product(shop, price_cents=None, currency=None)
    foreign, other = await product(stranger), await made(shop)
    lines = [
        {"product_id": euro["id"], "quantity": 1},
        {"product_id": bare["id"], "quantity": 1},
        {"product_id": foreign["id"], "quantity": 1},
        {"quantity": 0},
        {"id": other["line_items"][0]["id"], "quantity": 1},
    ]

    with stored.unchanged():
        answer = await shop.post(ORDERS, {"currency": "GBP", "line_items": lines})

    found = answer.invalid_at(
        {
            "line_items.0.product_id": ["exclusion"],
            "line_items.1.unit_price_cents": ["cant_be_blank"],
            "line_items.2.product_id": ["not_found"],
            "line_items.3.name": ["cant_be_blank"],
            "line_items.3.unit_price_cents": ["cant_be_blank"],
            "line_items.3.quantity": ["greater_than"],
            "line_items.4.id": ["not_found"],
        }
    )
    assert "EUR" in found["error_messages"]["line_items.0.product_id"][0]


async def test_who_may_not_read_products_cannot_sell_them(shop: Client, traded: Seed) -> None:
    """Q-03: what a token may not read does not exist for it."""
    tea, clerk = await product(shop), shop.using(traded.tokens["acme", "order_writer"])
    body = {"currency": "GBP", "line_items": [{"product_id": tea["id"], "quantity": 1}]}

    refused = (await clerk.post(ORDERS, body)).invalid_at({"line_items.0.product_id": ["not_found"]})
    assert refused["required_scope"] == "products:read"
    (await clerk.post(ORDERS, {"currency": "GBP", "line_items": [LOOSE]})).data(201)


async def test_a_lacking_scope_is_told_where_it_lacks(shop: Client, stored: Stored, traded: Seed) -> None:
    """S3-076, C-52: what one item lacks is no other's matter."""
    buyer = (await shop.post("/api/v1/customers", {"name": "Ada"})).data(201)
    items = [{"currency": "GBP", "customer_id": buyer["id"]}, {"currency": "gbp"}]

    with stored.unchanged():
        answer = await shop.using(traded.tokens["acme", "order_writer"]).post(
            f"{ORDERS}/bulk?atomic=false", {"items": items}
        )

    first, second = (entry["error"] for entry in answer.problem(422)["data"])
    assert (first["errors"], first["required_scope"]) == ({"customer_id": ["not_found"]}, "customers:read")
    assert second["errors"] == {"currency": ["inclusion"]}
    assert "required_scope" not in second


async def test_the_currency_stays_once_a_product_is_gone(shop: Client, stored: Stored) -> None:
    """Nobody can tell its price in another one."""
    tea = await product(shop)
    order = await made(shop, line_items=[{"product_id": tea["id"], "quantity": 1}])
    await shop.delete(f"/api/v1/products/{tea['id']}")

    with stored.unchanged():
        answer = await patched(shop, order, currency="EUR")

    answer.invalid(currency=["exclusion"])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "cant_be_blank"),
        ({}, "invalid_format"),
        ("[]", "invalid_format"),
        ([LOOSE] * 501, "too_long"),
    ],
)
async def test_lines_are_a_list_of_bounded_length(shop: Client, stored: Stored, sent: Any, code: str) -> None:
    with stored.unchanged():
        answer = await shop.post(ORDERS, {"currency": "GBP", "line_items": sent})

    answer.invalid_at({"line_items": [code]})


async def test_the_longest_list_of_lines_is_written_and_read(shop: Client) -> None:
    order = await made(shop, line_items=[LOOSE] * 500)

    assert [line["position"] for line in (await read(shop, order))["line_items"]] == list(range(500))
    assert order["total_cents"] == 500 * 315


async def test_only_new_lines_are_counted(shop: Client, stored: Stored) -> None:
    """Q-02: an order that has grown line by line, or was imported, can be sent back as it was read."""
    order = await made(shop, line_items=[LOOSE] * 500)
    (await shop.post("/api/v1/order-items", {**LOOSE, "order_id": order["id"]})).data(201)
    answer = await shop.get(f"{ORDERS}/{order['id']}")
    grown, tag = answer.data(), [("if-match", answer.header("etag") or "")]

    again = (await shop.put(f"{ORDERS}/{order['id']}", grown, headers=tag)).data()

    assert again == {**grown, "updated_at": again["updated_at"]}
    assert len(again["line_items"]) == 501
    with stored.unchanged():
        more = await patched(shop, order, line_items=[*grown["line_items"], *[LOOSE] * 501])
    more.invalid(line_items=["too_long"])


async def test_the_same_line_cannot_be_sent_twice(shop: Client, stored: Stored) -> None:
    order = await made(shop)
    line = order["line_items"][0]

    with stored.unchanged():
        answer = await patched(shop, order, line_items=[line, line])

    answer.invalid_at({"line_items.1.id": ["already_taken"]})


async def test_lines_are_changed_added_and_left_out_by_id(shop: Client, stored: Stored) -> None:
    """Each line that is written has its event; those that stay have none."""
    order = await made(shop, line_items=[LOOSE, {**LOOSE, "name": "Kept"}, {**LOOSE, "name": "Gone"}])
    changed, kept, gone = ids(order)

    after = (
        await patched(
            shop,
            order,
            line_items=[
                {"id": kept},
                {"id": changed, "quantity": 1},
                {"name": "New", "unit_price_cents": 1, "quantity": 1},
            ],
        )
    ).data()

    new = ids(after)[2]
    assert [(line["id"], line["name"], line["quantity"]) for line in after["line_items"]] == [
        (kept, "Kept", 3),
        (changed, "Loose", 1),
        (new, "New", 1),
    ]
    assert after["total_cents"] == 315 + 105 + 1
    assert {id_: [event["type"] for event in stored.events(id_)] for id_ in (changed, kept, gone, new)} == {
        changed: ["order_item.created", "order_item.updated"],
        kept: ["order_item.created"],
        gone: ["order_item.created", "order_item.deleted"],
        new: ["order_item.created"],
    }
    for id_ in (changed, kept, gone, new):
        stored.settled(id_, stored.row("order_items", id_)["version"])
    stored.settled(order["id"], 2)
    event = stored.events(order["id"])[1]
    assert (event["type"], event["data"]) == ("order.updated", after)


async def test_a_line_of_another_product_is_named_and_priced_anew(shop: Client) -> None:
    tea, milk = await product(shop), await product(shop, name="Milk", price_cents=99)
    order = await made(shop, line_items=[{"product_id": tea["id"], "quantity": 2}])

    after = await patched(shop, order, line_items=[{"id": ids(order)[0], "product_id": milk["id"]}])

    line = after.data()["line_items"][0]
    assert (line["id"], line["name"], line["line_total_cents"]) == (ids(order)[0], "Milk", 198)


async def test_an_order_can_be_sent_back_as_it_was_read(shop: Client, stored: Stored, traded: Seed) -> None:
    """Q-02: imported returns, lines of deleted products and any position stay as they are."""
    quantities = set()
    for row in traded.live("orders"):
        target = f"{ORDERS}/{row['id']}"
        answer = await shop.get(target)
        before = answer.data()
        lines = [stored.row("order_items", id_) for id_ in ids(before)]

        again = await shop.put(target, before, headers=[("if-match", answer.header("etag") or "")])

        assert {**again.data(), "updated_at": None} == {**before, "updated_at": None}
        assert [stored.row("order_items", id_) for id_ in ids(before)] == lines
        quantities |= {line["quantity"] for line in lines}
    assert min(quantities) == -1


# Replacing, and what is fixed later


async def test_a_replacement_without_lines_takes_them_away(shop: Client) -> None:
    """S3-163: what is left out is reset."""
    order = await made(shop, tax_rate="0.2")

    after = (await shop.put(f"{ORDERS}/{order['id']}", {"currency": "GBP"}, headers=ANY)).data()

    assert after["line_items"] == []
    assert (after["tax_rate"], after["total_cents"], after["placed_at"]) == ("0", 0, None)


@pytest.mark.parametrize("state", ["confirmed", "shipped", "delivered", "cancelled"])
async def test_lines_currency_and_tax_rate_are_fixed_once_an_order_left_pending(
    shop: Client, stored: Stored, state: str
) -> None:
    order = await made(shop, state)
    line = order["line_items"][0]
    others: list[dict[str, Any]] = [
        {"currency": "EUR"},
        {"tax_rate": "0.2"},
        {"line_items": []},
        {"line_items": [{**line, "quantity": 4}]},
        {"line_items": [line, LOOSE]},
        {"line_items": [LOOSE | {"name": "Other"}]},
    ]

    with stored.unchanged():
        for body in others:
            (await patched(shop, order, **body)).names(409, state, next(iter(body)))
        answer = await shop.put(f"{ORDERS}/{order['id']}", {"currency": "GBP"}, headers=ANY)
        answer.names(409, state, "line_items")


async def test_a_confirmed_order_takes_the_rest_and_what_is_equal(shop: Client, stored: Stored) -> None:
    order = await made(shop, "confirmed")

    whole = await shop.put(f"{ORDERS}/{order['id']}", {**order, "metadata": {"gift": True}}, headers=ANY)
    part = await patched(shop, order, line_items=[LOOSE], tax_rate="0.0", currency="GBP")

    assert whole.data()["metadata"] == {"gift": True}
    assert part.data()["line_items"] == order["line_items"]
    assert stored.row("order_items", ids(order)[0])["version"] == 1


async def test_lines_follow_their_order_into_another_currency(shop: Client, stored: Stored) -> None:
    order = await made(shop)

    after = (await patched(shop, order, currency="EUR")).data()

    assert [line["currency"] for line in after["line_items"]] == ["EUR"]
    assert after["total_cents"] == order["total_cents"]
    stored.settled(ids(order)[0], 2)


async def test_products_keep_an_order_in_their_currency(shop: Client, stored: Stored) -> None:
    tea = await product(shop)
    order = await made(shop, line_items=[{"product_id": tea["id"], "quantity": 1}])

    with stored.unchanged():
        answer = await patched(shop, order, currency="EUR")

    answer.invalid_at({"currency": ["exclusion"]})


# States


@pytest.mark.parametrize("action", ["confirm", "ship", "deliver", "cancel"])
@pytest.mark.parametrize("state", WAYS)
async def test_orders_move_on_one_way_only(shop: Client, stored: Stored, state: str, action: str) -> None:
    """M4: pending, confirmed, shipped, delivered; cancelled from the first two."""
    order = await made(shop, state)
    target = f"{ORDERS}/{order['id']}/{action}"
    then = ALLOWED.get((state, action))

    if then is None:
        with stored.unchanged():
            (await shop.post(target, {})).names(409, f"The order is {state};", "can become")
    else:
        assert (await shop.post(target, {})).data()["status"] == then
        assert stored.events(order["id"])[-1]["type"] == f"order.{then}"
        assert stored.audits(order["id"])[-1]["after"]["status"] == then
        stored.settled(order["id"], stored.row("orders", order["id"])["version"])


async def test_an_order_without_lines_cannot_be_confirmed(shop: Client, stored: Stored) -> None:
    order = await made(shop, line_items=[])

    with stored.unchanged():
        (await shop.post(f"{ORDERS}/{order['id']}/confirm", {})).names(409, "without lines")


async def test_an_order_is_placed_when_it_is_made_or_else_when_it_is_confirmed(shop: Client) -> None:
    now, later = await made(shop), await made(shop, placed_at=None)
    given = await made(shop, placed_at="2026-01-01T00:00:00Z")

    assert now["placed_at"] is not None
    assert later["placed_at"] is None
    confirmed = [
        (await shop.post(f"{ORDERS}/{order['id']}/confirm", {})).data() for order in (now, later, given)
    ]
    assert confirmed[0]["placed_at"] == now["placed_at"]
    assert confirmed[1]["placed_at"] is not None
    assert confirmed[2]["placed_at"] == "2026-01-01T00:00:00Z"


# Deleting and restoring


async def test_lines_go_and_come_back_with_their_order(shop: Client, stored: Stored) -> None:
    """A line that was deleted before stays deleted."""
    order = await made(shop, line_items=[LOOSE, LOOSE, LOOSE])
    alone, *others = ids(order)
    await shop.delete(f"/api/v1/order-items/{alone}")
    before = await read(shop, order)

    assert (await shop.delete(f"{ORDERS}/{order['id']}")).status == 204
    moments = {stored.row("order_items", id_)["deleted_at"] for id_ in others}
    assert moments == {stored.row("orders", order["id"])["deleted_at"]}
    assert (await read(shop, order))["line_items"] == []
    after = (await shop.post(f"{ORDERS}/{order['id']}/restore", {})).data()

    assert after["line_items"] == before["line_items"]
    assert ids(after) == others
    assert after["total_cents"] == 630
    types = [event["type"] for event in stored.events(others[0])]
    assert types == ["order_item.created", "order_item.deleted", "order_item.restored"]
    for id_ in ids(order):
        stored.settled(id_, stored.row("order_items", id_)["version"])


@pytest.mark.parametrize("state", WAYS)
async def test_only_pending_and_cancelled_orders_can_be_deleted(
    shop: Client, stored: Stored, state: str
) -> None:
    order = await made(shop, state)
    target = f"{ORDERS}/{order['id']}"

    if state in ("pending", "cancelled"):
        assert (await shop.delete(target)).status == 204
    else:
        with stored.unchanged():
            (await shop.delete(target)).names(409, state)


# Many at once, and documents


async def test_a_hundred_orders_take_as_many_statements_as_two(shop: Client, trading: Application) -> None:
    tea, driver = await product(shop), driver_of(trading)
    counts = []
    for many in (2, 100):
        lines = [{"product_id": tea["id"], "quantity": 1}, LOOSE]
        items = [{"currency": "GBP", "line_items": lines} for _ in range(many)]
        before = driver.statements_sent
        orders = await shop.post(f"{ORDERS}/bulk", {"items": items})
        assert len(orders.json()["data"]) == many
        made_ = [each["data"] for each in orders.json()["data"]]
        patches = [{"id": each["id"], "line_items": [{"id": ids(each)[0]}, LOOSE]} for each in made_]
        assert (await shop.patch(f"{ORDERS}/bulk", {"items": patches})).status == 200
        gone = await shop.post(f"{ORDERS}/bulk-delete", {"ids": [each["id"] for each in made_]})
        assert gone.json()["summary"]["succeeded"] == many
        counts.append(driver.statements_sent - before)

    assert counts[0] == counts[1]


async def test_orders_that_fail_leave_the_others_their_lines(shop: Client, stored: Stored) -> None:
    """C-52: with atomic=false."""
    items = [
        {"currency": "GBP", "line_items": [LOOSE]},
        {"currency": "GBP", "line_items": [{"quantity": 1}]},
        {"currency": "GBP", "line_items": [LOOSE, LOOSE]},
    ]
    lines = stored.count("order_items")

    answer = await shop.post(f"{ORDERS}/bulk?atomic=false", {"items": items})

    assert answer.status == 207
    first, second, third = answer.json()["data"]
    assert second["error"]["errors"] == {
        "line_items.0.name": ["cant_be_blank"],
        "line_items.0.unit_price_cents": ["cant_be_blank"],
    }
    assert int(third["data"]["number"]) == int(first["data"]["number"]) + 1
    assert stored.count("order_items") == lines + 3


async def test_lines_can_be_asked_for_alone_but_not_searched_by(shop: Client) -> None:
    """C-45: a part of the body, while `items` is the relation."""
    order = await made(shop)

    alone = (await shop.get(f"{ORDERS}/{order['id']}?fields=line_items")).data()
    without = (await shop.get(f"{ORDERS}/{order['id']}?fields=number")).data()

    assert alone["line_items"] == order["line_items"]
    assert set(alone) == {"id", "line_items", "inserted_at", "updated_at", "links"}
    assert "line_items" not in without
    for query in ("filter[line_items]=1", "sort=line_items", "include=line_items", "fields=line_items.name"):
        (await shop.get(f"{ORDERS}?{query}")).names(400, "line_items")
