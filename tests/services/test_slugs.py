"""Slugs are made from any text and stay within their alphabet and length."""

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
