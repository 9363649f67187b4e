"""The other way to run an operation: Strawberry's executor, reading through DataLoaders."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import FragmentDefinitionNode

from schema.build import Built
from schema.compiled import Operation, Outcome, raise_whole
from schema.errors import Failure, RefusedError, of_graphql
from schema.http import GraphQLRequest
from schema.loaders import Loaders
from schema.resolvers import Execution, IdempotencyKey
from services.engine.calling import Guest, Procedures
from services.engine.context import Caller
from services.engine.dispatch import Writer
from services.engine.errors import Slug
from services.engine.read import Reader


@dataclass(frozen=True, slots=True)
class Executor:
    """Executes the operations of one schema; `origin` prefixes the types of problems."""

    built: Built
    reader: Reader
    writer: Writer
    procedures: Procedures
    origin: str = ""

    async def run(
        self,
        caller: Caller,
        operation: Operation,
        request: GraphQLRequest,
        key: IdempotencyKey | None = None,
        guest: Guest | None = None,
    ) -> Outcome:
        """Return what an operation answers, perhaps a `guest`; raises RefusedError, the 401 and the 429."""
        execution = self._execution(caller, operation, key)
        execution.guest = guest
        result = await self.built.strawberry.execute(
            request.query,
            variable_values=dict(request.variables),
            context_value=execution,
            operation_name=request.operation_name,
        )
        failures = [of_graphql(error) for error in result.errors or ()]
        execution.settle(_lost(failures))
        raise_whole(failures, execution)
        if not execution.loaders.touched:
            await self.reader.prove(caller)
        if result.data is None:
            raise RefusedError(*failures)
        return Outcome(orjson.dumps(result.data), _gathered(result.data, failures, execution))

    def _execution(self, caller: Caller, operation: Operation, key: IdempotencyKey | None) -> Execution:
        built, document = self.built, operation.document
        fragments = (each for each in document.definitions if isinstance(each, FragmentDefinitionNode))
        return Execution(
            reader=self.reader,
            writer=self.writer,
            caller=caller,
            origin=self.origin,
            key=key,
            loaders=Loaders(self.reader, caller, built.types),
            surface=built.surface,
            schema=built.graphql,
            document=document,
            fragments={each.name.value: each for each in fragments},
            procedures=self.procedures,
        )


def _lost(failures: list[Failure]) -> set[str]:
    """Return the root fields that read in vain; one that found nothing has not."""
    return {
        str(failure.path[0])
        for failure in failures
        if failure.path and failure.problem.slug is not Slug.NOT_FOUND
    }


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
