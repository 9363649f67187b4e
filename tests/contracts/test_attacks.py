"""The list of attacks is whole: each one is tried or waits for something, and the page says so."""

import pytest

from tests.attacks.features import signs
from tests.attacks.numbers import ATTACKS, PAGE, held_by, page

WAITING = [attack for attack in ATTACKS if attack.missing]


def test_the_list_is_numbered_without_gaps() -> None:
    assert [attack.number for attack in ATTACKS] == list(range(1, 52))


@pytest.mark.parametrize("number", [attack.number for attack in ATTACKS if not attack.missing])
def test_every_attack_that_applies_is_tried(number: int) -> None:
    assert held_by()[number]


def test_no_test_names_an_attack_that_is_none() -> None:
    assert set(held_by()) <= {attack.number for attack in ATTACKS}


@pytest.mark.parametrize("attack", WAITING, ids=lambda attack: f"{attack.number} {attack.missing}")
def test_what_waits_for_a_feature_waits_no_longer_than_that(attack: object) -> None:
    """Whoever adds one of them writes its tests, and takes `missing` away."""
    assert signs(attack.missing) == []  # type: ignore[attr-defined]


def test_a_feature_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.attacks import features

    for feature, name in (
        ("webhooks", "webhook"),
        ("webhooks", "createWebhook"),
        ("oauth", "services/oauth.py"),
        ("files", "presign_upload"),
        ("files", "files"),
        ("egress", "webhook_endpoints"),
    ):
        monkeypatch.setattr(features, "served", lambda name=name: iter([name, "profile", "brands"]))
        assert signs(feature) == [name]


def test_the_page_is_the_one_that_the_tests_make() -> None:
    """`python -m tests.attacks.numbers` writes it anew."""
    assert PAGE.read_text() == page()
