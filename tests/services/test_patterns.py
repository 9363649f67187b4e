"""Patterns of texts: what clients are told beforehand is what the server takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import gtin, passwords, slugs
from services.catalog import CATALOG
from services.engine import formats
from services.engine.errors import Invalid
from services.engine.resource import Field

PATTERNED = [
    *(field for resource in CATALOG for field in resource.fields if field.pattern),
    *(field for procedure in CATALOG.procedures for field in procedure.inputs if field.pattern),
]


@pytest.mark.parametrize("field", PATTERNED, ids=lambda field: field.name)
def test_the_example_of_a_field_fits_its_pattern_and_its_check(field: Field) -> None:
    assert field.pattern is not None
    assert field.check is not None
    assert re.search(field.pattern, field.example or "https://example.com/a.png")
    assert not isinstance(field.check(field.example or "https://example.com/a.png"), Invalid)


@pytest.mark.parametrize(
    ("pattern", "check"),
    [
        (slugs.PATTERN, slugs.check),
        (formats.WEB_ADDRESS, formats.web_address),
        (passwords.PATTERN, passwords.chosen),
    ],
    ids=["slug", "web address", "password"],
)
def test_what_fits_a_pattern_is_taken(pattern: str, check: object) -> None:
    assert callable(check)

    @given(st.from_regex(pattern.replace("$", r"\Z")))
    def taken(text: str) -> None:
        assert not isinstance(check(text), Invalid)

    taken()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (slugs.PATTERN, "Not a slug"),
        (slugs.PATTERN, "a--b"),
        (gtin.PATTERN, "1234567"),
        (formats.WEB_ADDRESS, "javascript:alert(1)"),
        (formats.EMAIL, "ada"),
        (passwords.PATTERN, "too short"),
    ],
)
def test_what_the_server_refuses_for_its_form_does_not_fit(pattern: str, text: str) -> None:
    assert re.search(pattern, text) is None
