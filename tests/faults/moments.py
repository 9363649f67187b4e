"""The server dies at every moment there is in a write: around each round trip of its transaction."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults import acts
from tests.faults.clients import Act
from tests.faults.mutants import Mutant
from tests.faults.reckoning import Findings
from tests.faults.serving import Serving
from tests.faults.stage import Load, crowds
from tests.faults.suicide import Moment

EVERY_ACT: tuple[Act, ...] = (
    acts.create,
    acts.create_order,
    acts.create_many,
    acts.update,
    acts.replace,
    acts.confirm,
    acts.update_many,
    acts.delete,
    acts.restore,
    acts.delete_many,
    acts.partly,
    acts.stale,
)
_MOST_DEATHS = 24
# What an act needs each time, and may use up.
_NEEDED: dict[Act, tuple[Act, ...]] = {
    acts.update: (acts.create,),
    acts.replace: (acts.create,),
    acts.confirm: (acts.create_order,),
    acts.update_many: (acts.create_many,),
    acts.delete: (acts.create,),
    acts.restore: (acts.create, acts.delete),
    acts.delete_many: (acts.create_many,),
    acts.stale: (acts.create,),
}


@dataclass(frozen=True, slots=True)
class Deaths:
    """What came of dying at every moment; `round_trips` are those of each act, `deaths` the moments tried."""

    round_trips: dict[str, int]
    deaths: int
    findings: Findings


async def die_at_every_moment(
    dsn: str, server: Serving, chosen: Sequence[Act] = EVERY_ACT, *, mutant: Mutant | None = None
) -> Deaths:
    """Do each act while the server dies before, during and after its first, second, … round trip."""
    load = Load(crowds(dsn, 1), server.port, {}, clients=1)
    found, deaths = {}, 0
    for act in chosen:
        await _provide(server, load, _NEEDED.get(act, ()))
        for round_trip in itertools.count(1):
            died = [await _dies(server, load, act, mutant, round_trip, moment) for moment in Moment]
            deaths += sum(died)
            if not any(died):
                found[act.__name__] = round_trip - 1
                break
    load.clients[0].line.close()
    return Deaths(found, deaths, await load.reckon(dsn))


async def _provide(server: Serving, load: Load, needed: Sequence[Act]) -> None:
    """Make what all deaths of an act will need."""
    if needed:
        async with server.running(1):
            for _ in range(_MOST_DEATHS):
                for act in needed:
                    await act(load.clients[0])


async def _dies(
    server: Serving, load: Load, act: Act, mutant: Mutant | None, round_trip: int, moment: Moment
) -> bool:
    """Do one act on a server that is to die then; tell whether it did, having been asked again if so."""
    (client,) = load.clients
    # What is lost from here on is lost with the worker that is to die.
    client.line.close()
    dying = await server.fork(mutant=mutant, round_trip=round_trip, moment=moment)
    losing, doing = asyncio.ensure_future(load.lost()), asyncio.ensure_future(act(client))
    await asyncio.wait((losing, doing), return_when=asyncio.FIRST_COMPLETED)
    died = not losing.cancel()
    if died:
        await server.ended(dying)
        await server.fork(mutant=mutant)
    await doing
    await server.kill(server.workers[0])
    return died
