"""Global Trade Item Numbers: one canonical form, 14 digits (GS1 General Specifications, section 7.9)."""

from services.engine.errors import Invalid

LENGTHS = (8, 12, 13, 14)

PATTERN = r"^([0-9]{8}|[0-9]{12,14})$"
"""What a number looks like at its plainest; whether its check digit is right no pattern can say."""

_SEPARATORS = str.maketrans("", "", " -")


def normalise(text: str) -> str | Invalid:
    """Return `text` as 14 digits, or what is wrong with it.

    Spaces and hyphens are left out, as numbers are printed and copied with them; nothing but digits may
    remain, 8, 12, 13 or 14 of them, and the last one must be the check digit of the others.
    """
    digits = text if text.isdigit() else text.translate(_SEPARATORS)
    if not (digits.isascii() and digits.isdigit()):
        return Invalid("invalid_format", "A GTIN consists of digits only.")
    if len(digits) not in LENGTHS:
        return Invalid("invalid_format", f"A GTIN has 8, 12, 13 or 14 digits, not {len(digits)}.")
    padded = digits.zfill(14)
    if _weighted(padded) % 10:
        expected = check_digit(digits[:-1])
        return Invalid(
            "invalid_format", f"The check digit of the GTIN is {digits[-1]}, but it should be {expected}."
        )
    return padded


def check_digit(digits: str) -> str:
    """Return the mod-10 check digit that follows `digits`, at most 13 of them."""
    return str(-_weighted(digits.zfill(13) + "0") % 10)


def _weighted(digits: str) -> int:
    """Return the sum of 14 digits that are weighted 3, 1, 3, …; check digits make it a multiple of ten."""
    codes = digits.encode()
    return 3 * sum(codes[::2]) + sum(codes[1::2]) - _OF_ZEROS


_OF_ZEROS = 7 * (3 + 1) * ord("0")
