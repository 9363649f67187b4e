"""Secrets at rest: sealed for one place, opened under any known key, sealed anew under the present one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.secrets import SecretUnreadable, Vault, place_of

OLD, NEW, OTHER = b"o" * 32, b"n" * 40, b"x" * 32
HERE, THERE = place_of("webhooks", "secret", "1"), place_of("webhooks", "secret", "2")


@given(st.text())
def test_what_is_sealed_is_opened_again(secret: str) -> None:
    vault = Vault([NEW])
    sealed = vault.seal(secret, HERE)

    assert vault.open(sealed, HERE) == secret
    assert vault.is_current(sealed)
    assert not secret or len(secret) < 4 or secret not in sealed


def test_no_two_seals_are_alike() -> None:
    vault = Vault([NEW])

    assert len({vault.seal("same", HERE) for _ in range(1_000)}) == 1_000


def test_a_secret_is_worth_nothing_elsewhere_changed_or_under_another_key() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("whsec_1", HERE)
    form, key, text = sealed.split(".")
    spoilt = [
        f"{form}.{key}.{text[:place]}{'A' if text[place] != 'A' else 'B'}{text[place + 1 :]}"
        for place in range(len(text) - 4)
    ]

    for wrong in ("", "whsec_1", "s1", f"s2.{key}.{text}", f"s1.00000000.{text}", f"{form}.{key}.", *spoilt):
        with pytest.raises(SecretUnreadable):
            vault.open(wrong, HERE)
    for wrong in (f"{form}.{key}.{text}!", f"{form}.{key}.{text[:-5]}"):
        with pytest.raises(SecretUnreadable):
            vault.open(wrong, HERE)
    with pytest.raises(SecretUnreadable, match="belongs elsewhere"):
        vault.open(sealed, THERE)
    with pytest.raises(SecretUnreadable, match="key that this secret was encrypted under is not known"):
        Vault([OTHER]).open(sealed, HERE)


def test_an_earlier_key_opens_and_the_present_one_seals() -> None:
    before = Vault([OLD]).seal("whsec_1", HERE)
    rotating = Vault([NEW, OTHER, OLD])

    assert rotating.open(before, HERE) == "whsec_1"
    assert not rotating.is_current(before)
    after = rotating.renewed(before, HERE)
    assert after is not None
    assert rotating.renewed(after, HERE) is None
    assert Vault([NEW]).open(after, HERE) == "whsec_1"
    with pytest.raises(SecretUnreadable):
        Vault([NEW]).renewed(before, HERE)


def test_the_key_of_the_settings_is_not_the_key_of_the_cipher() -> None:
    sealed = Vault([OLD]).seal("s", HERE)

    assert OLD.hex()[:8] not in sealed
    assert (
        Vault([OLD]).seal("s", HERE).split(".")[1]
        == sealed.split(".")[1]
        != Vault([NEW]).seal("s", HERE).split(".")[1]
    )


def test_what_earlier_versions_have_sealed_can_be_opened() -> None:
    sealed = "s1.b6f53fd5.a47aLG3msDSjUEI0eNU-t3kaoEqWyPeqsThatU2HCxE="

    assert Vault([b"k" * 32]).open(sealed, place_of("t", "c", "1")) == "hush"


def test_the_operator_is_told_why_a_secret_cannot_be_opened() -> None:
    vault = Vault([NEW])
    form, key, text = vault.seal("whsec_1", HERE).split(".")
    unknown = "The key that this secret was encrypted under is not known."
    changed = "This secret was changed, or belongs elsewhere."
    told = {
        f"{form}.00000000.{text}": unknown,
        f"{form}.{key}.AAAA": changed,
        f"{form}.{key}.{text}.": changed,
    }

    for sealed, expected in told.items():
        with pytest.raises(SecretUnreadable) as found:
            vault.open(sealed, HERE)
        assert str(found.value) == expected
