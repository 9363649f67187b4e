"""What is loaded later is loaded once, waited for, and missed loudly."""

import asyncio
import signal
import subprocess
import sys
import threading

from diptych.later import Later
from tests.diptych.server_on_trial import ROOT, environment

FAILING = """
import asyncio, signal
from diptych.later import Later
def make():
    raise RuntimeError("the reason")
async def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Later(make).begin()
    await asyncio.sleep(60)
asyncio.run(main())
"""
MAKING = """
import sys, diptych.app
print([name for name in ('strawberry', 'graphql', 'mcp') if name in sys.modules])
"""


async def test_it_is_made_once_however_many_wait() -> None:
    made, go = [], threading.Event()

    def make() -> object:
        go.wait()
        made.append(object())
        return made[-1]

    later = Later(make)
    waiting = [asyncio.create_task(later.ready()) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()

    assert [await each for each in waiting] == [made[0]] * 3
    assert await later.ready() is made[0]
    assert len(made) == 1


def test_a_server_that_cannot_load_a_part_ends_and_says_why() -> None:
    command = [sys.executable, "-c", FAILING]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=50)

    assert ended.returncode == -signal.SIGTERM
    assert "A part of the server could not be loaded." in ended.stderr
    assert "RuntimeError: the reason" in ended.stderr


def test_graphql_is_not_loaded_before_the_server_answers() -> None:
    command = [sys.executable, "-c", MAKING]
    told = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
