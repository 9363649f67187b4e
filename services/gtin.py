"""Global Trade Item Numbers: one canonical form, 14 digits (GS1 General Specifications, section 7.9)."""

from services.engine.errors import Invalid

LENGTHS = (8, 12, 13, 14)

_SEPARATORS = str.maketrans("", "", " -")


def normalise(text: str) -> str | Invalid:
    """Return `text` as 14 digits, or what is wrong with it.

    Spaces and hyphens are left out, as numbers are printed and copied with them; nothing but digits may
    remain, 8, 12, 13 or 14 of them, and the last one must be the check digit of the others.
    """
    digits = text.translate(_SEPARATORS)
    if not (digits.isascii() and digits.isdigit()):
        return Invalid("invalid_format", "A GTIN consists of digits only.")
    if len(digits) not in LENGTHS:
        return Invalid("invalid_format", f"A GTIN has 8, 12, 13 or 14 digits, not {len(digits)}.")
    expected = check_digit(digits[:-1])
    if digits[-1] != expected:
        return Invalid(
            "invalid_format", f"The check digit of the GTIN is {digits[-1]}, but it should be {expected}."
        )
    return digits.zfill(14)


def check_digit(digits: str) -> str:
    """Return the mod-10 check digit that follows `digits`, which are weighted 3, 1, 3, … from the right."""
    odd, even = digits[::-2], digits[-2::-2]
    return str(-(3 * sum(map(int, odd)) + sum(map(int, even))) % 10)
