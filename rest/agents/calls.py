"""The section of a procedure: how it is asked, what it takes and what it answers."""

from collections.abc import Iterator

import orjson

from rest.agents.told import Told, default, kind, outdated
from rest.http import BASE
from rest.openapi.draft import camel
from services.engine.procedures import (
    AnyProcedure,
    Method,
    Output,
    Part,
    PublicProcedure,
    keeps_answers,
    scope_of,
)
from services.engine.resource import Field, Shown


def section(told: Told, procedure: AnyProcedure) -> Iterator[str]:
    """Yield the lines of a procedure."""
    yield f"#### {procedure.method} {BASE}/{procedure.path} {camel(procedure.name)}\n"
    yield f"{procedure.doc} {_terms(procedure)}{outdated(procedure)}"
    if procedure.inputs:
        yield f"- Takes: {'; '.join(_input(field) for field in procedure.inputs)}."
    example = told.example(f"{camel(procedure.name)}Request")
    if example:
        yield f"- Body: `{orjson.dumps(_given(procedure, example)).decode()}`"
    yield f"- Answers {procedure.status}{_answer(procedure)}."
    yield ""


def line(procedure: AnyProcedure) -> str:
    """Return what a procedure does, in one line."""
    named = f"{procedure.method} {BASE}/{procedure.path} {camel(procedure.name)}"
    return f"- {named}: {procedure.doc}{outdated(procedure)}"


def _terms(procedure: AnyProcedure) -> str:
    scope = scope_of(procedure)
    public = isinstance(procedure, PublicProcedure)
    told = ["Needs no token" if public else f"Needs `{scope}`" if scope else "Needs a token"]
    if procedure.cost != 1:
        told.append(f"costs {procedure.cost} points")
    if procedure.method is not Method.GET and keeps_answers(procedure):
        told.append("takes an `Idempotency-Key`")
    if procedure.aliases:
        told.append("also " + ", ".join(f"{BASE}/{alias}" for alias in procedure.aliases))
    return ", ".join(told) + "."


def _input(field: Field) -> str:
    facts = field.own_facts
    null = not field.required and field.default is None
    return f"`{field.name}`: {kind(field, facts, null=null)}{default(field, facts)} ({field.doc.rstrip('.')})"


def _given(procedure: AnyProcedure, example: dict[str, object]) -> dict[str, object]:
    """Return the members of an example that matter: what is required or has an example of its own."""
    kept = {f.name for f in procedure.inputs if f.required or f.example is not None}
    return {name: value for name, value in example.items() if name in kept}


def _answer(procedure: AnyProcedure) -> str:
    if not procedure.outputs:
        return " without a body" if procedure.status == _NO_CONTENT else ""
    told = _members(procedure.outputs)
    listed = f"[{told}]" if procedure.many else told
    return f": `data` is {listed}" if procedure.wrapped else f": {listed}"


_NO_CONTENT = 204


def _members(outputs: tuple[Output, ...]) -> str:
    return "{" + ", ".join(_member(each) for each in outputs) + "}"


def _member(output: Output) -> str:
    if isinstance(output, Part):
        inner = _members(output.fields)
        shape = f"map by {output.by} of {inner}" if output.by else f"[{inner}]" if output.many else inner
        return f"{output.name}{'?' if output.nullable else ''}: {shape}"
    held = kind(output, output.own_facts)
    told = "" if held == "string" else f": {held}"
    once = " (shown once)" if output.shown is Shown.ONCE else ""
    return f"{output.name}{'' if output.required else '?'}{told}{once}"
