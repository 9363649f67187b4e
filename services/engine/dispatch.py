"""The one door for every write: one action, one transaction, whichever surface it came from."""

from services.engine.context import Caller
from services.engine.writing import Outcome, Write


class Writer:
    """The one way to write, for every surface."""

    async def write(self, caller: Caller, asked: Write) -> Outcome:
        """Return what the write brought; raises a Problem if nothing was written."""
        raise NotImplementedError
