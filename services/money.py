"""Money: currencies, always beside an amount in minor units."""

from enum import StrEnum

from db.models.columns import CURRENCIES

Currency = StrEnum("Currency", {code: code for code in CURRENCIES})
Currency.__doc__ = "Currencies that amounts may be in (ISO 4217)."
