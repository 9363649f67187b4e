"""GTINs are judged by length and check digit, and kept as 14 digits."""

import pytest

from services import gtin
from services.engine.errors import Invalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("10614141000415", "10614141000415"),
        ("4006381 33393-1", "04006381333931"),
    ],
)
def test_every_length_becomes_fourteen_digits(given: str, stored: str) -> None:
    assert gtin.normalise(given) == stored


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("4006381333932", "The check digit of the GTIN is 2, but it should be 1."),
        ("400638133393", "The check digit of the GTIN is 3, but it should be 0."),
        ("40063813339", "A GTIN has 8, 12, 13 or 14 digits, not 11."),
        ("963850740063813339315", "A GTIN has 8, 12, 13 or 14 digits, not 21."),
        ("40063813339X1", "A GTIN consists of digits only."),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "A GTIN consists of digits only."),
        ("", "A GTIN consists of digits only."),
        (" - ", "A GTIN consists of digits only."),
    ],
)
def test_each_fault_is_told_apart(given: str, said: str) -> None:
    assert gtin.normalise(given) == Invalid("invalid_format", said)


def test_the_check_digit_catches_every_single_wrong_digit() -> None:
    good = "04006381333931"

    for place in range(14):
        for digit in set("0123456789") - {good[place]}:
            assert isinstance(gtin.normalise(good[:place] + digit + good[place + 1 :]), Invalid)
