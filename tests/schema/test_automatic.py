"""Texts kept for automatic persisted queries: by workspace, in bounds, for a while."""

from schema.automatic import Automatic


def test_texts_are_kept_by_workspace() -> None:
    kept = Automatic()
    kept.keep("acme", "1", "{ a }")

    assert kept.find("acme", "1") == "{ a }"
    assert kept.find("globex", "1") is None
    assert kept.find("acme", "2") is None


def test_a_workspace_forgets_its_oldest_first() -> None:
    kept = Automatic(of_one=10)
    for name in "abc":
        kept.keep("acme", name, name * 4)
        kept.find("acme", "a")

    assert [kept.find("acme", name) for name in "abc"] == ["aaaa", None, "cccc"]
    assert kept.characters == 8


def test_all_together_stay_in_bounds_and_the_quietest_workspace_pays() -> None:
    kept = Automatic(most=10, of_one=10)
    kept.keep("quiet", "a", "aaaa")
    kept.keep("loud", "b", "bbbb")
    kept.keep("loud", "c", "cccc")

    assert kept.find("quiet", "a") is None
    assert [kept.find("loud", name) for name in "bc"] == ["bbbb", "cccc"]
    assert kept.characters == 8


def test_what_was_not_used_for_a_while_is_gone() -> None:
    moments = iter([0.0, 9.0, 9.0, 18.0, 18.0, 28.0])
    kept = Automatic(seconds=10, clock=lambda: next(moments))
    kept.keep("acme", "a", "aaaa")

    assert kept.find("acme", "a") == "aaaa"
    assert kept.find("acme", "a") == "aaaa"
    assert kept.find("acme", "a") is None
    assert kept.characters == 0


def test_a_text_larger_than_all_bounds_is_not_kept() -> None:
    kept = Automatic(most=10, of_one=5)
    kept.keep("acme", "a", "a" * 6)

    assert kept.find("acme", "a") is None
    assert kept.characters == 0
