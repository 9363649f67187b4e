"""Slugs are made from any text and stay within their alphabet and length."""

import re

import pytest

from services import slugs
from services.engine.errors import Invalid


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Oat flakes 500 g", "oat-flakes-500-g"),
        ("Mélange Sportif", "melange-sportif"),
        ("Straße & Øl", "strasse-ol"),
        ("--a  b--", "a-b"),
        ("麦片", ""),
    ],
)
def test_a_text_becomes_its_slug(text: str, slug: str) -> None:
    assert slugs.slugify(text) == slug


def test_a_unique_slug_ends_with_its_suffix_and_fits_the_column() -> None:
    slug = slugs.unique_slug("long" * 100, "04006381333931")

    assert len(slug) == 255
    assert slug.endswith("-04006381333931")
    assert slugs.check(slug) == slug
    assert slugs.unique_slug("麦片", "42") == "42"


@pytest.mark.parametrize("text", ["", "Upper", "a--b", "-a", "a-", "a_b", "é", "a b"])
def test_anything_else_is_no_slug(text: str) -> None:
    refused = slugs.check(text)

    assert isinstance(refused, Invalid)
    assert refused.code == "invalid_format"


def test_a_row_without_a_slug_gets_one_of_its_name() -> None:
    """The first attempt is plain, later ones end in six random digits."""
    assert slugs.fallback({"name": "Café au lait"}, 0) == "cafe-au-lait"
    assert slugs.fallback({"name": "a" * 254 + " b"}, 0) == "a" * 254
    assert re.fullmatch(r"cafe-au-lait-[0-9a-f]{6}", slugs.fallback({"name": "Café au lait"}, 1))
    assert slugs.fallback({"name": "Oats"}, 1) != slugs.fallback({"name": "Oats"}, 2)


@pytest.mark.parametrize("values", [{}, {"name": None}, {"name": "麦片"}])
def test_a_name_without_letters_or_digits_leaves_random_digits_alone(values: dict[str, str | None]) -> None:
    assert re.fullmatch(r"[0-9a-f]{6}", slugs.fallback(values, 0))
    assert slugs.fallback(values, 0) != slugs.fallback(values, 0)
