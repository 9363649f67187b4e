"""HTTP as the server speaks it: what is no HTTP at all is refused as every other mistake is."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from diptych.entrance import too_large
from diptych.headers import CSP, SECURITY, request_id
from diptych.patience import Patience, Stage
from rest import problems
from services.engine.errors import Problem, Slug, bad_request

LARGEST_HEAD = 262_144
"""Bytes that the address and the headers of a request may take before anybody has looked at them."""

PATIENCE_SECONDS = 20.0


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol, with a problem document (RFC 9457) where it would answer in plain text.

    It also sends the head of a response together with its body, which uvicorn writes one after the other,
    keeps no head of a request that never ends, and closes connections whose clients keep it waiting for more
    than `patience` seconds.
    """

    _in_head = False
    _unfinished = 0

    def __init__(self, *given: Any, patience: float = PATIENCE_SECONDS, **named: Any) -> None:
        super().__init__(*given, **named)
        self._patience = Patience(self.loop, patience, self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # Narrower there.
        """Take a new connection."""
        super().connection_made(_Gathered(transport, self.loop))  # type: ignore[arg-type]  # It stands in for one.
        self._patience.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection that has ended."""
        self._patience.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; a head that grows beyond every limit before it ends is refused."""
        awaited = self._in_head
        super().data_received(data)
        if self._patience.stage is Stage.NOTHING and (self.cycle is None or self.cycle.response_complete):
            # Blank lines before a request begin no message, and yet end the wait for the next one.
            self._patience.expect(Stage.HEAD)
        # What belongs to the request before is never counted, at the price of one portion too many.
        if awaited and self._in_head:
            self._unfinished += len(data)
            if self._unfinished > LARGEST_HEAD:
                self._in_head = False
                self.transport.write(_refusal(too_large("The headers are too large.")))
                self.transport.close()

    def on_message_begin(self) -> None:
        """Note that the head of a request begins."""
        super().on_message_begin()
        self._in_head, self._unfinished = True, 0
        self._patience.expect(Stage.HEAD)

    def on_headers_complete(self) -> None:
        """Note that the head of a request has ended."""
        self._in_head = False
        self._patience.expect(Stage.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._patience.received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request is there as a whole."""
        self._patience.expect(Stage.NOTHING)
        super().on_message_complete()

    # What is watched

    def late(self) -> None:
        """Close the connection of a client that is late, and tell it so if it is owed an answer."""
        owed = self._in_head
        if self._patience.stage is Stage.BODY:
            owed = self.cycle is not None and not self.cycle.response_started
        if owed:
            detail = "The request did not arrive in time."
            self.transport.write(_refusal(Problem(Slug.REQUEST_TIMEOUT, detail)))
        self.transport.close()

    def abort(self) -> None:
        """Cut off a client that does not take its response."""
        self.transport.abort()

    def unsent(self) -> int:
        """Return how many bytes of responses wait for the client."""
        return self.transport.get_write_buffer_size()

    def taken(self) -> int:
        """Return how many bytes of responses the client has taken."""
        return self.transport.written - self.unsent()  # type: ignore[attr-defined, no-any-return]

    def waits_for_us(self) -> bool:
        """Tell whether reading is paused, or a response has to go before the next request."""
        serving = self.cycle is not None and not self.cycle.response_complete
        return self.flow.read_paused or (serving and self._patience.stage is Stage.HEAD)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: what a client asks for in vain is no news to the operator."""

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request, and close the connection."""
        self.transport.write(_refusal(bad_request(msg)))
        self.transport.close()


class _Gathered:
    """A transport that holds back the head of a response until its body comes, or the loop comes round."""

    __slots__ = ("_head", "_loop", "_transport", "written")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None
        self.written = 0

    def write(self, data: bytes) -> None:
        """Write `data`, after what was held back."""
        self.written += len(data)
        head, self._head = self._head, None
        if head is not None:
            self._transport.writelines((head, data) if data else (head,))
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once everything is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _refusal(problem: Problem) -> bytes:
    """Return a whole response, since no application sees the request."""
    id_ = request_id(None)
    found = problems.response(problem, instance="", request_id=id_)
    headers = [
        *found.headers,
        *SECURITY,
        (b"content-security-policy", CSP),
        (b"x-request-id", id_.encode()),
        (b"content-length", b"%d" % len(found.body)),
        (b"connection", b"close"),
    ]
    lines = (b"%b: %b\r\n" % header for header in headers)
    return b"".join((b"HTTP/1.1 %b\r\n" % _status(problem), *lines, b"\r\n", found.body))


def _status(problem: Problem) -> bytes:
    return f"{problem.kind.status} {problem.kind.title}".encode()
