"""Documents, kept ready by their text after one guard and one validation."""

from collections import OrderedDict

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    recommended_rules,
    specified_rules,
    validate,
)

from schema.build import Built
from schema.compiled import Operation
from schema.errors import RefusedError, of_graphql, of_guard, refused
from schema.guard import admit
from schema.http import GraphQLRequest, require_safe
from schema.limits import DEFAULT_LIMITS, GuardViolation, Limits
from schema.variables import Splitters
from services.engine.deployment import JudgedOperation
from services.engine.errors import Invalid, bad_request

_MOST_DOCUMENTS = 500
_MOST_CHARACTERS = 250_000
_MOST_ERRORS = 20
_MOST_TOLD = 5
_NOT_ONE = Invalid("invalid_format", "The document must hold exactly one operation, and that a name.")
_RULES = (*specified_rules, *recommended_rules)


class Documents:
    """The operations of one schema by the text they came in, the least recently used forgotten first."""

    def __init__(self, built: Built, limits: Limits = DEFAULT_LIMITS) -> None:
        self._built, self._limits = built, limits
        self._splitters = Splitters()
        self._known: OrderedDict[tuple[str, str | None], Operation] = OrderedDict()
        self._characters = 0

    def operation(self, method: str, request: GraphQLRequest) -> Operation:
        """Return the operation that a request runs.

        Raises RefusedError, and HttpProblem for a mutation by a safe method.
        """
        key = request.query, request.operation_name
        known = self._known.get(key)
        if known is None:
            known = self._prepared(method, request)
            self._keep(key, known)
        else:
            # A document is kept whichever method brought it, and another method may not run it.
            require_safe(method, known.document, request.operation_name)
            self._known.move_to_end(key)
        return known

    def judged(self, text: str) -> JudgedOperation | list[Invalid]:
        """Return the one operation of a document, or all that a request which brought it would hear."""
        try:
            operation = self._prepared("POST", GraphQLRequest(text))
        except RefusedError as refusal:
            return [Invalid("invalid_format", each.problem.detail) for each in refusal.failures[:_MOST_TOLD]]
        if len(_operations(operation.document)) > 1 or operation.node.name is None:
            return [_NOT_ONE]
        return JudgedOperation(operation.node.name.value, operation.node.operation.value)

    def _prepared(self, method: str, request: GraphQLRequest) -> Operation:
        try:
            document = admit(request.query, self._limits).document
        except GuardViolation as violation:
            raise refused(of_guard(violation)) from None
        except GraphQLError as error:
            raise RefusedError(of_graphql(error)) from None
        require_safe(method, document, request.operation_name)
        errors = validate(self._built.graphql, document, _RULES, max_errors=_MOST_ERRORS)
        if errors:
            raise RefusedError(*map(of_graphql, errors))
        node = _chosen(_operations(document), request.operation_name)
        return Operation(self._built, self._splitters, document, node)

    def _keep(self, key: tuple[str, str | None], operation: Operation) -> None:
        self._known[key] = operation
        self._characters += len(key[0])
        while len(self._known) > _MOST_DOCUMENTS or self._characters > _MOST_CHARACTERS:
            (text, _), _ = self._known.popitem(last=False)
            self._characters -= len(text)


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]


def _chosen(operations: list[OperationDefinitionNode], name: str | None) -> OperationDefinitionNode:
    if name is None:
        if len(operations) == 1:
            return operations[0]
        raise refused(bad_request("The document holds several operations; operationName must name one."))
    for each in operations:
        if each.name is not None and each.name.value == name:
            return each
    raise refused(bad_request(f"The document holds no operation named '{name[:64]}'."))
