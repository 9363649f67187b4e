"""Modules, functions and the whole engine stay small enough to be read."""

import ast

import pytest

from tests.contracts.code import PRODUCT, ROOT, Module, modules

LONGEST_MODULE = 500
LONGEST_TEST_MODULE = 600
LONGEST_FUNCTION = 40
TARGET = 300

ENGINE_AND_SURFACES = ("services/engine", "rest", "schema")
DESCRIPTIONS = ("rest/openapi", "rest/agents", "rest/discovery", "rest/mcp")
# Reading took five thousand lines; writing, on both surfaces and with every rule of the engine, half as many;
# who may come in and how much they may ask, a thousand; procedures, on both surfaces, another; what is
# deprecated and which operations are trusted, on every surface, another.
MOST_CODE = 11_400
# What tells programs and models of it all: OpenAPI with every schema, parameter, example and refusal, the
# text for models, what is found at first, and MCP.
MOST_DESCRIBING_CODE = 3_300
COMPILER = (
    "compile.py",
    "conditions.py",
    "cursors.py",
    "execute.py",
    "included.py",
    "outputs.py",
    "query.py",
    "writing.py",
)
MOST_COMPILER_CODE = 1_500

VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "managers", "common", "misc", "core"}


def test_no_module_is_longer_than_its_limit() -> None:
    too_long = {str(each): each.lines for each in modules(*PRODUCT) if each.lines > LONGEST_MODULE}
    too_long |= {str(each): each.lines for each in modules("tests") if each.lines > LONGEST_TEST_MODULE}

    for each in modules(*PRODUCT):
        if each.lines > TARGET:
            print(f"{each} has {each.lines} lines, more than the {TARGET} aimed at")
    assert too_long == {}


def test_no_function_is_longer_than_forty_lines() -> None:
    """Migrations are lists of steps, and frozen, so they are left as they are."""
    too_long = {
        f"{each}: {name}": length
        for each in modules(*PRODUCT)
        if "migrations/versions" not in str(each)
        for name, length in each.functions
        if length > LONGEST_FUNCTION
    }

    assert too_long == {}


def test_engine_and_surfaces_stay_small_enough_to_be_read() -> None:
    counted = {folder: _code(folder) for folder in ENGINE_AND_SURFACES}
    describing = sum(_code(folder) for folder in DESCRIPTIONS)
    compiler = sum(Module(ROOT / "db" / name).code_lines for name in COMPILER)

    print(f"{counted}, of which {describing} describe; the compiler to SQL {compiler}")
    assert sum(counted.values()) - describing <= MOST_CODE
    assert describing <= MOST_DESCRIBING_CODE
    assert compiler <= MOST_COMPILER_CODE


def _code(folder: str) -> int:
    return sum(each.code_lines for each in modules(folder))


@pytest.mark.parametrize("module", modules(*PRODUCT, "tests"), ids=str)
def test_every_module_begins_with_one_sentence(module: Module) -> None:
    text = ast.get_docstring(module.tree)

    assert text, "there is no docstring"
    assert text.split("\n\n")[0].rstrip().endswith((".", ":", "`", "?"))


def test_names_say_what_is_inside() -> None:
    named = {str(each): {part.removesuffix(".py") for part in each.path.parts} for each in modules(*PRODUCT)}

    assert [path for path, parts in named.items() if parts & VAGUE] == []
