"""Entity tags of versions, and If-Match as a plain function."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.errors import Problem, Slug
from services.engine.versions import check, matches, tag

ID = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
OWN = tag(ID, 3)
LIKE_IT = f'{OWN[:-1]}-0123abcd"'


def test_a_tag_is_an_opaque_text_in_quotes() -> None:
    """S3-141, RFC 9110 section 8.8.3: twelve digits that differ for every row and version."""
    assert re.fullmatch(r'"[0-9a-f]{12}"', OWN)
    assert tag(ID, 3) == OWN
    assert len({OWN, tag(ID, 2), tag(ID, 30), tag(ID[:-1] + "1", 3)}) == 4


@pytest.mark.parametrize(
    ("sent", "matching"),
    [
        ("*", True),
        (" * ", True),
        (OWN, True),
        (f"\t{OWN} ", True),
        (f'"a",{OWN}', True),
        (f', ,"a" , {OWN},', True),
        (LIKE_IT, True),
        (f'{OWN[:-1]}-"', True),
        (f'{OWN[:-1]}-a-b"', True),
        (tag(ID, 2), False),
        (f"W/{OWN}", False),
        (f"W/{LIKE_IT}", False),
        (f'"a", W/{OWN}', False),
        ('""', False),
        ('"*"', False),
        (OWN.upper(), False),
        (f'"x{OWN[1:]}', False),
        (OWN[:-2] + '"', False),
        ('"a,b"', False),
    ],
)
def test_the_comparison_is_strong_and_of_versions(sent: str, matching: bool) -> None:
    """C-54, RFC 9110 section 13.1.1."""
    assert matches(sent, ID, 3) is matching


@pytest.mark.parametrize(
    "sent",
    [
        "",
        " ",
        ",",
        ", ,",
        OWN.strip('"'),
        OWN[:-1],
        OWN[1:],
        f"{OWN}{OWN}",
        f"{OWN} {OWN}",
        f"*,{OWN}",
        f"{OWN},*",
        "W/*",
        f"w/{OWN}",
        f"W/ {OWN}",
        "**",
        '"a"b"',
        "'a'",
        '"a b"',
        '"a\x00"',
        '"a\n"',
        '"日本"',
    ],
)
def test_what_is_no_list_of_tags_is_refused_by_name(sent: str) -> None:
    """RFC 9110 section 8.8.3."""
    for judge in (check, lambda text: matches(text, ID, 3)):
        with pytest.raises(Problem, match="If-Match") as found:
            judge(sent)
        assert found.value.slug is Slug.BAD_REQUEST


@given(st.lists(st.text(st.characters(min_codepoint=0x23, max_codepoint=0x7E), max_size=9), min_size=1))
def test_any_list_of_tags_is_read(tags: list[str]) -> None:
    sent = ", ".join(f'"{item}"' for item in tags)

    assert matches(sent, ID, 3) is (OWN.strip('"') in [item.partition("-")[0] for item in tags])
    assert matches(f"{sent}, {OWN}", ID, 3)


@given(st.text(max_size=30))
def test_no_text_matches_by_chance(sent: str) -> None:
    with suppress(Problem):
        assert matches(sent, ID, 3) is (sent.strip(" \t") == "*")
