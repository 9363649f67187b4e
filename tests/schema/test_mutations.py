"""Mutations: what they store, what they answer, and that both are the same as over REST."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.encoding import short_identifier
from services.engine.resource import Resource
from tests.schema.asking import Asker
from tests.support.seed import Seed
from tests.support.stored import Stored

WRITABLE = [each.name for each in CATALOG if "create" in each.actions_by_name]


def _name() -> str:
    return f"m-{uuid.uuid4().hex[:12]}"


def _everything(resource: Resource) -> str:
    """Select every field of a resource, and what its to-one relations lead to."""
    fields = [camel(field.name) for field in resource.shown_fields]
    relations = [f"{camel(each.name)} {{ id etag }}" for each in resource.relations if each.one]
    return " ".join((*fields, "etag", *relations))


def _input(name: str, seed: Seed) -> dict[str, Any]:
    """A valid input for a new row."""
    return {
        "brand": {"name": _name(), "slug": _name()},
        "category": {"name": _name(), "slug": _name(), "parentId": str(seed.live("categories")[0]["id"])},
        "product": {
            "name": _name(),
            "slug": _name(),
            "status": "ACTIVE",
            "priceCents": 2**53 - 1,
            "currency": "EUR",
            "brandId": str(seed.live("brands")[0]["id"]),
            "nutrition": {"sugars_100g": 1.25, "kcal": 370},
        },
        "customer": {"name": _name(), "email": f"{_name()}@example.com"},
        "order": {"currency": "EUR", "taxRate": "0.0875"},
        "order_item": {
            "orderId": str(_open_order(seed)["id"]),
            "name": _name(),
            "quantity": 2,
            "unitPriceCents": 150,
        },
        "token": {"name": _name(), "scopes": ["products:read"], "burst": 3},
        "trusted_operation": {"text": f"query Type {{ __typename }} # {_name()}\n", "client": "web@1.4"},
        "workspace": {"name": _name(), "slug": _name()},
        "invitation": {"email": f"{_name()}@example.com", "role": "VIEWER"},
    }[name]


def _open_order(seed: Seed) -> dict[str, Any]:
    return next(row for row in seed.live("orders") if row["status"] == "pending")


async def _create(shop: Asker, name: str, values: dict[str, Any], selected: str = "id etag") -> Any:
    type_ = pascal(name)
    query = (
        f"mutation($in: {type_}CreateInput!) {{ create{type_}(input: $in)"
        f" {{ {camel(name)} {{ {selected} }} problem {{ status errors detail }} replayed }} }}"
    )
    found = await shop.mutate(query, {"in": values})
    assert found["problem"] is None
    assert found["replayed"] is False
    return found[camel(name)]


async def _brand(shop: Asker, **values: Any) -> Any:
    return await _create(shop, "brand", {"name": _name(), "slug": _name(), **values}, "id etag slug name")


async def _read(shop: Asker, name: str, id_: str, selected: str) -> Any:
    query = f"query($id: ID!) {{ {camel(name)}(id: $id) {{ {selected} }} }}"
    return (await shop.ask(query, {"id": id_}, scopes="writer")).data[camel(name)]


@pytest.mark.parametrize("name", WRITABLE)
async def test_what_a_creation_answers_is_what_a_query_reads(shop: Asker, stored: Stored, name: str) -> None:
    resource, values = CATALOG[name], _input(name, shop.seed)
    selected = _everything(resource)
    made = await _create(shop, name, values, selected)
    assert made == await _read(shop, name, made["id"], selected)
    assert {key: made[key] for key in values} == values
    row = stored.row(resource.plural, made["id"])
    assert (row["version"], row["deleted_at"]) == (1, None)
    stored.settled(made["id"], 1)
    (event,) = stored.events(made["id"])
    assert event["type"] == f"{name}.created"


async def test_what_is_unset_stays_and_null_clears(shop: Asker, stored: Stored) -> None:
    made = await _brand(shop, description="Old.", website="https://old.example")
    query = (
        "mutation($id: ID!, $unset: String, $null: String) { updateBrand(id: $id, input:"
        " {name: $unset, website: $null, logoUrl: null}) { brand { name description website etag } } }"
    )
    found = (await shop.mutate(query, {"id": made["id"], "null": None}))["brand"]
    assert found["name"] == made["name"]
    assert (found["description"], found["website"]) == ("Old.", None)
    assert found["etag"] != made["etag"]
    row = stored.row("brands", made["id"])
    assert (row["description"], row["website"], row["version"]) == ("Old.", None, 2)
    stored.settled(made["id"], 2)


async def test_a_replacement_resets_what_is_left_out(shop: Asker, stored: Stored) -> None:
    made = await _create(shop, "product", _input("product", shop.seed))
    query = (
        "mutation($id: ID!, $tag: String, $name: String, $slug: String) {"
        " replaceProduct(id: $id, ifMatch: $tag, input: {name: $name, slug: $slug}) {"
        " product { name status priceCents currency brandId nutrition etag } problem { detail } } }"
    )
    found = await shop.mutate(
        query, {"id": made["id"], "tag": made["etag"], "name": "Whole", "slug": _name()}
    )
    assert found["problem"] is None
    etag = found["product"].pop("etag")
    assert found["product"] == {
        "name": "Whole",
        "status": "DRAFT",
        "priceCents": None,
        "currency": None,
        "brandId": None,
        "nutrition": {},
    }
    assert etag == (await _read(shop, "product", made["id"], "etag"))["etag"] != made["etag"]
    stored.settled(made["id"], 2)


async def test_a_deleted_row_is_gone_until_it_is_restored(shop: Asker, stored: Stored) -> None:
    made = await _brand(shop)
    gone = await shop.mutate(
        f'mutation {{ deleteBrand(id: "{short_identifier(made["id"])}", ifMatch: {_quoted(made["etag"])})'
        " { deletedId problem { detail } replayed } }"
    )
    assert gone == {"deletedId": made["id"], "problem": None, "replayed": False}
    assert stored.row("brands", made["id"])["deleted_at"] is not None
    with stored.unchanged():
        again = await shop.mutate(
            f'mutation {{ deleteBrand(id: "{made["id"]}") {{ deletedId problem {{ code status }} }} }}'
        )
    assert again == {"deletedId": None, "problem": {"code": "not-found", "status": 404}}
    back = await shop.mutate(
        f'mutation {{ restoreBrand(id: "{made["id"]}") {{ brand {{ id name deletedAt }} }} }}'
    )
    assert back["brand"] == {"id": made["id"], "name": made["name"], "deletedAt": None}
    stored.settled(made["id"], 3)
    assert [event["type"] for event in stored.events(made["id"])] == [
        "brand.created",
        "brand.deleted",
        "brand.restored",
    ]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


async def test_an_order_is_made_with_its_lines_and_confirmed(shop: Asker, stored: Stored) -> None:
    product = shop.seed.live("products")[0]
    query = """
      mutation($product: UUID) {
        createOrder(input: {currency: EUR, taxRate: 0.0875, lineItems: [
          {name: "First", quantity: 2, unitPriceCents: "1000"}
          {productId: $product, name: "Second", quantity: 1, unitPriceCents: 5}
        ]}) {
          order { id etag status number subtotalCents taxCents totalCents taxRate
                  items { totalCount nodes { position name quantity product { name } } } }
          problem { errors }
        }
      }
    """
    found = await shop.mutate(query, {"product": str(product["id"])})
    assert found["problem"] is None
    order = found["order"]
    assert (order["status"], order["subtotalCents"]) == ("PENDING", 2005)
    assert (order["taxCents"], order["totalCents"]) == (175, 2180)
    assert Decimal(order["taxRate"]) == Decimal("0.0875")
    assert [line["name"] for line in order["items"]["nodes"]] == ["First", "Second"]
    assert [line["product"] for line in order["items"]["nodes"]] == [None, {"name": product["name"]}]
    confirmed = await shop.mutate(
        "mutation($id: ID!, $tag: String) { confirmOrder(id: $id, ifMatch: $tag)"
        " { order { status number } problem { detail } } }",
        {"id": order["id"], "tag": order["etag"]},
    )
    assert confirmed == {"order": {"status": "CONFIRMED", "number": order["number"]}, "problem": None}
    assert [event["type"] for event in stored.events(order["id"])] == ["order.created", "order.confirmed"]


async def test_the_values_of_every_kind_are_taken_in_all_their_forms(shop: Asker, stored: Stored) -> None:
    brand = shop.seed.live("brands")[0]
    query = """
      mutation($name: String, $brand: UUID, $inner: JSON) {
        createProduct(input: {
          name: $name, slug: $name, priceCents: "9007199254740991", currency: USD, quantity: 7,
          brandId: $brand,
          metadata: {list: [1, 2.5, null, true], deep: {given: $inner}}
        }) { product { id priceCents quantity brandId metadata brand { name } } problem { errors } }
      }
    """
    inner = {f"key {n}": n for n in range(150)}
    found = await shop.mutate(query, {"name": _name(), "brand": str(brand["id"]).upper(), "inner": inner})
    assert found["problem"] is None
    product = found["product"]
    assert (product["priceCents"], product["quantity"]) == (2**53 - 1, 7)
    assert product["metadata"] == {"list": [1, 2.5, None, True], "deep": {"given": inner}}
    assert (product["brandId"], product["brand"]) == (str(brand["id"]), {"name": brand["name"]})
    assert stored.row("products", product["id"])["metadata"] == product["metadata"]


async def test_json_is_merged_only_when_asked_for(shop: Asker) -> None:
    made = await _create(
        shop, "product", _input("product", shop.seed) | {"metadata": {"kept": 1, "gone": 2}}, "id metadata"
    )
    query = (
        "mutation($id: ID!, $merge: Boolean!, $in: ProductUpdateInput!)"
        " { updateProduct(id: $id, input: $in, merge: $merge) { product { metadata } } }"
    )
    patch = {"metadata": {"gone": None, "new": 3}}
    merged = await shop.mutate(query, {"id": made["id"], "merge": True, "in": patch})
    assert merged["product"]["metadata"] == {"kept": 1, "new": 3}
    replaced = await shop.mutate(query, {"id": made["id"], "merge": False, "in": patch})
    assert replaced["product"]["metadata"] == {"gone": None, "new": 3}


async def test_a_dry_run_answers_what_would_be_and_writes_nothing(shop: Asker, stored: Stored) -> None:
    made, name = await _brand(shop), _name()
    with stored.unchanged():
        created = await shop.mutate(
            "mutation($name: String) { createBrand(input: {name: $name, slug: $name}, dryRun: true)"
            " { brand { name products { totalCount } } problem { detail } } }",
            {"name": name},
        )
        gone = await shop.mutate(
            f'mutation {{ deleteBrand(id: "{made["id"]}", dryRun: true) {{ deletedId }} }}'
        )
        refused = await shop.mutate(
            "mutation($slug: String) { createBrand(input: {name: $slug, slug: $slug}, dryRun: true)"
            " { brand { id } problem { errors } } }",
            {"slug": made["slug"]},
        )
    assert created == {"brand": {"name": name, "products": {"totalCount": 0}}, "problem": None}
    assert gone == {"deletedId": made["id"]}
    assert refused == {"brand": None, "problem": {"errors": {"slug": ["already_taken"]}}}


@pytest.mark.parametrize("brand", ["brand { etag }", "brand { etag ...F }"])
async def test_the_tag_of_a_dry_run_matches_nothing(shop: Asker, stored: Stored, brand: str) -> None:
    """S3-137: the version that would have been made may be made by somebody else, whose change stays."""
    fragment = " fragment F on Brand { products { totalCount } }" if "F" in brand else ""
    query = (
        "mutation($id: ID!, $name: String, $tag: String, $dry: Boolean! = false) { updateBrand("
        f"id: $id, input: {{name: $name}}, ifMatch: $tag, dryRun: $dry) {{ {brand} problem {{ status }} }} }}"
        + fragment
    )
    made = await _brand(shop)
    tried = await shop.mutate(query, {"id": made["id"], "name": "Mine", "dry": True})
    theirs = await shop.mutate(query, {"id": made["id"], "name": "Theirs"})

    with stored.unchanged():
        mine = await shop.mutate(query, {"id": made["id"], "name": "Mine", "tag": tried["brand"]["etag"]})

    assert tried["brand"]["etag"] != theirs["brand"]["etag"]
    assert (mine["brand"], mine["problem"]["status"]) == (None, 412)


async def test_mutations_run_in_order_and_each_for_itself(shop: Asker, stored: Stored) -> None:
    slug = _name()
    reply = await shop.ask(
        """
        mutation($slug: String) {
          one: createBrand(input: {name: "One", slug: $slug}) { brand { id name } problem { code } }
          two: createBrand(input: {name: "Two", slug: $slug}) { brand { id } problem { code errors } }
          three: createBrand(input: {name: "Three", slug: "three"}, dryRun: true) { __typename }
          __typename
        }
        """,
        {"slug": slug},
        scopes="writer",
    )
    assert list(reply.data) == ["one", "two", "three", "__typename"]
    assert reply.data["__typename"] == "Mutation"
    assert reply.data["three"]["__typename"] == "CreateBrandPayload"
    assert reply.data["two"] == {
        "brand": None,
        "problem": {"code": "validation-failed", "errors": {"slug": ["already_taken"]}},
    }
    assert len(stored.rows("brands", slug, "slug")) == 1
    assert reply.data["one"]["brand"]["id"] == str(stored.rows("brands", slug, "slug")[0]["id"])


async def test_what_a_mutation_changed_is_read_anew_below_the_next(shop: Asker) -> None:
    brand = await _brand(shop)
    product = await _create(shop, "product", _input("product", shop.seed) | {"brandId": brand["id"]})
    name = _name()
    reply = await shop.ask(
        "mutation($p: ID!, $b: ID!, $name: String) {"
        " before: updateProduct(id: $p, input: {quantity: 1}) { product { brand { name } } }"
        " updateBrand(id: $b, input: {name: $name}) { brand { name products { nodes { quantity } } } }"
        " after: updateProduct(id: $p, input: {quantity: 2}) { product { quantity brand { name } } } }",
        {"p": product["id"], "b": brand["id"], "name": name},
        scopes="writer",
    )
    assert reply.data["before"]["product"]["brand"]["name"] == brand["name"]
    assert reply.data["updateBrand"]["brand"] == {"name": name, "products": {"nodes": [{"quantity": 1}]}}
    assert reply.data["after"]["product"] == {"quantity": 2, "brand": {"name": name}}
