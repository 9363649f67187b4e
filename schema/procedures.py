"""Procedures over GraphQL: query fields for what GET answers, mutations with payloads for the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.connections import made_type
from schema.deprecation import of_procedure
from schema.inputs import Inputs, argument, bare_type, input_type
from schema.names import camel, pascal
from schema.payloads import IN_PAYLOADS, ends, problem_data
from schema.resolvers import Execution, as_tree
from schema.types import Resolver, resolved
from schema.write_inputs import described, neutral
from schema.writing import key_for
from services.engine.asking import Asked
from services.engine.catalog import Catalog
from services.engine.errors import Problem, bad_request
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

KEY_DOC = (
    "A text of your own that makes the request safe to repeat for a day; as the header Idempotency-Key, "
    "which serves too where the document has a single mutation."
)


def public_fields(catalog: Catalog) -> frozenset[str]:
    """Return the names of the root fields that need no token."""
    return frozenset(camel(each.name) for each in catalog.procedures if isinstance(each, PublicProcedure))


def query_fields(catalog: Catalog, inputs: Inputs) -> list[StrawberryField]:
    """Return the query fields of procedures."""
    return [_query(each, inputs) for each in catalog.procedures if each.method is Method.GET]


def mutation_fields(catalog: Catalog, inputs: Inputs) -> list[StrawberryField]:
    """Return the mutations of procedures."""
    return [_mutation(each, inputs) for each in catalog.procedures if each.method is not Method.GET]


def _doc(procedure: AnyProcedure) -> str:
    if isinstance(procedure, PublicProcedure):
        return f"{procedure.doc} Needs no token."
    scope = scope_of(procedure)
    return f"{procedure.doc} Needs the scope `{scope}`." if scope else f"{procedure.doc} Needs no scope."


# Queries


def _query(procedure: AnyProcedure, inputs: Inputs) -> StrawberryField:
    made = _object(f"{pascal(procedure.name)}Result", procedure.doc, procedure.outputs, inputs)
    type_ = list[made] if procedure.many else made  # type: ignore[valid-type]  # A type made at run time.
    read, name, marks = _reader(procedure), camel(procedure.name), of_procedure(procedure)

    async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
        asked = Asked(procedure, read(as_tree(given)), operation=name)
        answered = await info.context.call(asked)
        info.context.notice(info, marks, name)
        return answered.document

    arguments = [_argument(procedure, field, inputs) for field in procedure.inputs]
    return resolved(procedure.name, type_ | None, _doc(procedure), resolve, arguments)


def _argument(procedure: AnyProcedure, field: Field, inputs: Inputs) -> StrawberryArgument:
    type_ = _input_type(field, inputs)
    if field.name in procedure.in_path:
        return argument(camel(field.name), type_, field.doc)
    return argument(camel(field.name), type_ | None, _described(field))


# Mutations


def _mutation(procedure: AnyProcedure, inputs: Inputs) -> StrawberryField:
    payload = _payload(procedure, inputs)
    in_body = tuple(field for field in procedure.inputs if field.name not in procedure.in_path)
    arguments = [
        _argument(procedure, field, inputs) for field in procedure.inputs if field.name in procedure.in_path
    ]
    if in_body:
        fields = {
            camel(field.name): (_input_type(field, inputs) | None, _described(field)) for field in in_body
        }
        made = input_type(bare_type(f"{pascal(procedure.name)}Input"), procedure.doc, fields)
        arguments.append(argument("input", made | None, "What it takes."))
    if keeps_answers(procedure):
        arguments.append(argument("idempotencyKey", str | None, KEY_DOC))
    return resolved(procedure.name, payload | None, _doc(procedure), _resolver(procedure), arguments)


def _resolver(procedure: AnyProcedure) -> Resolver:
    read, name, marks = _reader(procedure), camel(procedure.name), of_procedure(procedure)

    async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
        execution: Execution = info.context
        try:
            tree = as_tree(given)
            key = _key(procedure, execution, info, tree.pop("idempotencyKey", None))
            sent = read((tree.pop("input", None) or {}) | tree)
            answered = await execution.call(Asked(procedure, sent, key=key, operation=name))
            execution.notice(info, marks, name)
        except Problem as problem:
            if problem.kind.status not in IN_PAYLOADS:
                raise
            told = problem_data(problem, caller=execution.caller, origin=execution.origin)
            return {"problem": told, "replayed": problem.replayed}
        shown = {"results": answered.document} if procedure.many else answered.document or {}
        return {**shown, "replayed": answered.replayed}

    return resolve


def _key(procedure: AnyProcedure, execution: Execution, info: Any, sent: str | None) -> str | None:
    if not keeps_answers(procedure):
        if execution.key is not None:
            raise bad_request("An Idempotency-Key would go unheeded here; leave it out.")
        return None
    return key_for(execution, sent, execution.mutations(info) == 1)


def _payload(procedure: AnyProcedure, inputs: Inputs) -> Any:
    name = pascal(procedure.name)
    if procedure.many:
        row: Any = _object(f"{name}Result", procedure.doc, procedure.outputs, inputs)
        rows: Any = list[row]
        told = {"results": (rows | None, "What it brought; null if refused.")}
    else:
        fields = _fields(name, procedure.outputs, inputs)
        told = {field: (type_ | None, doc) for field, (type_, doc) in fields.items()}
    return made_type(f"{name}Payload", f"What came of this: {procedure.doc}", told | ends())


# Types


def _object(name: str, doc: str, outputs: tuple[Output, ...], inputs: Inputs) -> Any:
    return made_type(name, doc, _fields(name.removesuffix("Result"), outputs, inputs))


def _fields(prefix: str, outputs: tuple[Output, ...], inputs: Inputs) -> dict[str, tuple[Any, str]]:
    return {each.name: (_output_type(prefix, each, inputs), _output_doc(each)) for each in outputs}


def _output_type(prefix: str, output: Output, inputs: Inputs) -> Any:
    if isinstance(output, Part):
        made = _object(f"{prefix}{pascal(output.name)}", output.doc, output.fields, inputs)
        listed = list[made] if output.many else made  # type: ignore[valid-type]  # A type made at run time.
        return listed | None if output.nullable else listed
    type_ = inputs.own(output)
    listed = list[type_] if output.many else type_  # type: ignore[valid-type]  # A type made at run time.
    return listed if output.required and output.shown is Shown.ALWAYS else listed | None


def _output_doc(output: Output) -> str:
    once = isinstance(output, Field) and output.shown is Shown.ONCE
    return f"{output.doc} Shown this once." if once else output.doc


def _input_type(field: Field, inputs: Inputs) -> Any:
    type_ = inputs.own(field)
    return list[type_] if field.many else type_  # type: ignore[valid-type]  # A type made at run time.


def _described(field: Field) -> str:
    return described(field, field.default)


def _reader(procedure: AnyProcedure) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return what reads arguments as the values that REST's JSON would hold."""
    readers = {camel(field.name): (field, neutral(field, field.own_facts.kind)) for field in procedure.inputs}

    def read(tree: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in tree.items():
            field, each = readers[name]
            if value is not None:
                value = (
                    [item if item is None else each(item) for item in value] if field.many else each(value)
                )
            found[field.name] = value
        return found

    return read
