"""Sending a body while it is still being made, for as long as somebody takes it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def stream(send: Send, receive: Receive, first: bytes, more: AsyncGenerator[bytes, None]) -> None:
    """Send `first` and then the portions of `more`, until it ends or the client is gone.

    What goes wrong in between is raised without ending the body, so that no client takes a part for the
    whole.
    """
    gone = asyncio.ensure_future(_gone(receive))
    try:
        async with aclosing(more):
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for portion in more:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": portion, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
