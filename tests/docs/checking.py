"""What is true of a block: by its language and its mark, with the reader of its page."""

import ast
import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeSystemDefinitionNode,
    build_schema,
    parse,
    validate,
)
from jsonschema import Draft202012Validator

from diptych.settings import Settings
from tests.diptych.server_on_trial import ROOT
from tests.docs.blocks import Block
from tests.docs.reading import Answer, Reader, shows

RUN, CHECKED, READ = "run", "checked", "only read"
_LONGEST = 800

# What a reader copies by itself: each command at the beginning of a line.
_COMMAND = re.compile(r"\n(?=(?:curl|diptych|make|\.venv/bin/diptych) )")
_TOLD = re.compile(r"  # (?P<status>\d{3})\b(?P<rest>[^'\"\n]*)$")
_KEPT = re.compile(r"\$([A-Z]+)")
_SETTING = re.compile(r"DIPTYCH_([A-Z_]+)=")


class UntrueError(Exception):
    """A block says what is not so."""


def _hold(true: bool, otherwise: object) -> None:
    """Raise UntrueError, with what is so instead, unless it is true."""
    if not true:
        raise UntrueError(str(otherwise)[:_LONGEST])


def check(block: Block, following: Block | None, reader: Reader) -> str:
    """Return how a block was judged: RUN, CHECKED or READ; fails where it is not true."""
    reason = block.marked("not run:")
    if reason is not None:
        _hold(len(reason) > 8, "the reason is missing")
        if block.language == "python":
            ast.parse(block.text)
        return READ
    source = block.marked("in:")
    if source is not None:
        return _in_file(block, source)
    judge = _BY_LANGUAGE.get(block.language)
    if judge is None:
        raise UntrueError(f"a block of {block.language or 'no language'} needs a mark")
    return judge(block, following, reader)


def _in_file(block: Block, source: str) -> str:
    held = {line.strip() for line in (ROOT / source).read_text().splitlines()}
    _hold_lines(block, held | {""})
    return CHECKED


def _hold_lines(block: Block, held: set[str]) -> None:
    absent = [line for line in block.text.splitlines() if line.strip() not in held]
    _hold(not absent, f"not there: {absent}")


def _shell(block: Block, _: Block | None, reader: Reader) -> str:
    for command in _COMMAND.split(block.text.strip()):
        answers = reader.run(command + "\n")
        told = _TOLD.search(command)
        wanted = told["status"] if told else block.marked("answers")
        if answers or wanted:
            _judge(wanted, answers)
        for name in _KEPT.findall(told["rest"]) if told else ():
            reader.keep(f"{name}=…")
    return RUN


def _judge(wanted: str | None, answers: Sequence[Answer]) -> None:
    """Hold the last answer against the status wanted, and all others against success."""
    _hold(bool(answers), "nothing was asked")
    for answer in answers if wanted is None else answers[:-1]:
        _hold(max(answer.statuses) < 300 and "errors" not in (answer.body or {}), answer)
    if wanted is not None:
        _hold(int(wanted) in answers[-1].statuses, answers[-1])


def _http(block: Block, _: Block | None, reader: Reader) -> str:
    if not block.text.startswith("HTTP/"):
        _judge(block.marked("answers"), [reader.send(block.text)])
        return RUN
    answer = _last(reader)
    head, _blank, body = block.text.partition("\n\n")
    shown = Answer.read(head, body)
    _hold(shown.status == answer.status and shows(shown.headers, answer.headers), answer)
    _hold(shown.body is None or shows(shown.body, answer.body), answer.body)
    return CHECKED


def _graphql(block: Block, following: Block | None, reader: Reader) -> str:
    document = parse(block.text)
    if any(isinstance(each, TypeSystemDefinitionNode) for each in document.definitions):
        held = {line.strip() for line in (ROOT / "docs" / "schema.graphql").read_text().splitlines()}
        _hold_lines(block, held)
        return CHECKED
    errors = validate(_schema(), document)
    _hold(not errors, errors)
    given = following.text if following is not None and following.marked("variables") is not None else "{}"
    variables = json.loads(reader.filled(given))
    answers = []
    for each in _operations(document):
        name = each.name.value if each.name else None
        answers.append(reader.query(block.text, _values(each, variables, reader), name))
    _judge(block.marked("answers"), answers)
    return RUN


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]


def _values(operation: OperationDefinitionNode, given: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """Return the values of an operation's variables: as given, or as the reader knows them by that name."""
    names = [each.variable.name.value for each in operation.variable_definitions or ()]
    known = {name: reader.known[name.upper()] for name in names if name.upper() in reader.known}
    return {name: value for name, value in {**known, **given}.items() if name in names}


def _json(block: Block, _: Block | None, reader: Reader) -> str:
    if block.marked("variables") is not None:
        json.loads(block.text)
        return RUN
    found = json.loads(block.text)
    if block.marked("answered") is not None:
        answer = _last(reader)
        _hold(shows(found, answer.body), answer.body)
    component = block.marked("schema:")
    if component is not None:
        whole = {"$ref": f"#/components/schemas/{component}", "components": _document()["components"]}
        errors = [each.message for each in Draft202012Validator(whole).iter_errors(found)]
        _hold(not errors, errors)
    return CHECKED


def _last(reader: Reader) -> Answer:
    if reader.answer is None:
        raise UntrueError("nothing was answered yet")
    return reader.answer


def _python(block: Block, _: Block | None, reader: Reader) -> str:
    reader.python(block.text)
    return RUN


def _plain(block: Block, _: Block | None, reader: Reader) -> str:
    for line in block.text.split("\n"):
        commanded = re.fullmatch(r"make ([a-z-]+)(?: [A-Z]+=\S+)*", line)
        if commanded:
            reader.run(line + "\n")
        else:
            setting = _SETTING.match(line)
            known = setting[1].lower() in Settings.model_fields if setting else not line or reader.keep(line)
            _hold(known, f"neither kept nor marked: {line}")
    return RUN


@cache
def _schema() -> GraphQLSchema:
    return build_schema((ROOT / "docs" / "schema.graphql").read_text())


@cache
def _document() -> dict[str, Any]:
    return dict(json.loads((ROOT / "docs" / "openapi.json").read_text()))


_BY_LANGUAGE: dict[str, Callable[[Block, Block | None, Reader], str]] = {
    "sh": _shell,
    "http": _http,
    "graphql": _graphql,
    "json": _json,
    "python": _python,
    "": _plain,
    "text": _plain,
}
