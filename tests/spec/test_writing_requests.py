"""Requests that write: their addresses, scopes, parameters and the order in which they are judged (Q-22)."""

import uuid

import pytest

from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.stored import Stored

COLLECTION = "/api/v1/brands"
BODY = {"name": "Never Made"}
WRITES = (
    ("POST", COLLECTION, "write"),
    ("PUT", f"{COLLECTION}/{{id}}", "write"),
    ("PATCH", f"{COLLECTION}/{{id}}", "write"),
    ("DELETE", f"{COLLECTION}/{{id}}", "delete"),
    ("POST", f"{COLLECTION}/{{id}}/restore", "write"),
    ("POST", f"{COLLECTION}/bulk", "write"),
    ("PATCH", f"{COLLECTION}/bulk", "write"),
    ("DELETE", f"{COLLECTION}/bulk", "delete"),
    ("POST", f"{COLLECTION}/bulk-delete", "delete"),
)


@pytest.fixture(scope="module")
async def target(shop: Client) -> str:
    """The id of a brand that stays as it is."""
    return str((await shop.post(COLLECTION, {"name": "Requested"})).data(201)["id"])


@pytest.mark.parametrize(("method", "path", "scope"), WRITES)
async def test_a_write_needs_its_scope(
    shop: Client, stored: Stored, written: Seed, target: str, method: str, path: str, scope: str
) -> None:
    """S3-064, S3-079: 403 before anything of the request is judged, be it as wrong as it likes."""
    with stored.unchanged():
        for name in ("reader", "nothing", "brand_reader", "product_writer"):
            held = shop.using(written.tokens["acme", name])
            for headers, body, query in (([], b"", ""), ([("content-type", "text/html")], b"{", "?nope=1")):
                answer = await held.request(
                    method, path.format(id=target) + query, headers=headers, body=body
                )
                problem = answer.problem(403)
                assert problem["code"] == "insufficient-scope"
                assert problem["required_scope"] == f"brands:{scope}"


@pytest.mark.parametrize(("method", "path", "scope"), WRITES)
async def test_a_write_needs_a_live_token(
    shop: Client, stored: Stored, target: str, method: str, path: str, scope: str
) -> None:
    """S3-061: 401, whatever else is wrong."""
    with stored.unchanged():
        for token in (None, "nonsense", "dip_test_" + "0" * 88):
            answer = await shop.using(token).request(method, path.format(id=target) + "?nope=1", body=b"{")
            assert answer.problem(401)["code"] == "invalid-token"
            assert answer.header("www-authenticate") is not None


@pytest.mark.parametrize(("method", "path", "scope"), WRITES)
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("nope=1", "'nope'"),
        ("fields=name", "'fields'"),
        ("include=products", "'include'"),
        ("filter[name]=x", "filter[name]"),
        ("idempotency_key=k", "idempotency_key"),
        ("dry_run=1", "dry_run"),
        ("dry_run=yes", "dry_run"),
        ("dry_run=True", "dry_run"),
        ("dry_run=", "dry_run"),
        ("dry_run", "dry_run"),
        ("dry_run=true&dry_run=true", "'dry_run' is given twice"),
        ("dry_run=true&x=1", "'x'"),
        ("dry%5Frun=on", "dry_run"),
        ("%FF=1", "UTF-8"),
    ],
)
async def test_parameters_are_refused_by_name(
    shop: Client, stored: Stored, target: str, method: str, path: str, scope: str, query: str, named: str
) -> None:
    """S3-107, S3-255: nothing is silently ignored, least of all what should have made it a trial."""
    body = {
        "PUT": b'{"name":"Never Made"}',
        "PATCH": b'{"name":"Never Made"}',
        "POST": b'{"name":"Never Made"}',
    }.get(method, b"")
    if "bulk" in path:
        body = b'{"ids":["%b"]}' % target.encode()
        if scope == "write":
            body = b'{"items":[{"id":"%b","name":"Never Made"}]}' % target.encode()
    elif "restore" in path:
        body = b"{}"
    headers = [("content-type", "application/json")]
    if method == "PUT":
        headers.append(("if-match", "*"))
    with stored.unchanged():
        answer = await shop.request(method, f"{path.format(id=target)}?{query}", headers=headers, body=body)
    answer.names(400, named)


@pytest.mark.parametrize("query", ["atomic=true", "atomic=false"])
async def test_atomic_is_for_many(shop: Client, stored: Stored, target: str, query: str) -> None:
    """C-52: on one row it would mean nothing."""
    with stored.unchanged():
        (await shop.post(f"{COLLECTION}?{query}", BODY)).names(400, "atomic")
        (await shop.patch(f"{COLLECTION}/{target}?{query}", BODY)).names(400, "atomic")
        (await shop.delete(f"{COLLECTION}/{target}?{query}")).names(400, "atomic")
        (await shop.post(f"{COLLECTION}/{target}/restore?{query}", {})).names(400, "atomic")


async def test_refusals_come_in_the_order_of_the_law(
    shop: Client, stored: Stored, written: Seed, target: str
) -> None:
    """Q-22: 401, 404 and 405 of the route, 403, 415, 400, 404 of the row, 412 and 428, 422."""
    json = ("content-type", "application/json")
    reader = shop.using(written.tokens["acme", "reader"])
    absent, row = f"{COLLECTION}/{uuid.uuid4()}", f"{COLLECTION}/{target}"
    stale = ("if-match", '"stale"')
    with stored.unchanged():
        (await shop.using(None).request("PUT", "/api/v1/nothing", body=b"{")).problem(401)
        (await reader.request("PUT", "/api/v1/nothing", body=b"{")).problem(404)
        (await reader.request("PUT", COLLECTION, body=b"{")).problem(405)
        (await reader.request("PUT", absent, headers=[stale], body=b"{")).problem(403)
        (await shop.request("PUT", absent, headers=[stale], body=b"{")).problem(415)
        (await shop.request("PUT", absent, headers=[stale, json], body=b"{")).problem(400)
        (await shop.request("PUT", absent, headers=[stale, json], body=b"{}")).problem(404)
        (await shop.request("PUT", row, headers=[stale, json], body=b"{}")).problem(412)
        (await shop.request("PUT", row, headers=[json], body=b"{}")).problem(428)
        (await shop.request("PUT", row, headers=[("if-match", "*"), json], body=b"{}")).problem(422)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
async def test_whoever_could_not_read_the_answer_writes_nothing(
    shop: Client, stored: Stored, target: str, accept: str
) -> None:
    """C-47: 406 before, not after."""
    headers = [("accept", accept)]
    with stored.unchanged():
        (await shop.post(COLLECTION, BODY, headers=headers)).problem(406)
        (await shop.patch(f"{COLLECTION}/{target}", BODY, headers=headers)).problem(406)
        (await shop.delete(f"{COLLECTION}/{target}", headers=headers)).problem(406)


async def test_nested_collections_are_only_read(shop: Client, stored: Stored, target: str) -> None:
    """S3-339."""
    with stored.unchanged():
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            address = f"{COLLECTION}/{target}/products"
            answer = await shop.request(
                method, address, headers=[("content-type", "application/json")], body=b'{"name":"x"}'
            )
            answer.problem(405)
            assert answer.header("allow") == "GET, HEAD, OPTIONS"


async def test_what_has_no_actions_is_only_read(shop: Client, stored: Stored) -> None:
    """S3-256: neither one, nor many."""
    with stored.unchanged():
        for method, path in (
            ("POST", "audit-logs"),
            ("PATCH", f"audit-logs/{uuid.uuid4()}"),
            ("DELETE", f"audit-logs/{uuid.uuid4()}"),
            ("POST", "audit-logs/bulk"),
            ("DELETE", "audit-logs/bulk"),
        ):
            (await shop.request(method, f"/api/v1/{path}")).problem(405)
        (await shop.request("POST", f"/api/v1/audit-logs/{uuid.uuid4()}/restore")).problem(404)
        (await shop.request("POST", f"/api/v1/brands/{uuid.uuid4()}/confirm")).problem(404)


async def test_the_token_decides_the_workspace(
    shop: Client, stored: Stored, written: Seed, target: str
) -> None:
    """S3-042, S3-258: a stranger's writes find nothing here."""
    stranger = shop.using(written.tokens["globex", "writer"])
    row = f"{COLLECTION}/{target}"
    with stored.unchanged():
        (await stranger.patch(row, BODY)).problem(404)
        (await stranger.put(row, BODY, headers=[("if-match", "*")])).problem(404)
        (await stranger.delete(row)).problem(404)
        (await stranger.post(f"{row}/restore", {})).problem(404)
        ids = [target]
        (await stranger.delete(f"{COLLECTION}/bulk", {"ids": ids})).invalid_at({"ids.0": ["not_found"]})
        items = [{"id": target, **BODY}]
        (await stranger.patch(f"{COLLECTION}/bulk", {"items": items})).invalid_at(
            {"items.0.id": ["not_found"]}
        )


async def test_a_foreign_workspace_cannot_be_named(
    shop: Client, stored: Stored, written: Seed, target: str
) -> None:
    """C-11: X-Workspace-ID of another workspace is 404, and nothing is written in either."""
    headers = [("x-workspace-id", "globex")]
    with stored.unchanged():
        (await shop.post(COLLECTION, BODY, headers=headers)).problem(404)
        (await shop.delete(f"{COLLECTION}/{target}", headers=headers)).problem(404)
