"""Every address, asked for what is another workspace's and for what is nobody's: the answers are equal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rest import compat
from schema.names import camel, pascal
from services.engine.procedures import Method, PublicProcedure
from services.engine.resource import ActionKind, Kind, Resource
from services.engine.versions import tag
from tests.isolation.asking import BASE, Asker
from tests.isolation.calling import Procedures
from tests.isolation.dice import Dice
from tests.isolation.estate import CHILD, OURS, THEIRS, Estate, Row, Tenant
from tests.isolation.machine import Trial
from tests.isolation.requests import Ask, get, graphql, of_read, of_write, sent
from tests.isolation.writing import Writer
from tests.parity import graphql_side, rest_side
from tests.parity.neutral import Case, Compare, Condition, Owner
from tests.parity.writing import graphql_side as writing_graphql
from tests.parity.writing import rest_side as writing_rest
from tests.parity.writing.neutral import BULK, VALUED, Item, WriteCase

_EXECUTOR = ("x-diptych-execute", "executor")
_EVERYTHING = ("all:write",)


@dataclass(slots=True)
class Addresses:
    """Every address at which one tenant can ask for a row of another's."""

    estate: Estate
    tenant: Tenant
    other: str

    def all(self) -> Iterator[Ask]:
        """Yield each of them, on both surfaces and in both executions."""
        for resource in self.estate.catalog:
            rows = [row for row in self.estate.rows_of(self.other, resource) if self._is_foreign(row)]
            for row in rows[:1]:
                for ask in (*self._reads(resource, row), *self._writes(resource, row)):
                    yield ask
                    if ask.target == "/graphql":
                        yield ask.with_headers(_EXECUTOR)
            yield from self._references(resource)
        yield from self._procedures()
        yield from self._headers()

    def _is_foreign(self, row: Row) -> bool:
        return self.tenant.id not in self.estate.marks.visible[row["id"]]

    # Reads

    def _reads(self, resource: Resource, row: Row) -> Iterator[Ask]:
        own = f"{BASE}/{resource.path}/{row['id']}"
        for method in ("GET", "HEAD", "OPTIONS"):
            yield Ask(f"{method} {resource.name}", method, own, still=True)
        etag = tag(row["id"], row["version"]) if "version" in row else "*"
        for value in (etag, f"W/{etag}", "*"):
            yield get(f"{resource.name}, unless it is {value}", own).with_headers(("if-none-match", value))
        for path, alias in compat.PATHS.items():
            if alias.path == resource.path:
                yield get(f"{resource.name} under {path}", f"{BASE}/{path}/{row['id']}")
        for case in self._cases(resource, row["id"]):
            label = f"{case.label} {resource.name}"
            if all(isinstance(each, Compare) for each in case.filter):
                yield of_read(label, rest_side.by_url(case))
            if case.by_search:
                yield of_read(label, rest_side.by_search(case))
            yield of_read(label, graphql_side.with_variables(case, self.estate.catalog))
        kind = pascal(resource.name)
        for field, given in (("node", f'id: "{row["id"]}"'), ("nodes", f'ids: ["{row["id"]}"]')):
            shown = " ".join(camel(item.name) for item in resource.shown_fields)
            yield graphql(
                f"{field} {resource.name}",
                f"{{ {field}({given}) {{ id ... on {kind} {{ {shown} }} }} }}",
                still=True,
            )

    def _cases(self, resource: Resource, id_: str) -> Iterator[Case]:
        relations = tuple((relation.name,) for relation in resource.relations)
        yield Case("one", resource, id=id_)
        yield Case("some fields of one", resource, id=id_, fields=("id",))
        yield Case("one with all it relates to", resource, id=id_, include=relations)
        for relation in resource.relations:
            if relation.many and relation.nested:
                target, owner = self.estate.catalog.target(relation), Owner(resource, relation, id_)
                yield Case("below", target, owner=owner)
                yield Case("below, by cursor", target, owner=owner, keyset=True, size=1)
            known: Condition = Compare((relation.name, "id"), "eq", id_)
            yield Case("related to", resource, filter=(known,))
        for operator, value in (("eq", id_), ("in", [id_])):
            yield Case(f"filtered {operator}", resource, filter=(Compare(("id",), operator, value),))
        for field in resource.fields:
            if field.filterable and resource.facts_of(field).kind is Kind.UUID:
                yield Case(f"by {field.name}", resource, filter=(Compare((field.name,), "eq", id_),))

    # Writes

    def _writes(self, resource: Resource, row: Row) -> Iterator[Ask]:
        writer = Writer(Asker(self.estate, self.tenant, Dice(resource.name)))
        etag = tag(row["id"], row["version"]) if "version" in row else "*"
        for action in resource.actions:
            if action.kind is ActionKind.CREATE:
                continue
            values = writer.values(resource, action) if action.kind in VALUED else {}
            values = {name: value for name, value in values.items() if not name.endswith("_id")}
            item = Item(values, row["id"])
            for if_match, dry_run in ((etag, False), (None, False), ("*", True)):
                yield from self._put(
                    WriteCase("step", resource, action, (item,), if_match=if_match, dry_run=dry_run)
                )
            if resource.bulk and action.kind in BULK:
                for atomic in (True, False):
                    yield from self._put(
                        WriteCase("step", resource, action, (item,), bulk=True, atomic=atomic)
                    )

    def _put(self, case: WriteCase) -> Iterator[Ask]:
        label = f"{case.action.name} {case.resource.name}{' in bulk' if case.bulk else ''}"
        yield of_write(label, writing_rest.request(case), still=case.dry_run)
        written = writing_graphql.with_variables(case, self.estate.catalog)
        yield of_write(label, written, still=case.dry_run)

    def _references(self, resource: Resource) -> Iterator[Ask]:
        """Yield writes of rows of our own that would refer to rows of theirs, all of them trials."""
        writer = Writer(Asker(self.estate, self.tenant, Dice(resource.name)))
        own = [row["id"] for row in self.estate.rows_of(self.tenant.letter, resource)][:1]
        for relation in resource.relations:
            rows = self.estate.rows_of(self.other, self.estate.catalog.target(relation))
            theirs = [row["id"] for row in rows if self._is_foreign(row)][:1]
            writable = relation.via in {field.name for field in resource.writable}
            for action in resource.actions if relation.one and writable and theirs and own else ():
                if action.kind in (ActionKind.CREATE, ActionKind.UPDATE):
                    values: dict[str, Any] = {**writer.values(resource, action), relation.via: theirs[0]}
                    for name in resource.embedded_by_name:
                        values.pop(name, None)
                    item = Item(values, None if action.kind is ActionKind.CREATE else own[0])
                    yield from self._put(WriteCase("step", resource, action, (item,), dry_run=True))

    # What is no row of a resource

    def _procedures(self) -> Iterator[Ask]:
        calls = Procedures(Asker(self.estate, self.tenant, Dice(1)))
        other = self.estate.tenants[self.other]
        theirs = [other.id] + [
            row["id"]
            for resource in self.estate.catalog
            for row in self.estate.rows_of(self.other, resource)[:1]
            if self._is_foreign(row)
        ]
        for procedure in self.estate.catalog.procedures:
            # Whoever shows no token is in no workspace.
            named = () if isinstance(procedure, PublicProcedure) else procedure.inputs
            for field in named:
                ids = {Kind.UUID: theirs, Kind.STRING: [other.slug]}
                for value in ids.get(field.kind or Kind.STRING, []):
                    values = {each.name: calls.example(each) for each in procedure.inputs if each.required}
                    values[field.name] = value
                    still = procedure.method is Method.GET
                    for ask in (calls.over_rest(procedure, values), calls.over_graphql(procedure, values)):
                        yield Ask(ask.label, ask.method, ask.target, ask.headers, ask.body, still)

    def _headers(self) -> Iterator[Ask]:
        other = self.estate.tenants[self.other]
        for named in (other.id, other.slug):
            for target in (f"{BASE}/whoami", f"{BASE}/token"):
                yield get("named workspace", target).with_headers(("x-workspace-id", named))
            yield sent(
                "named workspace", "POST", "/graphql", {"query": "{ __typename }"}, still=True
            ).with_headers(("x-workspace-id", named))
            yield get("door", f"/ui/workspaces/{named}/tokens")


def compared(trial: Trial) -> tuple[int, list[str]]:
    """Return how many pairs of answers were compared, and a sentence for each that differed."""
    count, found = 0, list[str]()
    for letter, other in ((OURS, THEIRS), (OURS, CHILD), (CHILD, OURS)):
        tenant = trial.estate.tenants[letter]
        token, before = tenant.tokens[_EVERYTHING], trial.figures.twins
        trial.estate.begin()
        for ask in Addresses(trial.estate, tenant, other).all():
            answer = trial.run(ask.send(trial.estate.client(token)))
            unlike = trial.unlike(tenant, ask, answer, token)
            found += [f"{letter} of {other}: {ask}: {text}" for text in unlike]
        count += trial.figures.twins - before
    return count, found
