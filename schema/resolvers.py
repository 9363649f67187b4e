"""The resolvers behind the Strawberry types, for operations that are not compiled.

Every root field is judged as a whole first, by the same plan that the compiled way would run, so that both
ways allow and refuse the same; then its values are loaded in batches.
"""

import asyncio
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import FragmentDefinitionNode, GraphQLSchema, get_named_type
from graphql.execution.values import VariableValues
from strawberry.types.base import has_object_definition
from strawberry.types.unset import UNSET

from schema.arguments import Arguments, CursorLeaf
from schema.deprecation import Marks, picked
from schema.loaders import Collection, Loaders
from schema.roots import Root, root
from schema.selections import Selections
from schema.surface import Surface
from schema.types import Resolver
from services.engine.asking import Answered, Asked
from services.engine.calling import Guest, Procedures
from services.engine.context import Caller
from services.engine.cursor import Cursor
from services.engine.deprecation import Noticed
from services.engine.dispatch import Permit, Writer
from services.engine.encoding import global_id
from services.engine.errors import Problem, not_found
from services.engine.intent import Leaf, SelectAny
from services.engine.pricing import Price, together
from services.engine.procedures import Method, PublicProcedure
from services.engine.read import Reader, Request
from services.engine.resource import Relation, Resource
from services.engine.writing import Outcome, Write

_ROWLESS = frozenset({"totalCount", "__typename"})


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a request's headers, and whether the request has but one mutation that it can belong to."""

    text: str
    alone: bool


@dataclass(slots=True, kw_only=True)
class Writing:
    """What the mutations of one operation write through; `origin` prefixes the types of problems.

    `key` is that of the request's headers, and `wrote` tells that a mutation has been carried out.
    """

    reader: Reader
    writer: Writer
    caller: Caller
    origin: str
    key: IdempotencyKey | None
    wrote: bool = False

    async def write(self, asked: Write, permit: Permit) -> Outcome:
        """Return what a write brought; raises its Problem."""
        outcome = await self.writer.write(self.caller, asked, permit)
        self.wrote = True
        return outcome


@dataclass(slots=True, kw_only=True)
class Execution(Writing):
    """One operation in execution: what Strawberry's `info.context` holds.

    `roots` are the root fields judged so far, `prices` what they cost and `nested` the rows that their nested
    lists held, all by response name; `due` are the prices that are being charged.
    """

    loaders: Loaders
    surface: Surface
    schema: GraphQLSchema
    document: Any
    fragments: Mapping[str, FragmentDefinitionNode]
    procedures: Procedures
    guest: Guest | None = None
    roots: dict[str, Root] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)
    nested: Counter[str] = field(default_factory=Counter)
    due: list[Price] = field(default_factory=list)
    charging: "asyncio.Future[None] | None" = None

    async def call(self, asked: Asked) -> Answered:
        """Return what a procedure answers; raises its Problem. Whatever is read after it is read anew."""
        if isinstance(asked.procedure, PublicProcedure):
            guest = self.guest or Guest(self.caller.visit, self.caller.instance)
            answered = await self.procedures.visit(guest, asked)
            # It asked for no token, and may have ended the one that came along.
            self.caller.proving = True
        else:
            answered = await self.procedures.call(self.caller, asked)
        self.caller.granted = answered.credential or self.caller.granted
        if asked.procedure.method is not Method.GET:
            self.wrote, self.loaders = True, self.loaders.renewed()
        return answered

    async def judged(self, info: Any) -> Root:
        """Return the root field that `info` stands for, charged for all that it reads.

        Raises its Problem as the compiled way would, and the 429 problem.
        """
        raw = info._raw_info
        values: list[Any] = []
        found = root(self.selections(info, values), raw.path.key, list(raw.field_nodes))
        self.roots[found.alias] = found
        asked = Request(None, partial(found.intent, self.caller), values, found.name)
        price = self.reader.judge(self.caller, asked)
        self.prices[found.alias] = price
        self.due.append(price)
        if self.charging is None:
            # The root fields of a query are judged in one turn of the loop, and charged together in the next.
            self.charging = asyncio.ensure_future(self._charge())
        await self.charging
        return found

    async def _charge(self) -> None:
        due, self.due, self.charging = self.due, [], None
        await self.reader.limiter.charge(self.caller, *together(due))

    def settle(self, failed: Container[str]) -> None:
        """Give back what the root fields have left over of their prices, but not those that have failed."""
        unused = (
            price.unused(self.nested[alias]) for alias, price in self.prices.items() if alias not in failed
        )
        self.reader.limiter.refund(self.caller, sum(unused))

    def notice(self, info: Any, marks: Marks, operation: str) -> None:
        """Note what is selected of a field that is deprecated, which no plan tells."""
        if not marks:
            return
        raw = info._raw_info
        type_name = get_named_type(raw.return_type).name
        used = tuple(picked(self.selections(info, []), marks, type_name, list(raw.field_nodes)))
        if self.guest is not None:
            self.guest.outdated += tuple(Noticed(operation, each) for each in used)
        else:
            self.caller.notice(used, operation)

    def note_rows(self, info: Any, count: int) -> None:
        """Count the rows of one nested list if the selection shows any."""
        raw = info._raw_info
        chosen = (node.selection_set for node in raw.field_nodes)
        fields = self.selections(info, []).collect(get_named_type(raw.return_type).name, chosen)
        if not {nodes[0].name.value for nodes in fields.values()} <= _ROWLESS:
            self.nested[str(raw.path.as_list()[0])] += count

    def selections(self, info: Any, values: list[Any]) -> Selections:
        """Return what reads the operation's selections, and decodes their cursors into `values`."""
        variables = VariableValues({}, info._raw_info.variable_values)
        arguments = Arguments(self.surface, partial(self.cursor, values))
        return Selections(self.schema, arguments, self.fragments, variables, {}, strict=False)

    def mutations(self, info: Any) -> int:
        """Return how many mutations the operation runs."""
        root_set = info._raw_info.operation.selection_set
        fields = self.selections(info, []).collect("Mutation", (root_set,)).values()
        return sum(nodes[0].name.value != "__typename" for nodes in fields)

    async def write(self, asked: Write, permit: Permit) -> Outcome:
        """Return what a write brought; whatever is read after it is read anew."""
        # A slotted dataclass is not the class that a plain super() would look for.
        outcome = await Writing.write(self, asked, permit)
        self.loaders = self.loaders.renewed()
        return outcome

    def collection(self, resource: Resource, given: Mapping[str, Any], info: Any) -> Collection:
        """Return which rows the arguments of a collection ask for."""
        values: list[Any] = []
        arguments = Arguments(self.surface, partial(self.cursor, values))
        listing = arguments.listing(resource, as_tree(given))
        return Collection(listing, tuple(values), total=_selects(info, "totalCount"))

    def cursor(self, values: list[Any], text: str) -> CursorLeaf:
        """Decode a cursor into the values; raises the 400 problem."""
        found: Cursor = self.reader.codec.decode(text, self.caller.now)
        values.append(found)
        return CursorLeaf(Leaf(len(values) - 1), found.nulls)


class LoadingResolvers:
    """Resolvers that read through the request's loaders."""

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    def one(self, resource: Resource, relation: Relation) -> Resolver:
        """Return what resolves a to-one relation."""
        target = self._surface.catalog.target(relation)

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            key = getattr(parent, relation.via)
            return None if key is None else await info.context.loaders.row(target, key)

        return resolve

    def many(self, resource: Resource, relation: Relation) -> Resolver:
        """Return what resolves a to-many relation."""
        target = self._surface.catalog.target(relation)

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            asked = info.context.collection(target, given, info)
            found = await info.context.loaders.below(resource, relation, parent.id, asked)
            info.context.note_rows(info, len(found.edges))
            return found

        return resolve

    def get(self, resource: Resource) -> Resolver:
        """Return what resolves one resource by id."""

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            await info.context.judged(info)
            found = await info.context.loaders.row(resource, given["id"])
            if found is None:
                raise not_found()
            return found

        return resolve

    def page(self, resource: Resource) -> Resolver:
        """Return what resolves a whole collection."""

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            await info.context.judged(info)
            return await info.context.loaders.page(resource, info.context.collection(resource, given, info))

        return resolve

    def node(self) -> Resolver:
        """Return what resolves anything by id."""

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            found = await self._find(info, await info.context.judged(info), given["id"])
            if isinstance(found, Problem):
                raise found
            return found

        return resolve

    def nodes(self) -> Resolver:
        """Return what resolves many things by id; what is not found is a problem in its place."""

        async def resolve(parent: Any, info: Any, given: dict[str, Any]) -> Any:
            judged = await info.context.judged(info)
            return [await self._find(info, judged, id_) for id_ in given["ids"]]

        return resolve

    async def _find(self, info: Any, judged: Root, id_: str) -> Any:
        type_, key = global_id(id_)
        asked = judged.intent(info.context.caller)
        if key is not None and isinstance(asked, SelectAny):
            for name, candidate, _ in asked.candidates:
                if type_ in (None, candidate):
                    found = await info.context.loaders.row(self._surface.catalog[name], key)
                    if found is not None:
                        return found
        return not_found()


def as_tree(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with input objects as mappings by GraphQL name, without what was left out."""
    return {name: _tree(value) for name, value in given.items() if value is not UNSET}


def _tree(value: Any) -> Any:
    """Return Strawberry's input objects as mappings by GraphQL name, without what was left out."""
    if has_object_definition(value):
        fields = value.__strawberry_definition__.fields
        pairs = ((field.graphql_name, getattr(value, field.python_name)) for field in fields)
        return {name: _tree(item) for name, item in pairs if item is not UNSET}
    return [_tree(item) for item in value] if isinstance(value, list) else value


def _selects(info: Any, name: str) -> bool:
    """Tell whether a field is selected, perhaps through fragments and whatever its directives say."""
    raw = info._raw_info
    pending = [node.selection_set for node in raw.field_nodes]
    while pending:
        for node in pending.pop().selections:
            if hasattr(node, "alias"):
                if node.name.value == name:
                    return True
            elif hasattr(node, "selection_set"):
                pending.append(node.selection_set)
            else:
                pending.append(raw.fragments[node.name.value].selection_set)
    return False
