"""The other way to run an operation: Strawberry's executor, reading through DataLoaders."""

from typing import Any

import orjson
from graphql import FragmentDefinitionNode

from schema.build import Built
from schema.compiled import WHOLE, Operation, Outcome
from schema.errors import RefusedError, of_graphql
from schema.http import GraphQLRequest
from schema.loaders import Loaders
from schema.resolvers import Execution
from services.engine.context import Caller
from services.engine.read import Reader


async def execute(
    built: Built, reader: Reader, caller: Caller, operation: Operation, request: GraphQLRequest
) -> Outcome:
    """Return what an operation answers; raises RefusedError, and the 401 and 429 problems."""
    loaders = Loaders(reader, caller, built.types)
    result = await built.strawberry.execute(
        request.query,
        variable_values=dict(request.variables),
        context_value=_execution(built, reader, caller, operation, loaders),
        operation_name=request.operation_name,
    )
    failures = [of_graphql(error) for error in result.errors or ()]
    for failure in failures:
        if failure.problem.slug in WHOLE:
            raise failure.problem
    if not loaders.touched:
        await reader.confirm(caller)
    if result.data is None:
        raise RefusedError(*failures)
    return Outcome(orjson.dumps(result.data), failures, 0)


def _execution(built: Built, reader: Reader, caller: Caller, operation: Operation, loaders: Loaders) -> Any:
    document = operation.document
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    return Execution(reader, caller, loaders, built.surface, built.graphql, document, fragments)
