"""Every column of a file goes somewhere that was asked for, or the import does not begin."""

import pytest

from services.importing.columns import assign, typed
from services.importing.refusal import ImportRefused

FIELDS = ("gtin", "name", "nutrition")


def test_columns_go_by_name_by_request_or_to_the_rest() -> None:
    columns = assign(("name", "code", "sugar", "junk"), FIELDS, {"code": "gtin", "junk": ""}, "nutrition")

    assert columns.split({"name": "A", "code": "1", "sugar": "2", "junk": "3"}) == (
        {"name": "A", "gtin": "1"},
        {"sugar": "2"},
    )


@pytest.mark.parametrize(
    ("columns", "given", "rest", "said"),
    [
        (("name", "colour"), {}, None, "The column 'colour' goes nowhere."),
        (
            ("name",),
            {"colour": "gtin"},
            None,
            "--map names the column 'colour', which the file does not have.",
        ),
        (
            ("name",),
            {"name": "colour"},
            None,
            "--map names the field 'colour'; there are gtin, name, nutrition.",
        ),
        (("name", "b"), {"b": "name"}, None, "'name' is filled twice: by column 'name', column 'b'."),
        (("nutrition",), {}, "nutrition", "'nutrition' is filled twice: by column 'nutrition', --rest."),
    ],
)
def test_a_column_without_a_clear_way_is_refused(
    columns: tuple[str, ...], given: dict[str, str], rest: str | None, said: str
) -> None:
    with pytest.raises(ImportRefused) as refusal:
        assign(columns, FIELDS, given, rest)

    assert str(refusal.value).startswith(said)


def test_left_over_numbers_become_numbers_and_blanks_go() -> None:
    given = {
        "a": "12",
        "b": "-0.5",
        "c": "1e-05",
        "d": "",
        "e": " ",
        "f": "007",
        "g": "9007199254740993",
        "h": "1e999",
        "i": " x ",
        "j": None,
        "k": 1.5,
        "l": "NaN",
    }

    assert typed(given) == {
        "a": 12,
        "b": -0.5,
        "c": 1e-05,
        "f": "007",
        "g": "9007199254740993",
        "h": "1e999",
        "i": "x",
        "k": 1.5,
        "l": "NaN",
    }
