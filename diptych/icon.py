"""The icon that browsers ask for: two panels side by side, drawn here rather than kept as a file."""

import struct
import zlib
from functools import cache

_SIZE = 32
_LEFT, _RIGHT, _CLEAR = b"\x0b\x57\xa4\xff", b"\x7c\xb7\xff\xff", b"\x00\x00\x00\x00"
_EDGE, _TOP, _GAP = 3, 4, 2


@cache
def icon() -> bytes:
    """Return an ICO file of one image of 32 by 32 pixels, which is a PNG."""
    image = _png()
    head = struct.pack("<HHH", 0, 1, 1)
    entry = struct.pack("<BBBBHHII", _SIZE, _SIZE, 0, 0, 1, 32, len(image), len(head) + 16)
    return head + entry + image


def _png() -> bytes:
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(_SIZE)) for y in range(_SIZE))
    head = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _pixel(x: int, y: int) -> bytes:
    middle = _SIZE // 2
    if (
        not _TOP <= y < _SIZE - _TOP
        or not _EDGE <= x < _SIZE - _EDGE
        or middle - _GAP // 2 <= x < middle + _GAP // 2
    ):
        return _CLEAR
    return _LEFT if x < middle else _RIGHT
