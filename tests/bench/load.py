"""Closed-loop load: eight connections, each sending its next request when it has its answer."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench import serials

HERE = Path(__file__).resolve().parent
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice of load did; latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    abandoned: int
    """Requests sent whose answers were no longer awaited: the server has worked for them all the same."""


def generator() -> str:
    """Return which load generator this machine has: `wrk`, or our own in Python."""
    return "wrk" if shutil.which("wrk") else "python"


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write `requests` as the generators read them."""
    path.touch(mode=0o600)  # They carry tokens.
    path.write_bytes(b"".join(b"%d\n%s" % (len(request), request) for request in requests))


def read_requests(path: Path) -> list[bytes]:
    """Read what `write_requests` wrote."""
    requests = []
    with path.open("rb") as file:
        while length := file.readline():
            requests.append(file.read(int(length)))
    return requests


def run(port: int, requests: Path, first: int, seconds: float, status: int = 200) -> Slice:
    """Send the requests of the file `requests` in turn, from number `first`, for `seconds`.

    Raises RuntimeError when an answer had another status than `status` or a connection broke.
    """
    command = _wrk(port, seconds) if generator() == "wrk" else _own(port, seconds)
    command += [str(requests), str(first), str(status), str(serials.fresh())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)
    lines = done.stderr.strip().splitlines()
    if done.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"The load generator failed: {done.stderr[-1000:]} {done.stdout[-1000:]}")
    told = json.loads(lines[-1])
    if told["refused"] or told["broken"]:
        raise RuntimeError(f"Under load {told['refused']} answers were errors, {told['broken']} broke off.")
    abandoned = CONNECTIONS if generator() == "wrk" else 0
    return Slice(told["requests"], told["seconds"], told["p50"], told["p99"], abandoned)


def _wrk(port: int, seconds: float) -> list[str]:
    # The script and our own generator read the same file, so both send the same bytes.
    return [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",  # wrk knows whole seconds only.
        "--timeout=60s",
        f"-s{HERE / 'wrk.lua'}",
        f"http://127.0.0.1:{port}",
        "--",
    ]


def _own(port: int, seconds: float) -> list[str]:
    return [sys.executable, "-m", "tests.bench.generator", str(port), str(seconds)]
