"""What a generator left untyped, although the document says what it is."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_VAGUE_IN_PYTHON = {"Any", "object"}
_NOT_FROM_THE_DOCUMENT = re.compile(r"_|additional_properties$|actual_instance$|oneof_|anyof_|self$|cls$")
_MEMBER = re.compile(r"""^\s*(?:readonly )?['"]?(\w[\w.$\[\]/+-]*)['"]?\??:\s*(.*)$""")
_ANYTHING_GOES = re.compile(r"^\s*\[key: string\]: (?:unknown|any);")
_NAMED = re.compile(r"^export (?:type|interface) (\w+)(?: = (?:unknown|any|object|\{\s*\});|\s*\{\s*\}?)$")
_VAGUE = re.compile(r"\b(?:unknown|any)\b")


def untyped(generated: Path, document: Path) -> list[str]:
    """Return the names of what is untyped: members, arguments, types; not of what may hold anything."""
    files = [generated] if generated.is_file() else sorted(generated.rglob("*"))
    found: set[str] = set()
    for each in files:
        if each.suffix == ".py":
            found |= set(_in_python(ast.parse(each.read_text())))
        elif each.suffix == ".ts" and _is_of_the_document(each):
            found |= set(_in_typescript(each.read_text().splitlines()))
    open_ = {_plain(name) for name in _open(json.loads(document.read_text()))}
    return sorted(name for name in found if _plain(name) not in open_)


def _is_of_the_document(file: Path) -> bool:
    """Tell types that a document decides from what every client of a generator has."""
    shared = file.parent.name in ("client", "core")
    return not shared and (
        file.name in ("api.ts", "types.gen.ts", "client.schemas.ts") or file.name[0].isupper()
    )


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _open(node: Any, name: str = "") -> Iterator[str]:
    """Yield the names of whatever may hold anything, with those of its schemas."""
    if isinstance(node, list):
        for each in node:
            yield from _open(each, name)
    elif isinstance(node, dict):
        if node.get("additionalProperties") is True or node == {}:
            yield name
        if "operationId" in node and any(_open(node.get("responses"))):
            yield f"{node['operationId']}Responses"
        for key, value in node.items():
            yield from _open(value, key if key not in _WORDS else name)


_WORDS = {"anyOf", "oneOf", "allOf", "items", "schema", "type", "properties"}


def _in_python(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield from _vague(each.target.id, each.annotation)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith(
            ("list_", "create_", "update_", "sync")
        ):
            for argument in (*node.args.args, *node.args.kwonlyargs):
                if argument.annotation is not None:
                    yield from _vague(argument.arg, argument.annotation)


def _vague(name: str, annotation: ast.expr) -> Iterator[str]:
    words = {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
    if words & _VAGUE_IN_PYTHON and not _NOT_FROM_THE_DOCUMENT.match(name):
        yield name


def _in_typescript(lines: list[str]) -> Iterator[str]:
    member = type_ = ""
    for place, line in enumerate(lines):
        if line.startswith("export type "):
            type_ = line.split()[2]
        if line.lstrip().startswith(("*", "//", "/*")) or "(" in line:
            continue
        named = _NAMED.match(line)
        if named and (not line.rstrip().endswith("{") or lines[place + 1].strip() == "}"):
            yield named[1]
        told = _MEMBER.match(line)
        if told:
            member = type_ if told[1].isdigit() else told[1]
            if _VAGUE.search(told[2]):
                yield member
        elif line.lstrip().startswith("[key: string]: {"):
            # Such as filters by what maps hold.
            member = "metadata"
        elif _ANYTHING_GOES.match(line) and lines[place - 1].rstrip().endswith("{"):
            yield member
