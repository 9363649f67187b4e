"""Procedures that the product does not ship, of every kind, with every kind of input and output."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db.calls import Statement
from db.execute import Prepared
from services.engine.catalog import Catalog
from services.engine.errors import Problem, Slug, conflict, not_found
from services.engine.procedures import (
    Credential,
    Desk,
    DeskProcedure,
    Method,
    Part,
    Procedure,
    PublicProcedure,
    Result,
)
from services.engine.resource import Field, Kind, Shown
from services.engine.work import Work
from services.workspaces import WORKSPACE

LOST = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
"""The id of a parcel that nobody can find."""

PASSWORD = "open the door"
"""What the door asks for."""

COUNT = Prepared(
    Statement(
        "INSERT INTO counters AS c (workspace_id, name, value) VALUES ($1, 'errands', 1)"
        " ON CONFLICT (workspace_id, name) DO UPDATE SET value = c.value + 1 RETURNING value"
    ),
    ("workspace",),
)
READ = Prepared(
    Statement("SELECT value FROM counters WHERE workspace_id = $1 AND name = 'errands'"), ("workspace",)
)
HOUSE = Prepared(
    Statement("SELECT id FROM workspaces WHERE slug = $1 AND deleted_at IS NULL", across=True), (0,)
)


class Scale(StrEnum):
    """What a parcel is weighed in."""

    GRAM = "gram"
    LONG_TON = "long-ton"


def _field(name: str, kind: Kind, **more: Any) -> Field:
    return Field(name, f"The {name} of an errand.", kind=kind, **more)


_ID = _field("id", Kind.UUID, required=True)


async def weigh(work: Work, inputs: Mapping[str, Any]) -> Result:
    """Weigh a parcel, which is lost or is not, without looking anything up before it is refused."""
    if str(inputs["id"]) == LOST:
        raise not_found()
    rows = await work.rows(READ)
    lines = [{"code": code, "grams": 5 * place} for place, code in enumerate("ab")]
    return Result(
        {
            "id": inputs["id"],
            "scale": inputs["scale"],
            "amount": inputs["amount"],
            "exact": inputs["exact"] or Decimal("1.50"),
            "share": 50.01,
            "large": 2**53 - 1,
            "since": inputs["since"] or datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC),
            "express": inputs["express"],
            "marks": ["x", "y"],
            "about": {"made": len(rows) < 2},
            "lines": lines,
            "more": {"lines": lines},
            "nothing": None,
        }
    )


_LINES = Part(
    "lines",
    "What is in it.",
    (_field("code", Kind.STRING, required=True), _field("grams", Kind.INTEGER, required=True)),
    many=True,
    by="code",
)

WEIGH = Procedure(
    "weigh_parcel",
    "errands/parcels/{id}/weight",
    "Weigh a parcel.",
    Method.GET,
    weigh,
    scope="errands:read",
    inputs=(
        _ID,
        _field("scale", Kind.STRING, enum=Scale, default=Scale.GRAM),
        _field("amount", Kind.INTEGER, minimum=1, maximum=9, default=1),
        _field("exact", Kind.DECIMAL),
        _field("since", Kind.DATETIME),
        _field("express", Kind.BOOLEAN, default=False),
        _field("word", Kind.STRING, required=True),
    ),
    outputs=(
        _ID,
        _field("scale", Kind.STRING, enum=Scale),
        _field("amount", Kind.INTEGER, required=True),
        _field("exact", Kind.DECIMAL),
        _field("share", Kind.NUMBER, required=True),
        _field("large", Kind.BIG_INTEGER),
        _field("since", Kind.DATETIME),
        _field("express", Kind.BOOLEAN),
        _field("marks", Kind.STRING, many=True),
        Part("about", "What is known.", (_field("made", Kind.BOOLEAN),)),
        _LINES,
        Part("more", "What else there is.", (_LINES,)),
        _field("nothing", Kind.STRING),
    ),
)


async def send(work: Work, inputs: Mapping[str, Any]) -> Result:
    """Send a parcel; one that gets stuck has been counted by then, which must not stay."""
    number = int((await work.rows(COUNT))[0][0] or 0)
    work.note("errand.sent", "errand", LOST, after={"label": inputs["label"]})
    if inputs["label"] == "stuck":
        raise conflict("The parcel is stuck.")
    values = {"label": inputs["label"], "stops": inputs["stops"], "number": number, "secret": f"s{number}"}
    inside = {"secret": f"i{number}", "notes": inputs["notes"], "weight": inputs["weight"]}
    return Result(values | {"inside": inside})


SEND = Procedure(
    "send_parcel",
    "errands/parcels",
    "Send a parcel.",
    Method.POST,
    send,
    scope="errands:write",
    status=201,
    inputs=(
        _field("label", Kind.STRING, required=True),
        _field("weight", Kind.BIG_INTEGER, default=7),
        _field("notes", Kind.JSON),
        _field("stops", Kind.STRING, many=True),
    ),
    outputs=(
        _field("label", Kind.STRING, required=True),
        _field("stops", Kind.STRING, many=True),
        _field("number", Kind.INTEGER),
        _field("secret", Kind.STRING, shown=Shown.ONCE),
        Part(
            "inside",
            "What is in it.",
            (
                _field("secret", Kind.STRING, shown=Shown.ONCE),
                _field("notes", Kind.JSON),
                _field("weight", Kind.BIG_INTEGER),
            ),
        ),
    ),
)


async def drop(work: Work, inputs: Mapping[str, Any]) -> Result:
    """Drop a parcel."""
    await work.rows(COUNT)
    return Result()


DROP = Procedure(
    "drop_parcel",
    "errands/parcels/{id}",
    "Drop a parcel.",
    Method.DELETE,
    drop,
    scope="errands:delete",
    status=204,
    inputs=(_ID,),
)


async def count(work: Work, inputs: Mapping[str, Any]) -> Result:
    """Tell how many errands there were."""
    rows = await work.rows(READ)
    return Result([{"name": "errands", "count": int(rows[0][0] or 0) if rows else 0}])


COUNT_ALL = Procedure(
    "count_errands",
    "errands",
    "Count the errands.",
    Method.GET,
    count,
    outputs=(_field("name", Kind.STRING), _field("count", Kind.INTEGER)),
    many=True,
    wrapped=False,
)


async def go_round(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    """Count an errand in the caller's workspace and in another one."""
    assert desk.caller is not None
    rows = await desk.rows(HOUSE, inputs["house"].encode())
    if not rows:
        raise not_found()
    for workspace in (desk.caller.principal.workspace_id, (rows[0][0] or b"").decode()):
        async with desk.work(workspace) as work:
            await work.rows(COUNT)
            work.note("errand.made", "errand", LOST)
    return Result({"house": inputs["house"]})


GO_ROUND = DeskProcedure(
    "go_round",
    "errands/rounds",
    "Go to another house.",
    Method.POST,
    go_round,
    scope="errands:write",
    inputs=(_field("house", Kind.STRING, required=True),),
    outputs=(_field("house", Kind.STRING),),
)


async def knock(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    """Open the door of a house to whoever knows the word."""
    assert desk.caller is None
    rows = await desk.rows(HOUSE, inputs["house"].encode())
    if not rows:
        raise not_found()
    if inputs["password"] != PASSWORD:
        raise Problem(Slug.INVALID_TOKEN, "That is not the word.")
    async with desk.work((rows[0][0] or b"").decode()) as work:
        await work.rows(COUNT)
        work.note("errand.made", "errand", LOST)
    return Result({"house": inputs["house"], "seen_from": desk.visit.address}, Credential("the-raw-key", 60))


KNOCK = PublicProcedure(
    "knock",
    "errands/doors",
    "Knock at a door.",
    Method.POST,
    knock,
    cost=2,
    aliases=("errands/gates",),
    inputs=(_field("house", Kind.STRING, required=True), _field("password", Kind.STRING, required=True)),
    outputs=(_field("house", Kind.STRING), _field("seen_from", Kind.STRING)),
)


async def look(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    """Look through a window."""
    return Result({"pane": inputs["pane"]}, Credential("", 0))


LOOK = PublicProcedure(
    "look_inside",
    "errands/windows/{pane}",
    "Look inside.",
    Method.GET,
    look,
    inputs=(_field("pane", Kind.INTEGER, required=True, minimum=1),),
    outputs=(_field("pane", Kind.INTEGER),),
)

ERRANDS = (WEIGH, SEND, DROP, COUNT_ALL, GO_ROUND, KNOCK, LOOK)
CATALOG = Catalog((WORKSPACE,), ERRANDS)
