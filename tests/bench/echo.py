"""The server's own limit: an ASGI application that answers `/N` with N bytes that are always the same."""

HEADERS: dict[str, tuple[bytes, list[tuple[bytes, bytes]]]] = {}


async def app(scope, receive, send):
    """Answer without reading, computing or checking anything."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path not in HEADERS:
        size = int(path[1:] or 0)
        length = b"%d" % size
        HEADERS[path] = (
            b"x" * size,
            [(b"content-type", b"application/json"), (b"content-length", length)],
        )
    body, headers = HEADERS[path]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
