"""What is written down: audit rows, events, exports and the log hold nothing that reads would conceal."""

import csv
import io
import json
import uuid

import psycopg
import pytest

from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.attacks.arena import STRANGER, Arena, named

EXPORTED = [resource for resource in CATALOG if resource.exported]
SECRETS = ("token_hash", "token_key", "precheck", "password_hash", "totp_secret", "code_hash", "$argon2")


async def test_what_is_written_down_of_a_token_holds_no_secret(arena: Arena) -> None:
    """Attack 22: neither the event nor the audit row, whether it is read or stored."""
    made = (await arena.admin.post("/api/v1/tokens", {"name": "bot", "scopes": ["brands:read"]})).data(201)
    id_, raw = made["id"], made["token"]
    (await arena.admin.post(f"/api/v1/tokens/{id_}/rotate", {"grace_period_hours": 0})).data()

    read = await arena.admin.get(f"/api/v1/audit-logs?filter[resource_id]={id_}")
    assert len(read.rows()) >= 2
    with psycopg.connect(arena.seed.database) as connection:
        stored = [
            json.dumps(row[0])
            for table in ("audit_logs", "events")
            for row in connection.execute(f"SELECT to_jsonb(t) FROM {table} t WHERE resource_id = %s", [id_])  # type: ignore[arg-type]
        ]
    assert len(stored) >= 4
    for text in (read.body.decode(), *stored):
        assert raw not in text
        assert raw.split("_")[2][16:] not in text
        assert [name for name in SECRETS if name in text] == []


@pytest.mark.parametrize("table", ["audit_logs", "events"])
async def test_nothing_that_was_written_down_holds_a_hidden_column(arena: Arena, table: str) -> None:
    """Attack 22: whatever the other attacks have done to this database meanwhile."""
    with psycopg.connect(arena.seed.database) as connection:
        text = "".join(str(row) for row in connection.execute(f"SELECT to_jsonb(t) FROM {table} t"))  # type: ignore[arg-type]

    assert [name for name in SECRETS if f"'{name}'" in text or (name == "$argon2" and name in text)] == []


@pytest.mark.parametrize("resource", EXPORTED, ids=named)
@pytest.mark.parametrize("format_", ["csv", "ndjson"])
async def test_an_export_holds_one_s_own_rows_alone(arena: Arena, resource: Resource, format_: str) -> None:
    """Attack 21: no filter and no header brings a foreign one in, and without the scope there is none."""
    path = f"/api/v1/{resource.path}/export?format={format_}"
    theirs = [str(row["id"]) for row in arena.rows(resource)]
    own = str(arena.seed.workspaces["acme"]["id"])
    whole = await arena.admin.get(path)
    foreign = await arena.admin.get(f"{path}&filter[id][in]={','.join(theirs[:50])}")
    switched = await arena.admin.get(path, headers=[("x-workspace-id", STRANGER)])

    assert whole.status == foreign.status == 200
    assert [id_ for id_ in theirs if id_ in whole.body.decode() or id_ in foreign.body.decode()] == []
    assert str(arena.seed.workspaces[STRANGER]["id"]) not in whole.body.decode().replace(own, "")
    switched.problem(404)
    (await arena.holder("brands:write").get(path)).problem(403)
    assert (await arena.anybody.get(path)).status == 401


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\uff1d1+1",
    '=HYPERLINK("http://evil.example","x")',
]


async def test_no_cell_of_an_export_is_a_formula(arena: Arena) -> None:
    """Attack 51: a text that a spreadsheet would compute is a text in it, and the same text in NDJSON."""
    for formula in FORMULAS:
        request_id, name = f"f-{uuid.uuid4().hex}", f"{formula}{uuid.uuid4().hex}"
        body = {"name": name}
        answer = await arena.admin.post("/api/v1/brands", body, headers=[("x-request-id", request_id)])
        assert answer.status in (201, 422)
    for row in csv.reader(
        io.StringIO((await arena.admin.get("/api/v1/audit-logs/export?format=csv")).body.decode())
    ):
        for cell in row:
            assert not cell.startswith(tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")), cell


def test_every_export_writes_its_cells_by_the_one_escape() -> None:
    """Attack 51: on the one way on which any row becomes CSV."""
    from services.exporting import Format, portion

    for formula in (*FORMULAS, "\n=1"):
        (cell,) = next(
            csv.reader(io.StringIO(portion(Format.CSV, ["a"], [{"a": formula}]).decode(), newline=""))
        )
        assert cell == f"'{formula}"
    assert portion(Format.CSV, ["a"], [{"a": {"x": "=1"}}]).startswith(b'"{')
    assert portion(Format.NDJSON, ["a"], [{"a": "=1"}]) == b'{"a":"=1"}\n'
