"""HTTP as the server speaks it: what is no HTTP at all is refused as every other mistake is."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from diptych.headers import CSP, SECURITY, request_id
from rest import problems
from services.engine.errors import bad_request


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol, with a problem document (RFC 9457) where it would answer in plain text."""

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no request, and close the connection."""
        self.transport.write(_refusal(msg))
        self.transport.close()


def _refusal(detail: str) -> bytes:
    """Return a whole response, since no application sees the request."""
    id_ = request_id(None)
    found = problems.response(bad_request(detail), instance="", request_id=id_)
    headers = [
        *found.headers,
        *SECURITY,
        (b"content-security-policy", CSP),
        (b"x-request-id", id_.encode()),
        (b"content-length", b"%d" % len(found.body)),
        (b"connection", b"close"),
    ]
    lines = (b"%b: %b\r\n" % header for header in headers)
    return b"".join((b"HTTP/1.1 400 Bad Request\r\n", *lines, b"\r\n", found.body))
