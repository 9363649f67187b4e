"""Health (S3.38); a failing readiness is tried in tests/diptych/test_headers.py."""

import pytest

from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"


@pytest.mark.parametrize("target", ["/health/live", "/health/ready"])
@pytest.mark.parametrize("token", [None, "nonsense"])
async def test_health_needs_no_token(api: Client, target: str, token: str | None) -> None:
    """S3-345, S3-346, S3-349."""
    answer = await api.using(token).get(target)

    assert answer.status == 200
    assert answer.json() == {"status": "ok"}
    assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize("target", ["/health/live", "/health/ready"])
async def test_health_answers_head_and_counts_against_nothing(api: Client, target: str) -> None:
    """S3-349, C-59, Q-18."""
    answer = await api.using(None).request("HEAD", target)

    assert answer.status == 200
    assert not [name for name, _ in answer.headers if "ratelimit" in name]


async def test_the_bare_address_leads_to_liveness(api: Client) -> None:
    """S3-350, C-80."""
    answer = await api.using(None).get("/health")

    assert answer.status == 308
    assert answer.header("location") == "/health/live"


@pytest.mark.parametrize("target", ["/api/health", "/api/v1/health"])
async def test_versioned_health_tells_the_version_in_public(api: Client, target: str) -> None:
    """C-80."""
    answer = await api.using(None).get(target)

    assert answer.status == 200
    assert set(answer.json()) == {"status", "version"}
    assert answer.json()["status"] == "ok"


async def test_without_a_database_only_readiness_fails(seed: Seed) -> None:
    """S3-345, S3-347, S3-348: liveness checks no dependency."""
    async with running(NOWHERE) as application:
        api = Client(application)

        assert (await api.get("/health/live")).json() == {"status": "ok"}
        ready = await api.get("/health/ready")
        refused = await api.using(seed.tokens["acme", "reader"]).get("/api/v1/products")

    assert ready.status == 503
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["database"] == "unavailable"
    assert refused.problem(503)["code"] == "service-unavailable"
    assert refused.header("retry-after") == "1"
    assert b"127.0.0.1" not in refused.body
