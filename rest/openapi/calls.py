"""Operations that follow from procedures."""

from rest.openapi import parameters
from rest.openapi.deprecation import marked
from rest.openapi.draft import Draft, Json, array, camel, nullable, opened, pascal, strict
from rest.openapi.operations import Operation, body, response
from rest.openapi.values import shown, taken
from services.engine.procedures import (
    AnyProcedure,
    Method,
    Output,
    Part,
    PublicProcedure,
    keeps_answers,
    scope_of,
)
from services.engine.resource import Field


def operation(draft: Draft, procedure: AnyProcedure) -> tuple[Operation, Json]:
    """Return the operation of a procedure with its object in the document."""
    public = isinstance(procedure, PublicProcedure)
    found = Operation(
        f"/{procedure.path}",
        procedure.method.lower(),
        camel(procedure.name),
        procedure.name.replace("_", " ").capitalize(),
        draft.catalog.module_of(procedure),
        procedure.doc,
        scope_of(procedure),
        public,
        deprecated=procedure.deprecated,
    )
    posted = procedure.method is Method.POST
    found.parameters = [_parameter(draft, procedure, name) for name in procedure.in_path]
    rest = [name for name in procedure.inputs_by_name if name not in procedure.in_path]
    if posted and rest:
        needed = any(procedure.inputs_by_name[name].required for name in rest)
        found.body = body(_inputs(draft, procedure, rest), required=needed)
    elif not posted:
        found.parameters += [_parameter(draft, procedure, name) for name in rest]
    headers = [] if procedure.method is Method.GET else ["Set-Cookie"]
    if keeps_answers(procedure):
        found.parameters.append(parameters.header(draft, "IdempotencyKey"))
        headers.append("Idempotency-Replayed")
    found.responses = {str(procedure.status): _answer(draft, procedure, headers)}
    return found, found.document(draft, *((401,) if public else ()), 404, 409, 422)


def _parameter(draft: Draft, procedure: AnyProcedure, name: str) -> Json:
    field, in_path = procedure.inputs_by_name[name], name in procedure.in_path
    found = {
        "name": name,
        "in": "path" if in_path else "query",
        "description": field.doc,
        "required": in_path or field.required,
        "schema": taken(draft, field, field.own_facts),
    }
    return marked(found, field.deprecated)


def _inputs(draft: Draft, procedure: AnyProcedure, names: list[str]) -> Json:
    fields = [procedure.inputs_by_name[name] for name in names]
    members = {field.name: taken(draft, field, field.own_facts) for field in fields}
    needed = [field.name for field in fields if field.required]
    said = procedure.doc
    return draft.schema(f"{pascal(procedure.name)}Request", lambda: strict(members, needed, description=said))


def _answer(draft: Draft, procedure: AnyProcedure, headers: list[str]) -> Json:
    if not procedure.outputs:
        return response(draft, "It is done.", None, *headers)
    name = pascal(procedure.name)
    document = _object(draft, f"{name}{'Entry' if procedure.many else 'Answer'}", procedure.outputs)
    document = array(document) if procedure.many else document
    if procedure.wrapped:
        inner = document
        document = draft.schema(f"{name}Response", lambda: opened({"data": inner}, ["data"]))
    return response(draft, procedure.doc, document, *headers)


def _object(draft: Draft, name: str, outputs: tuple[Output, ...], without: str | None = None) -> Json:
    members = {
        each.name: _part(draft, name, each)
        if isinstance(each, Part)
        else shown(draft, each, each.own_facts, forgotten=True)
        for each in outputs
        if each.name != without
    }
    left_out = {each.name for each in outputs if isinstance(each, Field) and each.sparse}
    return draft.schema(name, lambda: opened(members, [each for each in members if each not in left_out]))


def _part(draft: Draft, owner: str, part: Part) -> Json:
    # Generators name what holds the entries as the part itself.
    entry = "Entry" if part.many else ""
    found = _object(draft, f"{owner}{pascal(part.name)}{entry}", part.fields, part.by)
    if part.by is not None:
        found = {"type": "object", "additionalProperties": found}
    elif part.many:
        found = array(found)
    found = nullable(found) if part.nullable else found
    return {**found, "description": part.doc}
