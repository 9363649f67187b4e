"""Start-up checks: each unsound declaration is told in a sentence of its own."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, String, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.models import Tier
from db.models.columns import check
from services import slugs
from services.brands import BRAND
from services.catalog import CATALOG
from services.categories import CATEGORY
from services.engine import verify as verifying
from services.engine.actions import item, writes
from services.engine.catalog import Catalog
from services.engine.errors import Slug
from services.engine.resource import Field, Kind, Relation, Resource, Shown
from services.engine.verify import VerificationFailed, verify
from services.engine.work import Change, Work
from services.orders import ORDER
from services.products import PRODUCT


def findings(*resources: Resource) -> list[str]:
    """Return what is found wrong with a catalogue of these resources."""
    with pytest.raises(VerificationFailed) as failure:
        verify(Catalog(resources))
    return str(failure.value).split("\n")


def alone(resource: Resource, **changes: object) -> Resource:
    """Return `resource` without relations and with changes."""
    return replace(resource, **{"relations": (), **changes})  # type: ignore[arg-type]  # Changes are of all kinds.


def with_field(field: Field, resource: Resource = BRAND) -> Resource:
    kept = tuple(other for other in resource.fields if other.name != field.name)
    return alone(resource, fields=(*kept, field))


def with_relation(relation: Relation) -> Resource:
    return replace(BRAND, relations=(relation,))


async def rule(work: Work, changes: Sequence[Change]) -> None:
    """Find nothing wrong: these tests ask for declarations only."""


def loose() -> type[DeclarativeBase]:
    """Return a model that lacks whatever a resource needs, in metadata of its own."""

    class Base(DeclarativeBase):
        """A root of its own, so that the product's metadata stays as it is."""

    class Loose(Base):
        __tablename__ = "looses"
        __table_args__ = (
            CheckConstraint("id <> ''", name="blank"),
            check("short", "id <> 'x'", "id", "nope"),
        )
        id: Mapped[str] = mapped_column(String, primary_key=True)
        workspace_id: Mapped[uuid.UUID] = mapped_column(Uuid)

    return Loose


def test_our_own_catalogue_is_sound() -> None:
    """Design 3."""
    verify(CATALOG)


@pytest.mark.parametrize(
    ("resource", "sentence"),
    [
        (alone(BRAND, doc=""), "brand has no description."),
        (with_field(Field("name", "")), "brand.name has no description."),
        (with_field(Field("nope", "A field.")), "brand.nope has no column."),
        (
            with_field(Field("website", "Home page.", filterable=True)),
            "brand.website can be filtered or sorted by but leads no index.",
        ),
        (
            with_field(Field("description", "Text.", sortable=True)),
            "brand.description can be filtered or sorted by but leads no index.",
        ),
        (
            with_field(Field("metadata", "Map.", sortable=True), PRODUCT),
            "product.metadata holds JSON and cannot be sorted by.",
        ),
        (
            with_field(Field("name", "Name.", filterable=True, shown=Shown.NEVER)),
            "brand.name is not shown, so nobody may filter, sort or search by it.",
        ),
        (
            with_field(Field("name", "Name.", searchable=True, shown=Shown.ONCE)),
            "brand.name is not shown, so nobody may filter, sort or search by it.",
        ),
        (
            with_field(Field("name", "Name.", required=True)),
            "brand.name is required but cannot be written.",
        ),
        (
            with_field(Field("slug", "Slug.", fallback=slugs.fallback)),
            "brand.slug has a fallback but cannot be written.",
        ),
        (with_field(Field("name", "Name.", fixed=True)), "brand.name is fixed but cannot be written."),
        (with_field(Field("nope", "A field.", writable=True)), "brand.nope has no column."),
        (alone(BRAND, actions=writes() * 2), "brand has 2 actions named 'create'."),
        (
            alone(BRAND, actions=(item("restore", "restored", "Bring it back.", rule),)),
            "brand.restore is an item action with the name of a common one.",
        ),
        (
            alone(BRAND, actions=(item("confirm", "confirmed", "", rule),)),
            "brand.confirm is an action without a description.",
        ),
        (
            alone(ORDER, fields=tuple(field for field in ORDER.fields if field.name != "currency")),
            "order.total_cents is an amount without a currency beside it.",
        ),
        (alone(BRAND, sort="-nope"), "brands are sorted by 'nope' by default, which is not sortable."),
        (alone(BRAND, sort="slug"), "brands are sorted by 'slug' by default, which is not sortable."),
        (
            with_relation(Relation("products", "Products.", via="brand_id", many="nope")),
            "brand.products leads to 'nope', which is no resource.",
        ),
        (
            with_relation(Relation("products", "Products.", via="nope", many="brand")),
            "brand.products goes by 'nope', which is no column there.",
        ),
        (
            with_relation(Relation("twin", "Twin.", via="nope", one="brand")),
            "brand.twin goes by 'nope', which is no column there.",
        ),
        (
            with_relation(Relation("twin", "Twin.", via="id", one="brand", many="brand")),
            "brand.twin must name either one or many.",
        ),
        (with_relation(Relation("twin", "Twin.", via="id")), "brand.twin must name either one or many."),
        (with_relation(Relation("twin", "", via="id", one="brand")), "brand.twin has no description."),
        (
            with_relation(Relation("name", "Name.", via="id", one="brand")),
            "brand.name is both a field and a relation.",
        ),
        (
            with_relation(Relation("twins", "Twins.", via="id", many="brand", sort="website")),
            "brand.twins are sorted by 'website' by default, which is not sortable.",
        ),
    ],
)
def test_an_unsound_declaration_is_named(resource: Resource, sentence: str) -> None:
    """Design 3: messages are sentences that name the resource and the field."""
    assert sentence in findings(resource)


def test_names_must_be_unique() -> None:
    """Design 3: on REST as a path, on both surfaces as a type and a name."""
    found = findings(alone(BRAND), alone(CATEGORY, name="brand", plural="brands", type="brand"))

    assert found == [
        "The path 'brands' belongs to 2 resources.",
        "The type 'brand' belongs to 2 resources.",
        "The name 'brand' belongs to 2 resources.",
        "The name 'brands' belongs to 2 resources.",
    ]


def test_a_search_needs_its_column() -> None:
    found = findings(
        Resource(
            name="workspace",
            plural="workspaces",
            model=next(item.model for item in CATALOG if item.name == "workspace"),
            doc="A tenant.",
            fields=(Field("name", "Name.", searchable=True), Field("tier", "Tier.", enum=Tier)),
        )
    )

    assert found == ["workspaces declare searchable fields but have no search column."]


def test_the_workspace_must_lead_the_key_of_a_tenant_table() -> None:
    """Design 8: rows can be sharded by their workspace."""

    model: Any = loose()
    found = findings(Resource("loose", "looses", model, "Loose rows.", fields=()))

    assert "The primary key of looses must begin with workspace_id." in found


def test_a_resource_with_actions_has_a_version_and_can_be_deleted() -> None:
    model: Any = loose()
    found = findings(Resource("loose", "looses", model, "Loose rows.", fields=(), actions=writes()))

    assert "looses have actions but no version column." in found
    assert "looses have actions but no deleted_at column." in found


def test_what_an_action_takes_and_shows_has_a_kind_a_description_and_a_name_of_its_own() -> None:
    """Design 3: it has no column that would say so."""
    bare, text = Field("hours", "For how long."), Field("slug", "A secret.", kind=Kind.STRING)
    odd = replace(item("open", "opened", "Open it.", rule), inputs=(bare,), shows=(text, Field("key", "")))
    create, *others = writes()
    told = findings(alone(BRAND, actions=(odd, replace(create, inputs=(text,)), *others)))

    assert told == [
        "brand.open has 'hours' without a kind or without a description.",
        "brand.open has 'key' without a kind or without a description.",
        "brand.open shows 'slug', which is the name of a field.",
        "brand.create takes inputs, which only an item action does.",
    ]


def test_every_constraint_speaks_of_a_field_with_a_standard_code() -> None:
    """Design 6."""
    model: Any = loose()
    found = findings(Resource("loose", "looses", model, "Loose rows.", fields=()))

    assert "The constraint blank of looses says nothing of a field." in found
    assert "The constraint short has the code 'nope', which is no code of a field error." in found


def test_every_problem_must_be_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 3, 6: an error without a row would have no status."""
    missing = {slug: kind for slug, kind in verifying.CATALOGUE.items() if slug is not Slug.CONFLICT}
    monkeypatch.setattr(verifying, "CATALOGUE", missing)

    assert "The problem <Slug.CONFLICT: 'conflict'> is not in the error catalogue." in findings(
        *CATALOG.resources
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "currency"}, "order.currency is an embedded list with the name of a field or relation."),
        ({"name": "items"}, "order.items is an embedded list with the name of a field or relation."),
        ({"relation": "customer"}, "order.line_items embeds 'customer', which does not lead there."),
        ({"relation": "nope"}, "order.line_items embeds 'nope', which does not lead there."),
        ({"resource": BRAND}, "order.line_items embeds 'items', which does not lead there."),
        ({"fields": ("nope",)}, "order.line_items embeds the field 'nope', which does not exist."),
        ({"shown": ("nope",)}, "order.line_items embeds the field 'nope', which does not exist."),
        (
            {"fields": ("line_total_cents",)},
            "order.line_items takes the field 'line_total_cents', which cannot be written.",
        ),
        ({"doc": ""}, "order.line_items has no description."),
    ],
)
def test_an_unsound_embedded_list_is_named(changes: dict[str, Any], sentence: str) -> None:
    embedded = replace(ORDER.embedded[0], **changes)
    order = replace(ORDER, embedded=(embedded,))

    assert sentence in findings(*(order if other is ORDER else other for other in CATALOG))


def test_all_findings_are_told_at_once() -> None:
    found = findings(alone(BRAND, doc="", sort="nope", fields=(Field("name", ""),)))

    assert found == [
        "brand has no description.",
        "brand.name has no description.",
        "brands are sorted by 'nope' by default, which is not sortable.",
    ]
