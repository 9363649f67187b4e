"""`diptych serve` as a process of its own: it starts, answers, and leaves nothing behind however it ends."""

import http.client
import shutil
import signal
import socket
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from db import migrate
from db.embedded import start
from services import demo
from tests.diptych.server_on_trial import PATIENCE_SECONDS, eventually, serving

DEMO_PRODUCTS = 60


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose embedded database holds a small demo."""
    # pytest's own temporary folders are closed to the account that runs the database for root.
    made = Path(tempfile.mkdtemp(prefix="diptych-serve-"))
    made.chmod(0o755)
    with start(made / ".diptych") as server:
        migrate.upgrade(server.dsn())
        demo.fill(server.dsn(), count=DEMO_PRODUCTS)
    yield made
    shutil.rmtree(made)


def test_a_server_is_alive_ready_and_gone_after_control_c(folder: Path) -> None:
    with serving(folder) as server:
        assert server.get("/health/live") == (200, {"status": "ok"})
        assert server.get("/health/ready") == (200, {"status": "ok"})
        assert len(server.running()) > 1

        assert server.interrupt() == 0
        eventually(lambda: not server.running())
        assert server.complaint() == ""


def test_what_is_no_http_hears_a_problem(folder: Path) -> None:
    """S3-119, S3-131, S3-253: every response, even to what no application sees."""
    line = b"GET /api/v1/products?q=%b HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(folder) as server:
        for sent in (line % b"\xff", line % b"a b", b"\x16\x03\x01\x02\x00\x01\x00" * 10):
            answer, body = _exchanged(server.base, sent)
            problem = orjson.loads(body)

            assert (answer.status, problem["status"], problem["code"]) == (400, 400, "bad-request")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"] == problem["request_id"]


def _exchanged(base: str, sent: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    address = urllib.parse.urlsplit(base)
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer, answer.read()


def test_the_demo_announces_a_token_that_reads_it(folder: Path) -> None:
    with serving(folder, "--demo") as server:
        token = server.announced("Token")
        status, found = server.get("/api/v1/products?per_page=1", token)

        assert status == 200
        assert found["pagination"]["total_count"] == DEMO_PRODUCTS
        assert f'curl -H "Authorization: Bearer {token}"' in server.announced("Try")


def test_the_demo_announces_an_owner_who_logs_in(folder: Path) -> None:
    """With the same password at the next start, until somebody changes it; it is kept from other accounts."""
    with serving(folder, "--demo") as server:
        first = server.announced("Login")
        email, password = first.split()
        role = _role_at_login(server.base, email, password)
    with serving(folder, "--demo") as server:
        second = server.announced("Login")
    with start(folder / ".diptych") as database, psycopg.connect(database.dsn()) as connection:
        changed = connection.execute("UPDATE users SET password_hash = 'another'").rowcount
    with serving(folder, "--demo") as server:
        third = server.announced("Login")

    assert (role, second, changed) == ("owner", first, 1)
    assert third == f"{email}, whose password was changed"
    assert (folder / ".diptych" / "demo-login").stat().st_mode & 0o777 == 0o600


def _role_at_login(base: str, email: str, password: str) -> str:
    body, headers = {"email": email, "password": password}, {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base}/api/v1/auth/login", orjson.dumps(body), headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        return str(orjson.loads(response.read())["data"]["user"]["role"])


def test_the_demo_keeps_its_token_until_it_is_revoked(folder: Path) -> None:
    with serving(folder, "--demo") as server:
        first = server.announced("Token")
    with serving(folder, "--demo") as server:
        second = server.announced("Token")
        assert server.get("/api/v1/brands", second)[0] == 200
    with start(folder / ".diptych") as database, psycopg.connect(database.dsn()) as connection:
        connection.execute("UPDATE tokens SET revoked_at = now()")
    with serving(folder, "--demo") as server:
        third = server.announced("Token")
        refused = server.get("/api/v1/brands", first)[0]
        accepted = server.get("/api/v1/brands", third)[0]

    assert first == second != third
    assert (refused, accepted) == (401, 200)
    assert (folder / ".diptych" / "demo-token").stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_asked_to_end_does(folder: Path) -> None:
    with serving(folder) as server:
        server.get("/health/live")

        assert server.signal(signal.SIGTERM) == 0
        eventually(lambda: not server.running())


def test_a_killed_server_leaves_no_database_running(folder: Path) -> None:
    with serving(folder) as server:
        server.get("/health/ready")

        assert server.signal(signal.SIGKILL) == -signal.SIGKILL
        eventually(lambda: not server.running())


def test_workers_share_one_port_and_end_with_control_c(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        assert server.get("/health/ready") == (200, {"status": "ok"})
        eventually(lambda: len(server.workers()) == 2)

        assert server.interrupt() == 0
        eventually(lambda: not server.running())


def test_a_killed_worker_is_replaced(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        eventually(lambda: len(server.workers()) == 2)
        server.get("/health/live")
        victim = server.workers()[0]
        victim.kill()

        eventually(lambda: len({worker.pid for worker in server.workers()} - {victim.pid}) == 2)
        assert server.get("/health/ready") == (200, {"status": "ok"})


def test_workers_do_not_outlive_a_killed_parent(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        server.get("/health/ready")
        eventually(lambda: len(server.workers()) == 2)

        server.signal(signal.SIGKILL)
        eventually(lambda: not server.running())


def test_a_taken_port_is_told_in_one_sentence_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with serving(folder, DIPTYCH_PORT=port) as server:
            assert server.process.wait(30) == 1
            assert server.complaint() == (
                f"Error: Cannot listen on 127.0.0.1, port {port}: Address already in use. "
                "Choose another with --host and --port, or DIPTYCH_HOST and DIPTYCH_PORT.\n"
            )


def test_a_dotenv_file_is_read_and_the_environment_goes_before_it(database: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"DIPTYCH_DATABASE_URL='{database}'\nDIPTYCH_CORS_ORIGINS=nonsense\nDIPTYCH_HOST=localhost\n"
    )
    with serving(tmp_path, DIPTYCH_CORS_ORIGINS="https://a.example") as server:
        assert server.base.startswith("http://localhost:")
        assert server.get("/health/ready") == (200, {"status": "ok"})
    with serving(tmp_path) as server:
        assert server.process.wait(30) == 1
        assert server.complaint() == (
            "Error: DIPTYCH_CORS_ORIGINS: 'nonsense' is not an origin such as https://app.example.\n"
        )
    assert not (tmp_path / ".diptych" / "postgres").exists()
