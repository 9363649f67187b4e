"""Many calls at once with one idempotency key."""

import pytest

from tests.faults.keys import rush
from tests.faults.mutants import Mutant
from tests.faults.operations import Surface
from tests.faults.serving import Serving

KEYS, CALLERS = 10, 100


@pytest.mark.parametrize("surfaces", [(Surface.REST,), tuple(Surface)], ids=["rest", "both surfaces"])
async def test_one_of_a_hundred_calls_with_one_key_takes_effect(
    written: str, server: Serving, surfaces: tuple[Surface, ...]
) -> None:
    """S3-147, C-49: all the others are answered the same, or told to wait."""
    found = await rush(written, server, KEYS, callers=CALLERS, surfaces=surfaces)

    assert found.findings.faults == 0, found.findings
    assert found.others == {}
    assert found.unlike == 0
    assert found.originals == KEYS
    assert found.originals + found.replays + found.told_to_wait == found.calls
    assert found.calls == KEYS * (CALLERS + len(surfaces))
    assert found.told_to_wait > 0


async def test_a_server_that_does_not_lock_keys_is_caught(written: str, server: Serving) -> None:
    found = await rush(written, server, 3, mutant=Mutant.NO_KEY_LOCK)

    assert found.originals > 3
    assert found.findings.duplicated > 0
