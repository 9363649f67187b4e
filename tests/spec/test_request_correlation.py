"""Request correlation (S3.13); further cases stand in tests/diptych/test_headers.py."""

import uuid

import pytest

from tests.support.client import Client


@pytest.mark.parametrize("target", ["/api/v1/products", "/api/v1/nothing", "/health/live", "/nothing"])
async def test_the_clients_id_is_echoed_everywhere(api: Client, target: str) -> None:
    """S3-130, S3-131, C-65."""
    answer = await api.get(target, headers=[("X-Request-ID", "order-42_a.b")])

    assert answer.header("x-request-id") == "order-42_a.b"


async def test_fresh_ids_are_uuids_and_differ(api: Client) -> None:
    """S3-130."""
    found = [(await api.get("/api/v1/brands")).header("x-request-id") or "" for _ in range(50)]

    assert len(set(found)) == 50
    assert all(uuid.UUID(id_).version == 4 and str(uuid.UUID(id_)) == id_ for id_ in found)
    assert all(uuid.UUID(id_).variant == uuid.RFC_4122 for id_ in found)


@pytest.mark.parametrize("sent", ["a b", "x" * 129, "<script>", "a\tb", "ä", "a/b", "a:b", ""])
async def test_unsafe_ids_are_replaced_and_never_an_error(api: Client, sent: str) -> None:
    """C-65, Q-23."""
    answer = await api.get("/api/v1/brands", headers=[("x-request-id", sent)])

    assert answer.status == 200
    assert uuid.UUID(answer.header("x-request-id") or "").version == 4


async def test_an_id_given_twice_is_replaced(api: Client) -> None:
    """C-65: which one was meant is unknown."""
    answer = await api.get("/api/v1/brands", headers=[("x-request-id", "a"), ("x-request-id", "b")])

    assert uuid.UUID(answer.header("x-request-id") or "").version == 4


async def test_problems_name_the_request(api: Client) -> None:
    """S3-131, C-65."""
    answer = await api.get("/api/v1/brands?nope=1", headers=[("x-request-id", "abc")])

    assert answer.problem(400)["request_id"] == "abc"


@pytest.mark.parametrize(
    "sent",
    [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "nonsense",
        "",
        "00-" + "0" * 32 + "-" + "0" * 16 + "-00",
    ],
)
async def test_a_traceparent_is_never_an_error(api: Client, sent: str) -> None:
    """S3-134, Q-23."""
    assert (await api.get("/api/v1/brands", headers=[("traceparent", sent)])).status == 200
