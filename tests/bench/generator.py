"""A load generator without dependencies, for machines that lack wrk; costlier per request than wrk."""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from tests.bench.load import CONNECTIONS, read_requests
from tests.bench.serials import Serials


class Turns:
    """The requests still to send and the answers so far, shared by all connections."""

    def __init__(self, requests: list[bytes], first: int, status: int, serial: int, seconds: float) -> None:
        self.requests = requests
        self.turn = first
        self.expected = b"http/1.1 %d " % status
        self.serials = Serials(serial)
        self.deadline = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.refused = 0
        self.broken = 0

    def next(self) -> bytes:
        self.turn += 1
        return self.serials.fill(self.requests[self.turn % len(self.requests)])


class Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = bytearray()
        self.expected: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.expected is None:
            self._read_head()
        if self.expected is not None and len(self.received) >= self.expected:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.turns.broken += 1
            self.over.set_result(None)

    def _send(self) -> None:
        self.received.clear()
        self.expected = None
        self.sent = time.perf_counter()
        self.transport.write(self.turns.next())

    def _read_head(self) -> None:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.received[:end]).lower()
        self.turns.refused += not head.startswith(self.turns.expected)
        self.expected = end + 4 + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])

    def _finish(self) -> None:
        now = time.perf_counter()
        self.turns.latencies.append(now - self.sent)
        if now < self.turns.deadline:
            self._send()
        else:
            self.over.set_result(None)
            self.transport.close()


async def drive(port: int, turns: Turns) -> None:
    """Run all connections until the time is up."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Connection(turns), "127.0.0.1", port) for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(connection.over for _, connection in made))


def main(port: int, seconds: float, requests: Path, first: int, status: int, serial: int) -> None:
    """Send load and print what came of it."""
    import uvloop

    turns = Turns(read_requests(requests), first, status, serial, seconds)
    began = time.perf_counter()
    uvloop.run(drive(port, turns))
    elapsed = time.perf_counter() - began
    cuts = statistics.quantiles([1000 * latency for latency in turns.latencies], n=100)
    told = {
        "requests": len(turns.latencies),
        "seconds": elapsed,
        "p50": cuts[49],
        "p99": cuts[98],
        "refused": turns.refused,
        "broken": turns.broken,
    }
    print(json.dumps(told), file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
