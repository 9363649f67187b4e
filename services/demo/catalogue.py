"""What the demo's grocer sells: brands, the category tree and products."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from db.models import Currency, ProductStatus
from services.demo.dice import Dice, fixed_id
from services.demo.words import (
    FOOD_TRADES,
    HOME_QUALITIES,
    HOME_TRADES,
    PLACES,
    QUALITIES,
    STORAGE,
    TREE,
    Aisle,
)
from services.gtin import check_digit
from services.slugs import slugify, unique_slug

Row = dict[str, Any]

OPENED = datetime(2025, 1, 1, 8, tzinfo=UTC)
"""When the shop began; every date of the demo follows from it."""

_CURRENCIES = (Currency.EUR,) * 11 + (Currency.GBP,) * 4 + (Currency.USD,) * 3 + (Currency.CAD, Currency.AUD)
_NUTRIENTS = ("fat", "saturated_fat", "carbohydrate", "sugars", "fiber", "protein", "salt")
_ORIGINS = ("Austria", "Denmark", "France", "Germany", "Ireland", "Italy", "Netherlands", "Spain")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One leaf of the tree with one kind and size: what different brands make alike."""

    aisle: Aisle
    leaf: str
    category: int
    kind: str
    size: str


@dataclass(frozen=True, slots=True)
class Maker:
    """One brand: its number, name and the currency of its home market."""

    number: int
    name: str
    currency: Currency


def brands() -> Iterator[Row]:
    """Yield every brand."""
    for maker in (*_makers(True), *_makers(False)):
        slug = slugify(maker.name)
        yield {
            "id": fixed_id("brand", maker.number),
            "name": maker.name,
            "slug": slug,
            "description": f"{maker.name} has supplied kitchens and homes since {1890 + maker.number % 120}.",
            "website": f"https://{slug}.example",
            "logo_url": f"https://{slug}.example/logo.svg",
            **stamped(OPENED + timedelta(minutes=maker.number)),
        }


def categories() -> Iterator[Row]:
    """Yield every category, parents first."""
    for number, (name, parent, position) in enumerate(_tree()):
        above = "" if parent is None else f" in {_tree()[parent][0].lower()}"
        yield {
            "id": fixed_id("category", number),
            "name": name,
            "slug": slugify(name),
            "description": f"{name}{above}.",
            "position": position,
            "parent_id": None if parent is None else fixed_id("category", parent),
            **stamped(OPENED + timedelta(minutes=number)),
        }


def products(count: int) -> Iterator[Row]:
    """Yield the first `count` products."""
    return (product(number) for number in range(count))


def product(number: int) -> Row:
    """Return one product; the row depends on its number alone."""
    shelf, maker, dice = _shelf(number), _maker(number), Dice("product", number)
    name = product_name(number)
    gtin = _gtin(number)
    return {
        "id": product_id(number),
        "gtin": gtin,
        "name": name,
        "slug": unique_slug(name, gtin),
        "sku": f"{slugify(shelf.leaf)[:3].upper()}-{number:06d}",
        "description": _description(shelf, maker, dice),
        "ingredients": _ingredients(shelf.aisle, dice),
        "nutrition": _nutrition(shelf.aisle, dice),
        "status": status(number),
        "price_cents": price_cents(number),
        "currency": maker.currency,
        "quantity": dice.roll(400) if dice.roll(12) else 0,
        "category_id": fixed_id("category", shelf.category),
        "brand_id": fixed_id("brand", maker.number),
        "metadata": _metadata(shelf, dice),
        **stamped(OPENED + timedelta(minutes=5 * number)),
    }


def product_id(number: int) -> UUID:
    """Return the identifier of a product."""
    return fixed_id("product", number)


def product_name(number: int) -> str:
    """Return the name of a product."""
    shelf = _shelf(number)
    return f"{_maker(number).name} {shelf.leaf} {shelf.kind} {shelf.size}"


def currency(number: int) -> Currency:
    """Return the currency in which a product is sold."""
    return _maker(number).currency


def price_cents(number: int) -> int:
    """Return the price of a product: larger sizes cost more, and every price ends with 9."""
    shelf = _shelf(number)
    low, high = shelf.aisle.price
    step = (high - low) // len(shelf.aisle.sizes)
    price = low + step * shelf.aisle.sizes.index(shelf.size) + Dice("price", number).roll(step)
    return price // 10 * 10 + 9


def status(number: int) -> ProductStatus:
    """Return the life cycle of a product; most are on sale."""
    if number % 29 == 7:
        return ProductStatus.DRAFT
    return ProductStatus.ARCHIVED if number % 31 == 11 else ProductStatus.ACTIVE


def stamped(moment: datetime) -> Row:
    """Return the life-cycle columns of a row made at `moment`."""
    return {"version": 1, "inserted_at": moment, "updated_at": moment}


@cache
def _tree() -> list[tuple[str, int | None, int]]:
    """Return every category as its name, the number of its parent and its place among its siblings."""
    found: list[tuple[str, int | None, int]] = []
    for place, (root, aisles) in enumerate(TREE.items()):
        found.append((root, None, place))
        above = len(found) - 1
        for position, aisle in enumerate(aisles):
            found.append((aisle.name, above, position))
            parent = len(found) - 1
            found += [(leaf, parent, leaf_position) for leaf_position, leaf in enumerate(aisle.leaves)]
    return found


@cache
def _shelves() -> list[Shelf]:
    numbers = {(name, parent): number for number, (name, parent, _) in enumerate(_tree())}
    found = []
    for root, aisles in TREE.items():
        for aisle in aisles:
            parent = numbers[aisle.name, numbers[root, None]]
            found += [
                Shelf(aisle, leaf, numbers[leaf, parent], kind, size)
                for leaf in aisle.leaves
                for kind in aisle.kinds
                for size in aisle.sizes
            ]
    return found


@cache
def _makers(food: bool) -> list[Maker]:
    trades, first = (FOOD_TRADES, 0) if food else (HOME_TRADES, len(PLACES) * len(FOOD_TRADES))
    names = [f"{place} {trade}" for trade in trades for place in PLACES]
    return [
        Maker(number, name, Dice("brand", number).pick(_CURRENCIES))
        for number, name in enumerate(names, first)
    ]


def _shelf(number: int) -> Shelf:
    # A step that shares no factor with the number of shelves visits all of them before any comes twice.
    return _shelves()[number * 7919 % len(_shelves())]


def _maker(number: int) -> Maker:
    # Each round over the shelves moves on by a step, so no brand makes the same product twice.
    makers = _makers(_shelf(number).aisle.storage != "home")
    return makers[(number % len(_shelves()) * 11 + number // len(_shelves()) * 37) % len(makers)]


def _gtin(number: int) -> str:
    # GS1 keeps numbers that begin with 04 for use within a company, so they are nobody's product.
    digits = f"041{number:09d}"
    return f"0{digits}{check_digit(digits)}"


def _metadata(shelf: Shelf, dice: Dice) -> Row:
    return {
        "origin": dice.pick(_ORIGINS),
        "organic": shelf.kind == "Organic",
        "case_units": 6 * (1 + dice.roll(4)),
    }


def _description(shelf: Shelf, maker: Maker, dice: Dice) -> str:
    home = shelf.aisle.storage == "home"
    quality = dice.pick(HOME_QUALITIES if home else QUALITIES)
    return f"{shelf.kind} {shelf.leaf.lower()} by {maker.name}, {quality}. {STORAGE[shelf.aisle.storage]}"


def _ingredients(aisle: Aisle, dice: Dice) -> str | None:
    first, separator, others = aisle.ingredients.partition(", ")
    if not separator:
        return aisle.ingredients or None
    return f"{first} ({dice.between(41, 78)} %), {others}."


def _nutrition(aisle: Aisle, dice: Dice) -> Row:
    if not aisle.nutrition:
        return {}
    shares = [dice.between(80, 120) for _ in range(5)]
    # Saturated fat is a part of the fat and sugars are one of the carbohydrates, so they vary together.
    scale = (shares[0], shares[0], shares[1], shares[1], *shares[2:])
    grams = [round(value * share / 100, 2) for value, share in zip(aisle.nutrition, scale, strict=True)]
    found: Row = {f"{name}_100g": value for name, value in zip(_NUTRIENTS, grams, strict=True)}
    fat, _, carbohydrate, _, fibre, protein, _ = grams
    found["energy_kj_100g"] = round(37 * fat + 17 * (carbohydrate + protein) + 8 * fibre)
    return found
