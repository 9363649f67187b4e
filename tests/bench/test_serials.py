"""Requests that must not be sent twice: their serial numbers, filled in by whichever generator sends them."""

import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services import gtin
from tests.bench import creating, data, load, serials, wire
from tests.bench.serials import Serials
from tests.bench.wire import Request

TEXT = f"{serials.NEXT} {serials.SAME}{serials.GTIN} {serials.NEXT}".encode()
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
READ = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
GENERATORS = ("python", "wrk") if shutil.which("wrk") else ("python",)


def test_places_are_filled_with_numbers_and_keep_their_length() -> None:
    filled = Serials(41).fill(TEXT)

    assert filled == b"000000000042 00000000004290000000000423 000000000043"
    assert len(filled) == len(TEXT)


def test_every_gtin_is_valid() -> None:
    numbers = Serials(serials.fresh())

    for _ in range(100):
        made = numbers.fill(f"{serials.NEXT}{serials.GTIN}".encode())[12:].decode()
        assert gtin.normalise(made) == made


def test_no_two_products_of_a_request_share_what_must_be_unique() -> None:
    request = wire.post("/", creating.products(data.FULL, 3, 7), {"Idempotency-Key": f"key-{serials.NEXT}"})

    made = json.loads(Serials(0).filled(request).body)

    for name in ("name", "gtin", "slug", "sku"):
        assert len({row[name] for row in made}) == creating.BULK


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generator_sends_no_number_twice(
    generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "generator", lambda: generator)
    monkeypatch.setattr(serials, "fresh", lambda: 41)
    load.write_requests(tmp_path / "requests", [Request("POST", "/", {}, TEXT).raw(80)])

    with _answering([CREATED]) as (port, received):
        done = load.run(port, tmp_path / "requests", 0, 1, status=201)

    # wrk tries the script once before it sends anything.
    assert all(body == Serials(int(body[:12]) - 1).fill(TEXT) for body in received)
    assert len(set(received)) == len(received) >= done.requests > 0
    assert min(received)[:12] > b"000000000041"


@pytest.mark.parametrize("generator", GENERATORS)
def test_one_answer_of_another_status_voids_the_whole_run(
    generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "generator", lambda: generator)
    load.write_requests(tmp_path / "requests", [Request("POST", "/", {}, TEXT).raw(80)])

    with _answering([CREATED, READ]) as (port, _), pytest.raises(RuntimeError, match="1 answers"):
        load.run(port, tmp_path / "requests", 0, 1, status=201)


@contextmanager
def _answering(answers: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Serve the answers in turn, the first for all others, and collect the bodies of the requests."""
    received: list[bytes] = []
    rest = answers[1:]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while head := self._head():
                received.append(self.rfile.read(int(head.split(b"Content-Length: ")[1].split(b"\r")[0])))
                self.wfile.write(rest.pop() if rest else answers[0])

        def _head(self) -> bytes:
            lines = b""
            while line := self.rfile.readline():
                lines += line
                if line == b"\r\n":
                    return lines
            return b""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, address: object) -> None:
            """Say nothing: generators leave without waiting for their last answers."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], received
        finally:
            server.shutdown()
            thread.join()
