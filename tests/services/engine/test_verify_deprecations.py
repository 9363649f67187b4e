"""Start-up checks of deprecations: each unsound one is told in a sentence of its own."""

from dataclasses import replace
from datetime import date

import pytest

from services.brands import BRAND
from services.engine.catalog import Catalog
from services.engine.deprecation import Deprecation
from services.engine.resource import Field, Resource
from services.engine.verify import VerificationFailed, verify
from services.engine.verify_deprecations import overdue, verify_deprecations
from tests.parity.procedures.errands import WEIGH
from tests.support import outdated

SOUND = Deprecation(date(2026, 3, 1), date(2027, 3, 1), "brand.logo_url", "https://docs.example/a")


def with_website(told: Deprecation) -> Resource:
    fields = tuple(
        replace(each, deprecated=told) if each.name == "website" else each for each in BRAND.fields
    )
    return replace(BRAND, fields=fields, relations=())


def findings(told: Deprecation) -> list[str]:
    return list(verify_deprecations(Catalog((with_website(told),))))


def test_a_server_refuses_to_start_on_an_unsound_one() -> None:
    told = replace(SOUND, sunset=date(2026, 2, 28))
    with pytest.raises(VerificationFailed, match=r"The sunset of brand\.website comes before"):
        verify(Catalog((with_website(told),)))


@pytest.mark.parametrize(
    "told",
    [
        SOUND,
        replace(SOUND, sunset=None, link=None),
        replace(SOUND, sunset=SOUND.since),
    ],
)
def test_sound_ones_pass(told: Deprecation) -> None:
    assert findings(told) == []


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            replace(SOUND, sunset=date(2026, 2, 28)),
            "The sunset of brand.website comes before its deprecation.",
        ),
        (replace(SOUND, instead=" "), "brand.website is deprecated without anything instead."),
        *(
            (
                replace(SOUND, instead=text),
                "What to use instead of brand.website is no plain text that a header could hold.",
            )
            for text in ('the "other"', "a\\b", "brand.größe", "a\nb")
        ),
        *(
            (replace(SOUND, link=text), "The link of brand.website is no address.")
            for text in ("/docs", "https://größe.example", "https://a.example/\r\nx: y")
        ),
        *(
            (
                replace(SOUND, link=text),
                "The link of brand.website holds characters that have no place in an address.",
            )
            for text in ("https://a.example/>; rel=x", "https://a.example/a b")
        ),
    ],
)
def test_what_no_header_could_hold_or_makes_no_sense_is_told(told: Deprecation, sentence: str) -> None:
    """RFC 8594: the sunset is no earlier than the deprecation; RFC 8288 and RFC 9111: what headers hold."""
    assert findings(told) == [sentence]


def test_a_required_input_cannot_be_deprecated() -> None:
    """Nobody could stop sending it, and GraphQL forbids it."""
    fields = tuple(replace(each, deprecated=SOUND) if each.name == "name" else each for each in BRAND.fields)
    inputs = tuple(replace(each, deprecated=SOUND) if each.required else each for each in WEIGH.inputs)
    catalog = Catalog((replace(BRAND, fields=fields),), (replace(WEIGH, inputs=inputs),))

    assert list(verify_deprecations(catalog)) == [
        f"{name} is deprecated but required, so that nobody could stop to send it."
        for name in ("brand.name", "weigh_parcel.id", "weigh_parcel.word")
    ]


def test_one_name_has_one_deprecation() -> None:
    """An input and an output of a procedure may have one name, and are then the same thing."""

    def marked(fields: tuple[Field, ...], told: Deprecation) -> tuple[Field, ...]:
        return tuple(replace(each, deprecated=told) if each.name == "since" else each for each in fields)

    outputs = tuple(
        replace(each, deprecated=SOUND) if isinstance(each, Field) and each.name == "since" else each
        for each in WEIGH.outputs
    )
    same = replace(WEIGH, inputs=marked(WEIGH.inputs, SOUND), outputs=outputs)
    other = replace(WEIGH, inputs=marked(WEIGH.inputs, replace(SOUND, instead="x")), outputs=outputs)

    assert list(verify_deprecations(Catalog((), (same,)))) == []
    assert list(verify_deprecations(Catalog((), (other,)))) == [
        "weigh_parcel.since is deprecated in 2 different ways."
    ]


def test_a_version_is_supported_for_twelve_months() -> None:
    """S3-096: also from a day that the next year does not have."""

    def found(since: date, sunset: date | None) -> list[str]:
        told = Deprecation(since, sunset, "v2")
        return list(verify_deprecations(Catalog((BRAND,), deprecated=told)))

    sentence = "API v1 must be supported for twelve months after the next version (S3-096)."
    assert found(date(2027, 3, 1), date(2028, 2, 29)) == [sentence]
    assert found(date(2027, 3, 1), date(2028, 3, 1)) == []
    assert found(date(2028, 2, 29), date(2029, 2, 28)) == [sentence]
    assert found(date(2028, 2, 29), date(2029, 3, 1)) == []
    assert found(date(2027, 3, 1), None) == []


def test_only_what_is_past_its_sunset_is_overdue() -> None:
    """The sunset is the last day that was promised."""
    catalog = outdated.NEXT

    assert list(overdue(catalog, date(2028, 3, 1))) == []
    assert "brand.website is past its sunset of 2028-03-01; a release may remove it." in list(
        overdue(catalog, date(2028, 3, 2))
    )
    assert len(list(overdue(catalog, date(2100, 1, 1)))) == 1 + sum(
        told.sunset is not None for told in outdated.NAMES.values()
    )
