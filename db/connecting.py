"""Opens a libpq connection without ever blocking the event loop."""

import asyncio
import socket
from collections.abc import Mapping

from psycopg import Error as LibpqError
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGconn

from db.calls import DatabaseUnavailable

_OK = int(pq.PollingStatus.OK)
_FAILED = int(pq.PollingStatus.FAILED)
_READING = int(pq.PollingStatus.READING)

# A peer that vanished without a word is noticed within half a minute; unix sockets ignore these.
_KEEPALIVE = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def startup_conninfo(conninfo: str, settings: Mapping[str, str], application: str) -> str:
    """Add the application's name and session settings (as `options`) to a connection string or URL.

    Raises `DatabaseUnavailable` when the string is malformed.
    """
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    except LibpqError:
        # The parser's own message may quote the password.
        raise DatabaseUnavailable("08001", "The database connection string is malformed.") from None
    words = [given.get("options", ""), *(f"-c {key}={_escaped(value)}" for key, value in settings.items())]
    merged = {**_KEEPALIVE, "application_name": application, **given, "client_encoding": "UTF8"}
    merged["options"] = " ".join(word for word in words if word)
    return make_conninfo("", **{key: value for key, value in merged.items() if value})


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


async def connect(conninfo: str, settings: Mapping[str, str], within: float) -> PGconn:
    """Connect in at most `within` seconds and make the session settings that the start-up did not carry.

    Raises `DatabaseUnavailable` with the server's or the system's reason.
    """
    pgconn: PGconn | None = None
    try:
        async with asyncio.timeout(within):
            pgconn = pq.PGconn.connect_start((await _resolved(conninfo)).encode())
            await _poll(pgconn)
            pgconn.nonblocking = 1
            if settings:
                await _set(pgconn, settings)
    except BaseException as error:
        if pgconn is not None:
            pgconn.finish()
        if isinstance(error, TimeoutError):
            raise _unreachable(f"no connection within {within:g} s") from None
        # A host name or list of ports that makes no sense is a ValueError.
        if isinstance(error, OSError | LibpqError | ValueError):
            raise _unreachable(str(error)) from None
        raise
    return pgconn


async def _poll(pgconn: PGconn) -> None:
    loop = asyncio.get_running_loop()
    if pgconn.status == pq.ConnStatus.BAD:
        raise _unreachable(pgconn.get_error_message())
    reading = False
    while True:
        # The socket may change from one poll to the next, when libpq goes on to another address.
        await _ready(loop, pgconn.socket, reading)
        state = pgconn.connect_poll()
        if state == _OK:
            return
        if state == _FAILED:
            raise _unreachable(pgconn.get_error_message())
        reading = state == _READING


async def _set(pgconn: PGconn, settings: Mapping[str, str]) -> None:
    loop = asyncio.get_running_loop()
    calls = ", ".join(f"set_config(${2 * i + 1}, ${2 * i + 2}, false)" for i in range(len(settings)))
    values = [part.encode() for setting in settings.items() for part in setting]
    pgconn.send_query_params(f"select {calls}".encode(), values)
    while pgconn.flush():
        await _ready(loop, pgconn.socket, reading=False)
    while True:
        while pgconn.is_busy():
            await _ready(loop, pgconn.socket, reading=True)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise _unreachable(result.get_error_message())


async def _ready(loop: asyncio.AbstractEventLoop, fd: int, reading: bool) -> None:
    future: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not future.done():
            future.set_result(None)

    (loop.add_reader if reading else loop.add_writer)(fd, ready)
    try:
        await future
    finally:
        (loop.remove_reader if reading else loop.remove_writer)(fd)


async def _resolved(conninfo: str) -> str:
    """Look host names up in a thread, as libpq's own look-up would block; every address is kept."""
    given = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    hosts = given.get("host", "").split(",")
    if "hostaddr" in given or all(not host or host[0] in "/@" for host in hosts):
        return conninfo
    ports = given.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    targets: list[tuple[str, str, str]] = []
    for host, port in zip(hosts, ports, strict=True):
        targets += [(host, address, port) for address in await _addresses(host)]
    names, addresses, numbers = (",".join(part) for part in zip(*targets, strict=True))
    return make_conninfo(conninfo, host=names, hostaddr=addresses, port=numbers)


async def _addresses(host: str) -> list[str]:
    if not host or host[0] in "/@":
        return [""]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _unreachable(reason: str) -> DatabaseUnavailable:
    first = reason.strip().replace("\n", " ").rstrip(".") or "no reason given"
    return DatabaseUnavailable("08001", f"The database cannot be reached: {first}.")
