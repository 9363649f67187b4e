"""The other way to run an operation: Strawberry's executor, reading through DataLoaders."""

from typing import Any

import orjson
from graphql import FragmentDefinitionNode

from schema.build import Built
from schema.compiled import WHOLE, Operation, Outcome
from schema.errors import Failure, RefusedError, of_graphql
from schema.http import GraphQLRequest
from schema.loaders import Loaders
from schema.resolvers import Execution
from services.engine.context import Caller
from services.engine.read import Reader


async def execute(
    built: Built, reader: Reader, caller: Caller, operation: Operation, request: GraphQLRequest
) -> Outcome:
    """Return what an operation answers; raises RefusedError, and the 401 and 429 problems."""
    execution = _execution(built, reader, caller, operation)
    result = await built.strawberry.execute(
        request.query,
        variable_values=dict(request.variables),
        context_value=execution,
        operation_name=request.operation_name,
    )
    failures = [of_graphql(error) for error in result.errors or ()]
    for failure in failures:
        if failure.problem.slug in WHOLE:
            raise failure.problem
    if not execution.loaders.touched:
        await reader.confirm(caller)
    if result.data is None:
        raise RefusedError(*failures)
    return Outcome(orjson.dumps(result.data), _gathered(result.data, failures, execution), execution.cost)


def _gathered(data: dict[str, Any], failures: list[Failure], execution: Execution) -> list[Failure]:
    """Return the failures, those that made a whole root field null told once and of that field."""
    found: dict[str, Failure] = {}
    for failure in failures:
        path = failure.path or ()
        root = execution.roots.get(str(path[0])) if len(path) > 1 else None
        if root is not None and data[root.alias] is None:
            failure = Failure(failure.problem, (root.alias,), root.locations)
        found.setdefault(repr(failure.path), failure)
    return list(found.values())


def _execution(built: Built, reader: Reader, caller: Caller, operation: Operation) -> Execution:
    document = operation.document
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    loaders = Loaders(reader, caller, built.types)
    return Execution(reader, caller, loaders, built.surface, built.graphql, document, fragments)
