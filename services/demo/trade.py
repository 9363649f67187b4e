"""Who buys from the demo's grocer, and what: customers and orders with their lines."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal

from db.models import Currency, OrderStatus, ProductStatus
from services.demo.catalogue import (
    OPENED,
    Row,
    currency,
    price_cents,
    product_id,
    product_name,
    stamped,
    status,
)
from services.demo.dice import Dice, fixed_id
from services.demo.words import FIRST_NAMES, LAST_NAMES
from services.totals import totals

_COUNTRIES = {
    Currency.EUR: ("Austria", "Finland", "France", "Germany", "Ireland", "Italy", "Netherlands", "Spain"),
    Currency.GBP: ("United Kingdom",),
    Currency.USD: ("United States",),
    Currency.CAD: ("Canada",),
    Currency.AUD: ("Australia",),
}
_TAX_RATES = {
    Currency.EUR: Decimal("0.19"),
    Currency.GBP: Decimal("0.2"),
    Currency.USD: Decimal("0.0875"),
    Currency.CAD: Decimal("0.05"),
    Currency.AUD: Decimal("0.1"),
}
_MONEY = (Currency.EUR,) * 11 + (Currency.GBP,) * 4 + (Currency.USD,) * 3 + (Currency.CAD, Currency.AUD)
_CHANNELS = ("web", "app", "phone", "market stall")


class Trade:
    """The customers and orders of a shop with so many of each, and so many products."""

    def __init__(self, *, products: int, customers: int, orders: int) -> None:
        self._customers = customers
        self._orders = orders
        sold = [number for number in range(products) if status(number) is ProductStatus.ACTIVE]
        self._sold = {money: [number for number in sold if currency(number) is money] for money in Currency}
        self._buyers = {
            money: [number for number in range(customers) if _money(number) is money] for money in Currency
        }

    def customers(self) -> Iterator[Row]:
        """Yield every customer."""
        for number in range(self._customers):
            dice = Dice("customer", number)
            first = FIRST_NAMES[number % len(FIRST_NAMES)]
            last = LAST_NAMES[(number // len(FIRST_NAMES) + number) % len(LAST_NAMES)]
            yield {
                "id": fixed_id("customer", number),
                "name": f"{first} {last}",
                "email": f"{first}.{last}.{number}@example.com".lower(),
                # Ofcom keeps these numbers for drama, so they ring nowhere.
                "phone": f"+44 20 7946 {dice.roll(1000):04d}",
                "country": dice.pick(_COUNTRIES[_money(number)]),
                "metadata": {"newsletter": dice.roll(3) == 0, "loyalty_points": dice.roll(5000)},
                **stamped(OPENED + timedelta(hours=2 * number)),
            }

    def orders(self) -> Iterator[Row]:
        """Yield every order."""
        for number in range(self._orders):
            dice, money, placed = Dice("order", number), self._currency(number), _placed(number)
            found = totals((item["line_total_cents"] for item in self._lines(number)), _TAX_RATES[money])
            guest = dice.roll(20) == 0 or not self._buyers[money]
            yield {
                "id": fixed_id("order", number),
                "number": str(1001 + number),
                "status": _status(number, self._orders, dice),
                "currency": money,
                "tax_rate": _TAX_RATES[money],
                **asdict(found),
                "placed_at": placed,
                "customer_id": None if guest else fixed_id("customer", dice.pick(self._buyers[money])),
                "metadata": {"channel": dice.pick(_CHANNELS), "gift": dice.roll(15) == 0},
                **stamped(placed),
            }

    def order_items(self) -> Iterator[Row]:
        """Yield every line of every order."""
        for number in range(self._orders):
            yield from self._lines(number)

    def _currency(self, number: int) -> Currency:
        money = Dice("currency", number).pick(_MONEY)
        return money if self._sold[money] else Currency.EUR

    def _lines(self, number: int) -> Iterator[Row]:
        dice, money = Dice("lines", number), self._currency(number)
        for position in range(1 + dice.roll(5)):
            product = dice.pick(self._sold[money])
            quantity, price = 1 + dice.roll(6), price_cents(product)
            yield {
                "id": fixed_id("order_item", number * 10 + position),
                "order_id": fixed_id("order", number),
                "product_id": product_id(product),
                "name": product_name(product),
                "position": position,
                "quantity": quantity,
                "unit_price_cents": price,
                "line_total_cents": quantity * price,
                "currency": money,
                **stamped(_placed(number)),
            }


def _money(customer: int) -> Currency:
    return Dice("money", customer).pick(_MONEY)


def _placed(number: int) -> datetime:
    return OPENED + timedelta(days=60, minutes=61 * number + Dice("minute", number).roll(60))


def _status(number: int, orders: int, dice: Dice) -> OrderStatus:
    """Return a status that fits the age of the order: the newest are still on their way."""
    if dice.roll(18) == 0:
        return OrderStatus.CANCELLED
    age = orders - number
    if age <= orders // 50:
        return OrderStatus.PENDING
    if age <= orders // 20:
        return OrderStatus.CONFIRMED
    return OrderStatus.SHIPPED if age <= orders // 10 else OrderStatus.DELIVERED
