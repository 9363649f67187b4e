"""Order numbers: one row after the other in each workspace, without gaps."""

from collections.abc import Sequence

from db.queries import orders as queries
from services.engine.work import Change, Work


async def number(work: Work, orders: Sequence[Change]) -> None:
    """Give new orders the next numbers, in the order in which they were sent.

    The numbers of a transaction that fails are given again. They go on behind the largest number there is
    when the first order is made, and whenever an import has taken the next one.
    """
    if not orders:
        return
    count = b"%d" % len(orders)
    advanced = await work.rows(queries.ADVANCE, count)
    if not advanced:
        last = (await work.rows(queries.START, count))[0][0]
    elif advanced[0][1] == b"t":
        last = (await work.rows(queries.SKIP, count))[0][0]
    else:
        last = advanced[0][0]
    first = int(last or 0) - len(orders) + 1
    for place, order in enumerate(orders):
        order.values["number"] = str(first + place)
