"""The text of tokens: what is made, what is recognised, and what each check of it catches."""

import re
import zlib

import pytest

from services import tokens
from services.engine.deployment import Deployment
from services.tokens import Environment

KEY = b"a precheck key of these tests...."


@pytest.fixture(scope="module", params=Environment)
def environment(request: pytest.FixtureRequest) -> Environment:
    found: Environment = request.param
    return found


def test_a_token_has_the_form_that_was_promised(environment: Environment) -> None:
    """C-01, S3-054."""
    made = tokens.generate(environment, KEY)

    found = re.fullmatch(rf"dip_{environment}_([0-9a-f]{{16}})([0-9a-f]{{64}})([0-9a-f]{{8}})", made.raw)
    assert found is not None
    assert made.key == found[1]
    assert found[3] == f"{zlib.crc32(made.raw[:-8].encode()):08x}"
    assert made.prefix == made.raw[:12]
    assert tokens.lookup_key(made.raw, environment) == made.key


def test_no_two_tokens_are_alike() -> None:
    made = [tokens.generate(Environment.TEST, KEY) for _ in range(3)]

    for part in (slice(9, 25), slice(25, 89)):
        assert len({each.raw[part] for each in made}) == 3
    assert len({each.hash for each in made}) == 3


def test_what_is_stored_proves_the_token_and_no_other() -> None:
    made, other = tokens.generate(Environment.TEST, KEY), tokens.generate(Environment.TEST, KEY)

    assert made.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert made.raw not in made.hash
    assert tokens.verify(made.raw, made.hash) is True
    assert tokens.verify(other.raw, made.hash) is False
    assert tokens.verify(made.raw, other.hash) is False
    assert tokens.verify(made.raw, "no hash") is False
    assert tokens.verify(made.raw, made.hash[:-4]) is False


def test_the_precheck_is_four_bytes_of_the_whole_token_under_its_key() -> None:
    made = tokens.generate(Environment.TEST, KEY)

    assert made.precheck == tokens.precheck(made.raw, KEY)
    assert len(made.precheck) == 4
    assert tokens.precheck(made.raw, b"another key") != made.precheck
    assert tokens.precheck(made.raw[:-1], KEY) != made.precheck
    # The stored bytes of tokens made by earlier versions must still match.
    assert tokens.precheck("dip_test_x", b"k") == bytes.fromhex("64fd8935")


def test_the_key_of_prechecks_belongs_to_the_installation() -> None:
    first, second = (Deployment("test", bytes([n]) * 32) for n in (1, 2))

    assert tokens.precheck_key(first) == first.derived("token precheck")
    assert tokens.precheck_key(first) != tokens.precheck_key(second)


def sealed(head: str) -> str:
    return head + f"{zlib.crc32(head.encode()):08x}"


GOOD = sealed(f"dip_test_{'0123456789abcdef'}{'ab' * 32}")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "dip",
        GOOD[:-1],
        GOOD + "0",
        " " + GOOD,
        GOOD + "\n",
        GOOD.upper(),
        GOOD[:-8] + "00000000",
        GOOD[:30] + ("0" if GOOD[30] != "0" else "1") + GOOD[31:],
        sealed(GOOD[:-8].replace("_test_", "_prod_")),
        sealed(GOOD[:-8].replace("_test_", "_live_")),
        sealed(GOOD[:-8].replace("dip_", "sk_")),
        sealed(GOOD[:-8].replace("dip_", "dipinvite_")),
        sealed(GOOD[:-8].replace("dip_", "1dip_")),
        sealed(GOOD[:-8] + "00"),
        sealed(GOOD[:-8][:-1] + "g"),
    ],
)
def test_a_text_that_cannot_be_a_token_of_here_has_no_key(raw: str) -> None:
    """C-03, S3-055."""
    assert tokens.lookup_key(raw, Environment.TEST) is None


def test_a_good_text_has_its_key_in_its_own_environment_alone() -> None:
    assert tokens.lookup_key(GOOD, Environment.TEST) == "0123456789abcdef"
    assert tokens.lookup_key(GOOD, Environment.PROD) is None
    assert tokens.lookup_key(GOOD, Environment.DEV) is None


def test_an_invitation_is_no_token_nor_the_other_way_round() -> None:
    made = tokens.generate(Environment.TEST, KEY, tokens.INVITATION)

    assert made.raw.startswith("dipinvite_test_")
    assert tokens.lookup_key(made.raw, Environment.TEST, tokens.INVITATION) == made.key
    assert tokens.lookup_key(made.raw, Environment.TEST) is None
    assert tokens.lookup_key(GOOD, Environment.TEST, tokens.INVITATION) is None
