"""Questions of one workspace, made from the catalogue: with what is its own, and with what is others'."""

import base64
import uuid
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from rest import compat
from schema.names import camel, pascal
from services.engine.encoding import short_identifier
from services.engine.resource import Field, Kind, Operator, Relation, Resource
from services.engine.versions import tag
from tests.isolation.dice import Dice
from tests.isolation.estate import LETTERS, Estate, Row, Tenant
from tests.isolation.requests import GRAPHQL, Ask, get, graphql, of_read, sent
from tests.parity import graphql_side, rest_side
from tests.parity.neutral import Case, Compare, Condition, Junction, Owner

BASE = "/api/v1"
_DEEPEST = 3
_EVERY_METHOD = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE")
_LISTS = (Operator.IN, Operator.NIN)


@dataclass(slots=True)
class Asker:
    """Makes the requests of one tenant; `dice` decide."""

    estate: Estate
    tenant: Tenant
    dice: Dice

    # What can be put into a request

    @property
    def letter(self) -> str:
        """Return whose request it is."""
        return self.tenant.letter

    def resource(self) -> Resource:
        """Return any resource."""
        return self.dice.choice(self.estate.catalog.resources)

    def someone(self, own: int = 40) -> str:
        """Return a workspace's letter: ours in `own` of a hundred cases."""
        if self.dice.chance(own):
            return self.letter
        return self.dice.choice([each for each in LETTERS if each != self.letter])

    def row(self, resource: Resource, own: int = 40) -> Row:
        """Return a row of anybody's, an empty one where there is none."""
        rows = self.estate.rows_of(self.someone(own), resource)
        return self.dice.choice(rows) if rows else {}

    def id(self, resource: Resource, own: int = 40) -> str:
        """Return the id of anybody's row, sometimes of nobody's."""
        found = self.row(resource, own).get("id")
        if found is None or self.dice.chance(8):
            return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))
        return str(found)

    def spelled(self, id_: str) -> str:
        """Return an id in any of its spellings."""
        if self.dice.chance(85):
            return id_
        return self.dice.choice((id_.upper(), id_.replace("-", ""), short_identifier(id_)))

    def canary(self) -> str:
        """Return a text of anybody's row."""
        resource = self.resource()
        texts = [
            each for each in self.row(resource).values() if isinstance(each, str) and each.startswith("kw")
        ]
        return self.dice.choice(texts) if texts else self.estate.marks.canary(self.letter, self.tenant.id)

    def etag(self) -> str:
        """Return the entity tag of anybody's row."""
        row = self.row(self.resource())
        return tag(row["id"], row["version"]) if row.get("version") else "*"

    def cursor(self) -> str | None:
        """Return a cursor that anybody was given."""
        found = self.estate.loot[self.someone()].cursors
        return self.dice.choice(found) if found else None

    # Reads

    def case(self, resource: Resource | None = None) -> Case:
        """Return a read of one row, of many, or of those below a row."""
        asked = resource or self.resource()
        nested = [each for each in asked.relations if each.many and each.nested]
        kind = self.dice.of((35, "one"), (45, "many"), (20 if nested else 0, "nested"))
        if kind == "one":
            return replace(self._shape(Case("one", asked)), id=self.spelled(self.id(asked)))
        if kind == "nested":
            relation = self.dice.choice(nested)
            target = self.estate.catalog.target(relation)
            owner = Owner(asked, relation, self.spelled(self.id(asked)))
            return replace(self._listing(self._shape(Case("nested", target))), owner=owner)
        return self._listing(self._shape(Case("many", asked)))

    def _shape(self, case: Case) -> Case:
        resource = case.resource
        fields = None
        if self.dice.chance(30):
            fields = tuple(self.dice.some([each.name for each in resource.shown_fields], 4, 1))
        include = tuple({self._path(resource) for _ in range(self.dice.choice((0, 0, 1, 2)))} - {()})
        return replace(case, fields=fields, include=include)

    def _path(self, resource: Resource, deepest: int = _DEEPEST) -> tuple[str, ...]:
        """Return a way from relation to relation."""
        if not resource.relations or deepest == 0:
            return ()
        relation: Relation = self.dice.choice(resource.relations)
        rest = self._path(self.estate.catalog.target(relation), deepest - 1) if self.dice.chance(50) else ()
        return (relation.name, *rest)

    def _listing(self, case: Case) -> Case:
        resource = case.resource
        sortable = [each.name for each in resource.all_fields.values() if each.sortable]
        terms = tuple(self.dice.choice(("", "-")) + name for name in self.dice.some(sortable, 2))
        found = replace(
            case,
            filter=tuple(self._condition(resource) for _ in range(self.dice.choice((0, 0, 1, 1, 2)))),
            sort=terms if self.dice.chance(60) else (),
            q=self.canary() if resource.searchable and self.dice.chance(15) else None,
            size=self.dice.choice((1, 2, 5, 50)),
            include_deleted=self.dice.chance(15),
        )
        if self.dice.chance(50):
            return replace(found, page=self.dice.choice((None, 1, 2)))
        cursor = self.cursor() if self.dice.chance(60) else None
        return replace(found, keyset=True, cursor=cursor, backward=self.dice.chance(30))

    def _condition(self, resource: Resource) -> Condition:
        if self.dice.chance(12):
            parts = tuple(self._comparison(resource) for _ in range(self.dice.randint(1, 2)))
            kind = self.dice.choice(("and", "or", "not"))
            return Junction(kind, parts[:1] if kind == "not" else parts)
        return self._comparison(resource)

    def _comparison(self, resource: Resource) -> Compare:
        path = self._path(resource, 2) if self.dice.chance(30) else ()
        target = resource
        for name in path:
            target = self.estate.catalog.target(target.relations_by_name[name])
        field: Field = self.dice.choice([each for each in target.all_fields.values() if each.filterable])
        operator = self.dice.choice(target.operators(field))
        where, values = (field.name,), [self._value(target, field) for _ in range(2)]
        if target.facts_of(field).kind is Kind.JSON:
            inside = [each for each in values if isinstance(each, dict) and each]
            key = self.dice.choice(sorted(inside[0])) if inside else "source"
            where = (field.name, key)
            values = [
                each[key] if isinstance(each, dict) and isinstance(each.get(key), str) else "x"
                for each in values
            ]
        value: Any = values if operator in _LISTS else values[0]
        return Compare((*path, *where), str(operator), True if operator is Operator.NULL else value)

    def _value(self, resource: Resource, field: Field) -> Any:
        """Return what a field holds in anybody's row, as a request would say it."""
        found = self.row(resource).get(field.name)
        kind = resource.facts_of(field).kind
        if found is None:
            found = self.plain(kind)
        return str(found) if kind is Kind.DECIMAL else found

    def plain(self, kind: Kind) -> Any:
        """Return any value of a kind."""
        match kind:
            case Kind.BOOLEAN:
                return self.dice.chance(50)
            case Kind.INTEGER | Kind.BIG_INTEGER | Kind.DECIMAL:
                return self.dice.randint(0, 9)
            case Kind.DATETIME:
                return f"2026-01-{self.dice.randint(1, 28):02d}T00:00:00Z"
            case Kind.UUID:
                return self.id(self.resource())
            case Kind.JSON:
                return {"source": self.canary()}
        return self.canary()

    def reading(self) -> Ask:
        """Return a read in any of the ways to ask it."""
        case = self.case()
        ways = ["graphql", "graphql", "literals", "by get"]
        if all(isinstance(each, Compare) for each in case.filter):
            ways += ["url", "url", "url"]
        if case.by_search:
            ways += ["search"]
        way = self.dice.choice(ways)
        label = f"read {case.label} {case.resource.plural} by {way}"
        return self.dressed(of_read(label, self._put(case, way), by_get=way == "by get"))

    def _put(self, case: Case, way: str) -> rest_side.Request | graphql_side.Request:
        if way == "url":
            return rest_side.by_url(case)
        if way == "search":
            return rest_side.by_search(case)
        write = graphql_side.with_literals if way == "literals" else graphql_side.with_variables
        return write(case, self.estate.catalog)

    def several(self) -> Ask:
        """Return several reads at once: as fields of one operation, or as a batch of operations."""
        cases = [self.case() for _ in range(self.dice.randint(2, 3))]
        if self.dice.chance(60):
            fields = (graphql_side.with_literals(each, self.estate.catalog).query[2:-2] for each in cases)
            query = " ".join(f"f{n}: {field}" for n, field in enumerate(fields))
            return self.dressed(graphql("several fields", f"{{ {query} }}", still=True))
        requests = (graphql_side.with_variables(each, self.estate.catalog) for each in cases)
        batch = [{"query": each.query, "variables": each.variables} for each in requests]
        return self.dressed(sent("batch", "POST", GRAPHQL, batch, still=True))

    def nodes(self) -> Ask:
        """Return `node` or `nodes`, of ids in every form."""
        resources = [self.resource() for _ in range(self.dice.randint(1, 4))]
        ids = [self._global(each) for each in resources]
        parts = " ".join(
            f"... on {pascal(each.name)} {{ {' '.join(self._selected(each))} }}"
            for each in dict.fromkeys(resources)
        )
        inner = f"__typename id {parts}" if self.dice.chance(80) else "__typename id"
        if self.dice.chance(50):
            return self.dressed(
                graphql(
                    "node", f"query($id: ID!) {{ node(id: $id) {{ {inner} }} }}", {"id": ids[0]}, still=True
                )
            )
        return self.dressed(
            graphql(
                "nodes", f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {inner} }} }}", {"ids": ids}, still=True
            )
        )

    def _selected(self, resource: Resource) -> list[str]:
        # A field of one name may be of two types, so each gets a name of its own.
        shown = self.dice.some([each.name for each in resource.shown_fields], 4, 1)
        own = resource.plural.replace("_", "x")
        found = [f"{own}{n}: {camel(name)}" for n, name in enumerate(shown)]
        for relation in self.dice.some(resource.relations, 1):
            inner = "{ id }" if relation.one else "(first: 3) { nodes { id } edges { cursor } }"
            found.append(f"{own}r: {camel(relation.name)} {inner}")
        return found

    def _global(self, resource: Resource) -> str:
        id_ = self.id(resource)
        if self.dice.chance(60):
            return self.spelled(id_)
        return base64.b64encode(f"{pascal(resource.name)}:{id_}".encode()).decode()

    # Who asks, and oddities

    def identity(self) -> Ask:
        """Return a question about the caller, or one that names a workspace in its address."""
        slug = self.estate.tenants[self.someone(30)].slug
        door = f"/ui/workspaces/{slug}/tokens"
        targets = [f"{BASE}/token", f"{BASE}/whoami", door]
        for path, alias in compat.PATHS.items():
            row = self.id(self.estate.catalog.by_path[alias.path])
            targets += [f"{BASE}/{path}", f"{BASE}/{path}/{row}", f"{door}/{row}"]
        if self.dice.chance(20):
            token = "token { id: rowId name tokenPrefix }"
            viewer = f"{{ viewer {{ workspace {{ id: rowId slug name }} {token} scopes }} }}"
            return self.dressed(graphql("viewer", viewer, still=True))
        return self.dressed(get("identity", self.dice.choice(targets)))

    def odd(self) -> Ask:
        """Return a request that is not quite right."""
        resource, text = self.resource(), self.canary()
        own = f"{BASE}/{resource.path}"
        cursor = self.cursor() or text
        value = quote(text)
        made = self.dice.choice(
            (
                lambda: get("unknown address", f"{BASE}/{value}/{self.id(resource)}"),
                lambda: get("no id", f"{own}/{value}"),
                lambda: get("unknown field", f"{own}?filter[{value}][eq]={value}"),
                lambda: get("unknown operator", f"{own}?filter[id][{value}]={self.id(resource)}"),
                lambda: get("unknown sort", f"{own}?sort={value}"),
                lambda: get("unknown include", f"{own}?include={value}"),
                lambda: get("unknown parameter", f"{own}?{value}={value}"),
                lambda: get("bent cursor", f"{own}?cursor={cursor[:-3]}"),
                lambda: get("other sort than the cursor's", f"{own}?cursor={quote(cursor)}&sort=id"),
                lambda: get("page of the cursor", f"{own}?cursor={quote(cursor)}&q={value}"),
                lambda: graphql(
                    "unknown name",
                    f"{{ {camel(resource.plural)}(first: 1) {{ nodes {{ {text} }} }} }}",
                    still=True,
                ),
                lambda: graphql(
                    "bent cursor",
                    f'{{ {camel(resource.plural)}(after: "{cursor[:-3]}") {{ nodes {{ id }} }} }}',
                    still=True,
                ),
                lambda: graphql(
                    "no such variable",
                    "query($x: ID!) { node(id: $x) { id } }",
                    {"x": {"y": text}},
                    still=True,
                ),
                lambda: Ask(
                    "another method", self.dice.choice(_EVERY_METHOD), f"{own}/{self.id(resource)}/{value}"
                ),
                lambda: Ask(
                    "no JSON",
                    "POST",
                    own,
                    (("content-type", "application/json"),),
                    f'{{"{text}": '.encode(),
                    True,
                ),
                lambda: sent("no object", "POST", own, [text]),
                lambda: sent("unknown member", "POST", own, {text: text}),
                lambda: sent(
                    "search", "POST", f"{own}/search", {"filter": {"id": {"eq": text}}, text: 1}, still=True
                ),
            )
        )
        return self.dressed(made())

    def dressed(self, ask: Ask) -> Ask:
        """Return a request with headers that it need not have."""
        dice, more = self.dice, list[tuple[str, str]]()
        if ask.target.startswith(GRAPHQL) and dice.chance(40):
            more.append(("x-diptych-execute", "executor"))
        if dice.chance(6):
            other = self.estate.tenants[self.someone(40)]
            more.append(("x-workspace-id", dice.choice((other.id, other.slug, other.id.upper()))))
        if dice.chance(25) and ask.method == "GET":
            more.append(("if-none-match", self.etag() if dice.chance(30) else self._etag_of(ask)))
        if dice.chance(5):
            more.append(("x-request-id", self.canary()))
        if dice.chance(5):
            more.append(("user-agent", self.canary()))
        return ask.with_headers(*more)

    def _etag_of(self, ask: Ask) -> str:
        """Return the entity tag of the very row that is asked for, whosever it is."""
        for letter in LETTERS:
            for rows in self.estate.loot[letter].rows.values():
                found = rows.get(ask.target.partition("?")[0].rpartition("/")[2])
                if found is not None and found.get("version"):
                    return tag(found["id"], found["version"])
        return "*"
