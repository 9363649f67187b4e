"""The entrance: HTTPS, trusted proxies and the size of headers, through the whole application."""

import socket
import tempfile
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from diptych.entrance import MOST_HEADERS, Entrance, networks
from diptych.protocol import LARGEST_HEAD
from diptych.settings import Settings
from services.engine.errors import Problem
from tests.diptych.server_on_trial import serving
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import SECRET, Seed

PROXY, CLIENT, ATTACKER = "10.0.0.7", "203.0.113.9", "198.51.100.66"
LIMIT = 4_096


def settings(**changes: object) -> Settings:
    return Settings(_env_file=None, secret_key=SECRET, **changes)  # type: ignore[call-arg, arg-type]


@pytest.fixture(scope="module")
async def strict(seed: Seed) -> AsyncIterator[Client]:
    """A client of a server that insists on HTTPS behind one proxy."""
    changes = {"require_https": True, "trusted_proxies": [PROXY], "header_limit": LIMIT}
    async with running(seed.database, **changes) as application:
        yield Client(application, seed.tokens["acme", "reader"])


# HTTPS


async def test_a_plain_read_is_sent_to_the_https_address(strict: Client) -> None:
    """S3-115, S3-116, C-62."""
    for method in ("GET", "HEAD"):
        answer = await strict.using(None).request(method, "/api/v1/products?filter[name]=a%20b&page=2")

        assert (answer.status, answer.body) == (308, b"")
        assert (
            answer.header("location") == "https://api.example.com/api/v1/products?filter[name]=a%20b&page=2"
        )
        assert answer.header("strict-transport-security") is not None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", []),
        ("OPTIONS", []),
        ("GET", [("authorization", "Bearer x")]),
        ("GET", [("x-api-key", "x")]),
        ("GET", [("cookie", "session=x")]),
        ("HEAD", [("authorization", "Bearer x")]),
        ("GET", [("x-forwarded-proto", "https"), ("authorization", "Bearer x")]),
    ],
)
@pytest.mark.parametrize("target", ["/api/v1/products", "/graphql", "/nothing"])
async def test_what_may_have_leaked_is_refused(
    strict: Client, method: str, headers: list, target: str
) -> None:
    """C-62: a redirect would have the secret sent in the clear again and again."""
    answer = await strict.using(None).request(method, target, headers=headers)

    if method == "HEAD":
        assert answer.status == 403
    else:
        assert answer.problem(403)["code"] == "https-required"
    assert answer.header("location") is None


async def test_health_is_told_to_anybody(strict: Client) -> None:
    """C-62: what asks for it stands beside the server."""
    for target in ("/health/live", "/health/ready", "/api/v1/health"):
        assert (await strict.using(None).get(target)).status == 200


async def test_tls_at_the_server_or_at_a_trusted_proxy_is_enough(strict: Client) -> None:
    over_tls = replace(strict, scheme="https")
    behind = replace(strict, peer=PROXY)
    forged = replace(strict, peer=ATTACKER)
    said = [("x-forwarded-proto", "https")]

    assert (await over_tls.get("/api/v1/brands")).status == 200
    assert (await behind.get("/api/v1/brands", headers=said)).status == 200
    assert (await behind.get("/api/v1/brands")).problem(403)
    assert (await behind.get("/api/v1/brands", headers=[("x-forwarded-proto", "https, http")])).problem(403)
    assert (await forged.get("/api/v1/brands", headers=said)).problem(403)
    # A proxy that was reached in the clear says so, whatever it speaks with this server.
    assert (
        await replace(behind, scheme="https").get("/api/v1/brands", headers=[("x-forwarded-proto", "http")])
    ).problem(403)


@pytest.mark.parametrize("host", ["", "a b", "evil@x", "x/../y", "x\\y", "[::1", "x:123456"])
def test_no_redirect_is_made_of_a_host_that_is_none(host: str) -> None:
    with pytest.raises(Problem) as refused:
        Entrance(require_https=True).redirect("GET", b"/a", host.encode(), secrets=False)
    assert refused.value.slug == "https-required"


@pytest.mark.parametrize("host", ["x.example", "x.example:8000", "127.0.0.1:80", "[::1]:443"])
def test_the_public_address_goes_before_the_one_that_was_asked(host: str) -> None:
    asked = Entrance().redirect("GET", b"/a?b", host.encode(), secrets=False)
    public = Entrance(origin="https://api.example").redirect("GET", b"/a?b", host.encode(), secrets=False)

    assert dict(asked.headers)[b"location"] == b"https://" + host.encode() + b"/a?b"
    assert dict(public.headers)[b"location"] == b"https://api.example/a?b"


def test_prod_requires_https_unless_told_otherwise() -> None:
    """C-62."""
    assert settings(env="prod").https_required
    assert not settings(env="prod", require_https=False).https_required
    assert not settings(env="dev").https_required
    assert settings(env="test", require_https=True).https_required


# Proxies


@pytest.mark.parametrize(
    ("peer", "chain", "client"),
    [
        (CLIENT, b"", CLIENT),
        (CLIENT, b"1.2.3.4", CLIENT),
        (PROXY, b"", PROXY),
        (PROXY, b"203.0.113.9", CLIENT),
        (PROXY, b"1.2.3.4, 203.0.113.9", CLIENT),
        (PROXY, b"10.0.0.1, 203.0.113.9", CLIENT),
        (PROXY, b"203.0.113.9, 10.9.9.9", CLIENT),
        (PROXY, b"203.0.113.9:4711 , 10.9.9.9:80", CLIENT),
        (PROXY, b"10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (PROXY, b"203.0.113.9, unknown", PROXY),
        (PROXY, b"203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        (PROXY, b",", PROXY),
        (PROXY, b"[2001:db8::5]:443", "2001:db8::5"),
        (PROXY, b"2001:db8::5", "2001:db8::5"),
        (PROXY, b"::ffff:203.0.113.9", CLIENT),
        ("::ffff:10.0.0.7", b"203.0.113.9", CLIENT),
        ("fd00::1", b"203.0.113.9", CLIENT),
        ("fe80::1", b"203.0.113.9", "fe80::1"),
        ("", b"203.0.113.9", ""),
    ],
)
def test_the_last_address_that_is_not_trusted_is_the_client(peer: str, chain: bytes, client: str) -> None:
    """Attack 39: what stands before it in the list, the client wrote itself."""
    entrance = Entrance(networks(["10.0.0.0/8", "fd00::/16"]))
    headers = {b"x-forwarded-for": chain} if chain else {}

    assert entrance.seen(peer, "http", headers) == (client, False)


def test_a_long_chain_of_trusted_hops_is_read_so_far_and_no_further() -> None:
    entrance = Entrance(networks(["10.0.0.0/8"]))
    chain = b"203.0.113.9, " + b", ".join([b"10.0.0.1"] * 100_000)

    assert entrance.seen(PROXY, "http", {b"x-forwarded-for": chain}) == ("10.0.0.1", False)


def test_nobody_is_trusted_unless_named() -> None:
    headers = {b"x-forwarded-for": b"1.2.3.4", b"x-forwarded-proto": b"https"}

    assert Entrance().seen("127.0.0.1", "http", headers) == ("127.0.0.1", False)
    with pytest.raises(ValidationError, match=r"'10.0.0.0/33'.*such as 10.0.0.0/8"):
        settings(trusted_proxies="127.0.0.1, 10.0.0.0/33")
    assert settings(trusted_proxies="127.0.0.1, 10.0.0.0/8").trusted_proxies == ["127.0.0.1", "10.0.0.0/8"]


# Headers


async def test_too_many_and_too_large_headers_are_refused(strict: Client) -> None:
    """Attack list: bounded resources; 431 of RFC 6585, section 5."""
    client = replace(strict, scheme="https")
    # The test's client adds host and authorization.
    fits = [(f"x-{n}", "v") for n in range(MOST_HEADERS - 2)]
    room = LIMIT - len(
        "host" + "api.example.com" + "authorization" + "Bearer " + (client.token or "") + "x-long"
    )

    assert (await client.get("/api/v1/brands", headers=fits)).status == 200
    assert (await client.get("/api/v1/brands", headers=[("x-long", "v" * room)])).status == 200
    many = (await client.get("/api/v1/brands", headers=[*fits, ("x", "v")])).problem(431)
    long = (await client.get("/api/v1/brands", headers=[("x-long", "v" * (room + 1))])).problem(431)
    assert many["code"] == long["code"] == "request-headers-too-large"
    assert str(MOST_HEADERS) in many["detail"]
    assert str(LIMIT) in long["detail"]


def test_a_head_that_never_ends_is_cut_off(database: str) -> None:
    folder = Path(tempfile.mkdtemp())
    with serving(folder, DIPTYCH_DATABASE_URL=database) as server:
        address = urllib.parse.urlsplit(server.base)
        for beginning in (b"GET /", b"GET / HTTP/1.1\r\nx: "):
            with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
                connection.sendall(beginning)
                sent, answer = 0, b""
                while not answer and sent < 4 * LARGEST_HEAD:
                    connection.sendall(b"a" * 65_536)
                    sent += 65_536
                    connection.settimeout(0.2)
                    try:
                        answer = connection.recv(65_536)
                    except TimeoutError:
                        answer = b""
                head, _, body = answer.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
                assert orjson.loads(body)["code"] == "request-headers-too-large"
                assert sent <= 2 * LARGEST_HEAD
        assert server.get("/health/live") == (200, {"status": "ok"})
