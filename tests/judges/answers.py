"""Judges of single answers: httplint on the main addresses, and a clock on the document."""

import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.judges.stage import PYTHON_TOOLS, House, Stage, python_version, ran
from tests.judges.verdicts import Verdict, timed

ADDRESSES = (
    "/api/v1/products",
    "/api/v1/products?per_page=1&cursor=",
    "/api/v1/whoami",
    "/api/v1/openapi.json",
    "/api/v1/nowhere",
    "/health/live",
)
_TIMES = 200
_MOST_MILLISECONDS = 5.0


def answers(stage: Stage) -> Iterator[Verdict]:
    """Let httplint read the headers of some answers, and measure how fast the document comes."""
    with stage.house() as house:
        yield _linted(house)
        yield _measured(house)


def _linted(house: House) -> Verdict:
    with timed(Verdict("httplint", python_version("httplint"), "REST: headers")) as verdict:
        verdict.amount = f"{len(ADDRESSES)} addresses"
        notes: list[str] = []
        for address in ADDRESSES:
            status, headers, body = _asked(house, address)
            lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers), ""]
            done = ran([PYTHON_TOOLS / "httplint"], sent="\r\n".join([*lines, body.decode()]))
            notes += re.findall(r"\[[A-Z]+\]", done.out)
            verdict.findings += [f"{address}: {line}" for line in done.out.splitlines() if "[BAD]" in line]
        counted = Counter(notes)
        verdict.seen = f"{counted['[GOOD]']} good, {counted['[INFO]']} notes, {counted['[WARN]']} warnings"
    return verdict


def _measured(house: House) -> Verdict:
    """Return a verdict with a finding where the document takes longer than it may, in whatever form."""
    with timed(Verdict("a clock", "", "REST: openapi.json from memory")) as verdict:
        verdict.amount = f"{3 * _TIMES} requests"
        said = []
        _, headers, _ = _asked(house, "/api/v1/openapi.json")
        tag = dict(headers)["etag"]
        ways: dict[str, dict[str, str]] = {
            "plain": {},
            "gzip": {"Accept-Encoding": "gzip"},
            "not modified": {"If-None-Match": tag},
        }
        for way, sent in ways.items():
            took, size = _median(house, sent)
            said.append(f"{way} {took:.1f} ms ({size:,} bytes)")
            if took > _MOST_MILLISECONDS:
                verdict.findings.append(f"{way} takes {took:.1f} ms")
        verdict.seen = ", ".join(said)
    return verdict


def _median(house: House, headers: dict[str, str]) -> tuple[float, int]:
    connection = _connected(house)
    times, size = [], 0
    for _ in range(_TIMES):
        began = time.perf_counter()
        connection.request("GET", "/api/v1/openapi.json", headers=headers)
        size = len(connection.getresponse().read())
        times.append((time.perf_counter() - began) * 1_000)
    connection.close()
    return statistics.median(times), size


def _asked(house: House, address: str) -> tuple[int, list[tuple[str, str]], bytes]:
    connection = _connected(house)
    connection.request("GET", address, headers={"Authorization": f"Bearer {house.tokens['own']}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheaders(), body


def _connected(house: House) -> HTTPConnection:
    return HTTPConnection(urlsplit(house.base).netloc, timeout=60)


JUDGES = (answers,)
