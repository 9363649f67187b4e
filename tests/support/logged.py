"""What the application logs meanwhile, as the server writes it."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from diptych.logs import JsonLines


@contextmanager
def logged(level: int) -> Iterator[io.StringIO]:
    """Lend what is logged at this level and above."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)
