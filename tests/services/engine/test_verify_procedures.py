"""Start-up checks of procedures and of what counts: each unsound declaration is told by name."""

from dataclasses import replace
from typing import Any

import pytest

from services.brands import BRAND
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.entitling import Plans
from services.engine.procedures import AnyProcedure, Method, Part
from services.engine.resource import Counted, Field, Kind, Shown
from services.engine.verify import VerificationFailed, verify
from tests.parity.procedures.errands import DROP, LOOK, SEND, WEIGH

_ID = WEIGH.inputs[0]


def findings(*procedures: AnyProcedure) -> list[str]:
    """Return what is found wrong with the shipped resources and these procedures."""
    with pytest.raises(VerificationFailed) as failure:
        verify(Catalog(CATALOG.resources, procedures))
    return str(failure.value).split("\n")


def output(**changes: Any) -> Field:
    """Return a sound output with changes."""
    return replace(Field("made", "What was made.", kind=Kind.STRING), **changes)


def test_the_procedures_of_the_tests_are_sound() -> None:
    verify(Catalog(CATALOG.resources, (WEIGH, SEND, DROP, LOOK)))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"doc": ""}, "send_parcel has no description."),
        ({"name": "products"}, "The name 'products' of a procedure belongs to something else too."),
        ({"name": "create_product"}, "The name 'create_product' of a procedure belongs to something else"),
        ({"name": "viewer"}, "The name 'viewer' of a procedure belongs to something else too."),
        ({"path": "products"}, "send_parcel stands at products, which belongs to a resource."),
        ({"path": "products/bulk"}, "send_parcel stands at products/bulk, which belongs to a resource."),
        (
            {"aliases": ("orders/search",)},
            "send_parcel stands at orders/search, which belongs to a resource.",
        ),
        ({"path": "whoami"}, "send_parcel stands at whoami, which belongs to a resource."),
        ({"scope": "parcels"}, "send_parcel needs the scope 'parcels', which is no scope."),
        ({"scope": "parcels:send"}, "send_parcel needs the scope 'parcels:send', which is no scope."),
        ({"cost": 0}, "send_parcel costs nothing."),
        ({"status": 204}, "send_parcel answers 204 but has outputs."),
        ({"path": "errands/{id}"}, "send_parcel has 'id' in its path, which is no required input."),
        ({"aliases": ("errands/{id}",)}, "send_parcel has the path errands/{id}, which names other inputs"),
        ({"inputs": (_ID, _ID)}, "send_parcel takes 'id' 2 times."),
        ({"inputs": (replace(_ID, kind=None),)}, "send_parcel takes 'id' without a kind or without a"),
        ({"outputs": (output(doc=""),)}, "send_parcel answers 'made' without a description."),
        ({"outputs": (output(kind=None),)}, "send_parcel answers 'made' without a kind, or never."),
        ({"outputs": (output(shown=Shown.NEVER),)}, "send_parcel answers 'made' without a kind, or never."),
        ({"outputs": (output(name="problem"),)}, "send_parcel answers 'problem', a name that something else"),
        ({"outputs": (output(name="from"),)}, "send_parcel answers 'from', a name that something else has"),
        (
            {"outputs": (output(), output())},
            "send_parcel answers 'made', a name that something else has too.",
        ),
        (
            {"outputs": (Part("parts", "Parts.", (output(),), many=True, by="code"),)},
            "send_parcel.parts goes by 'code', which is no field of many.",
        ),
        (
            {"outputs": (Part("parts", "Parts.", (output(doc=""),)),)},
            "send_parcel.parts answers 'made' without a description.",
        ),
    ],
)
def test_what_is_unsound_is_told(changes: dict[str, Any], named: str) -> None:
    found = findings(replace(SEND, **changes))
    assert any(each.startswith(named) for each in found), found
    assert len(found) == 1


def test_two_procedures_share_neither_name_nor_address() -> None:
    """Inputs stand for anything, whatever they are called."""
    other = replace(
        DROP, name="lose_parcel", path="errands/parcels/{key}", inputs=(replace(_ID, name="key"),)
    )
    assert findings(DROP, other) == ["The address DELETE errands/parcels/{} belongs to 2 procedures."]
    twin = replace(SEND, path="errands/others")
    assert findings(SEND, twin) == ["The name 'send_parcel' of a procedure belongs to something else too."]


def test_what_is_read_answers_something_that_a_query_can_ask_for() -> None:
    assert findings(replace(WEIGH, outputs=())) == ["weigh_parcel is read but has no outputs."]
    maps = Field("map", "A map.", kind=Kind.JSON)
    assert findings(replace(LOOK, inputs=(*LOOK.inputs, maps))) == [
        "look_inside takes 'map', which no query parameter can hold."
    ]
    assert LOOK.method is Method.GET


def test_what_counts_is_in_the_plans_and_by_columns() -> None:
    counted = replace(BRAND, relations=(), counted=Counted("brands", (("kind", "own"),)))
    with pytest.raises(VerificationFailed) as failure:
        verify(Catalog((counted,), (), Plans({}, {"products": "Product"})))
    assert str(failure.value).split("\n") == [
        "brands count as 'brands', which no plan knows.",
        "brands count by 'kind', which is no column.",
    ]
