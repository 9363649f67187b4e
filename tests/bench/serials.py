"""Serial numbers in requests that must not be sent twice: `wrk.lua` fills them in just so."""

import itertools
import re
from dataclasses import replace

from tests.bench.wire import Request

NEXT = "<<next....>>"
"""Replaced by the next serial number, in as many digits."""

SAME = "<<same....>>"
"""Replaced by the number that `NEXT` gave last."""

GTIN = "<<gtin......>>"
"""Replaced by a valid GTIN-14 made of the number that `NEXT` gave last."""

PER_RUN = 10**7
"""How many numbers are left to each run of load, so that two runs never share one."""

_PLACE = re.compile(rb"<<(next|same|gtin)\.+>>")
_runs = itertools.count(1)


class Serials:
    """A row of numbers, beginning after `last`."""

    def __init__(self, last: int) -> None:
        self._last = last

    def fill(self, text: bytes) -> bytes:
        """Return `text` with its places filled, unchanged in length."""
        return _PLACE.sub(self._number, text) if b"<<" in text else text

    def filled(self, request: Request) -> Request:
        """Return `request` with the places in its body and then those in its headers filled."""
        body = self.fill(request.body)
        headers = {name: self.fill(value.encode()).decode() for name, value in request.headers.items()}
        return replace(request, headers=headers, body=body)

    def _number(self, place: re.Match[bytes]) -> bytes:
        if place[1] == b"next":
            self._last += 1
        return _gtin(self._last) if place[1] == b"gtin" else b"%012d" % self._last


def fresh() -> int:
    """Return the number after which a run of load may count."""
    return next(_runs) * PER_RUN


def _gtin(serial: int) -> bytes:
    digits = f"9{serial:012d}"
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}".encode()
