"""The servers under test: how each is started and how each work is worded for it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import psycopg
from sqlalchemy import URL

from tests.bench import creating, data, wire, works
from tests.bench.serials import NEXT
from tests.bench.wire import Request
from tests.bench.works import Case, Work, camel, selection

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PRODUCT = str(Path(sys.executable).with_name("diptych"))
UVICORN = [sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]

# All but `line_items`, which the peers' orders do not carry beside the included lines.
_ORDER_FIELDS = (
    "number,status,currency,subtotal_cents,tax_rate,tax_cents,total_cents,placed_at,customer_id,metadata,"
    "deleted_at"
)


class Target(ABC):
    """One server: a name, a command, and a wording for each work it knows."""

    name: ClassVar[str]
    folder: Path = ROOT
    surfaces: ClassVar[frozenset[bool]] = frozenset({False, True})
    """Whether it answers REST (False) and GraphQL (True)."""

    def knows(self, work: Work) -> bool:
        """Return whether this target can answer `work`."""
        return works.is_graphql(work) in self.surfaces

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Return the command that serves on `port`."""

    @abstractmethod
    def environment(self, port: int) -> dict[str, str]:
        """Return the environment variables the command needs."""

    @abstractmethod
    def request(self, work: Work, case: Case) -> Request:
        """Return `case` of `work` in this target's wording."""

    def page(self, workspace: int, cursor: str, per_page: int) -> Request:
        """Return the request for one page of a workspace's newest products after `cursor`."""
        raise NotImplementedError


def deep_cursors(target: Target, port: int, size: data.Size) -> dict[tuple[int, int], str]:
    """Walk every workspace by pages and return the cursor at each (workspace, depth in rows)."""
    step = works.depth_step(size)
    found = {}
    for workspace in range(data.WORKSPACES):
        cursor = ""
        for depth in range(step, step * (works.DEPTHS + 2), step):
            status, body = wire.ask(port, target.page(workspace, cursor, step))
            if status != 200:
                raise RuntimeError(f"{target.name} answered {status} to a page: {body[:300]!r}")
            cursor = json.loads(body)["pagination"]["next_cursor"]
            found[workspace, depth] = cursor
    return found


@cache
def _workspace(workspace: int) -> str:
    return str(data.key("workspace", workspace + 1))


class Diptych(Target):
    """The product as it is shipped, with its real tokens."""

    name = "diptych"

    def __init__(self, database: URL, folder: Path, tokens: list[str]) -> None:
        self.database = database
        self.folder = folder
        self.tokens = tokens
        self.cursors: dict[tuple[int, int], str] = {}

    def command(self, port: int) -> list[str]:
        place = ["--host", "127.0.0.1", "--port", str(port)]
        return [PRODUCT, "serve", *place, "--workers", "1", "--no-demo"]

    def environment(self, port: int) -> dict[str, str]:
        return product_environment(self.database, self.folder)

    def request(self, work: Work, case: Case) -> Request:
        headers = {"Authorization": f"Bearer {self.tokens[case.workspace]}"}
        if works.is_graphql(work):
            return wire.graphql(DIPTYCH_DOCUMENTS[work], self._variables(work, case), headers)
        path = "/api/v1" + self._path(work, case)
        if works.writes(work):
            return wire.post(path, self._body(work, case), {"Idempotency-Key": KEY, **headers})
        return wire.get(path, headers)

    def example(self, work: Work, size: data.Size) -> str:
        """Return the first request of `work`, for people to read."""
        case = works.cases(works.SUBJECTS[work], size)[0]
        if works.is_graphql(work):
            return f"{DIPTYCH_DOCUMENTS[work]}\n{json.dumps(self._variables(work, case))}"
        path = "/api/v1" + unquote(self._path(work, case))
        if works.writes(work):
            return f"POST {path}\nIdempotency-Key: {KEY}\n\n{creating.example(case.value)}"
        return f"GET {path}"

    def page(self, workspace: int, cursor: str, per_page: int) -> Request:
        path = f"/api/v1/products?cursor={quote(cursor)}&per_page={per_page}"
        return wire.get(path, {"Authorization": f"Bearer {self.tokens[workspace]}"})

    def _path(self, work: Work, case: Case) -> str:
        match work:
            case Work.W1:
                return f"/products/{case.value}"
            case Work.W2:
                return (
                    f"/products?filter[status]=active&filter[price_cents][gte]={case.value}"
                    f"&sort=-price_cents&per_page={works.PAGE}"
                )
            case Work.W2C:
                cursor = self.cursors.get((case.workspace, case.value), "<next_cursor>")
                return f"/products?cursor={quote(cursor)}&per_page={works.PAGE}"
            case Work.W5:
                return "/products"
            case Work.W6:
                return "/products/bulk"
            case _:
                return (
                    f"/orders?fields={_ORDER_FIELDS}&include=items.product,customer"
                    f"&filter[inserted_at][lt]={case.value}&per_page={works.PAGE}&with_count=false"
                )

    def _body(self, work: Work, case: Case) -> Any:
        return {"items": case.value} if work is Work.W6 else case.value

    def _variables(self, work: Work, case: Case) -> dict[str, Any]:
        if work is Work.G5:
            product = {**_product_input(case.value), "status": case.value["status"].upper()}
            return {"input": product, "key": KEY}
        return _variables(work, case)


KEY = f"bench-{NEXT}"
"""An idempotency key that is never sent twice."""


def _product_input(row: creating.Row) -> dict[str, Any]:
    """Return a product to create in GraphQL spelling, 64-bit integers as text."""
    spelled = {camel(name): value for name, value in row.items()}
    return {**spelled, "priceCents": str(row["price_cents"])}


def _variables(work: Work, case: Case) -> dict[str, Any]:
    match work:
        case Work.G5:
            return {"input": _product_input(case.value)}
        case Work.G1:
            return {"id": case.value}
        case Work.G2:
            return {"least": str(case.value)}
        case _:
            return {"before": case.value}


ITEMS = f"{selection(works.ORDER_ITEM)} product {{ {selection(works.PRODUCT)} }}"
DIPTYCH_DOCUMENTS = {
    Work.G1: f"query ($id: ID!) {{ product(id: $id) {{ {selection(works.PRODUCT)} }} }}",
    Work.G2: f"""query ($least: BigInt!) {{
  products(first: {works.PAGE}, filter: {{status: {{eq: ACTIVE}}, priceCents: {{gte: $least}}}},
    sort: [PRICE_CENTS_DESC]) {{
    nodes {{ {selection(works.PRODUCT)} }} totalCount
  }}
}}""",
    Work.G3: f"""query ($before: DateTime!) {{
  orders(first: {works.PAGE}, filter: {{insertedAt: {{lt: $before}}}}) {{
    nodes {{ {selection(works.ORDER)}
      customer {{ {selection(works.CUSTOMER)} }}
      items {{ nodes {{ {ITEMS} }} }}
    }}
  }}
}}""",
    Work.G5: f"""mutation ($input: ProductCreateInput!, $key: String) {{
  createProduct(input: $input, idempotencyKey: $key) {{
    product {{ {selection(works.PRODUCT)} }} problem {{ code detail errors }} replayed
  }}
}}""",
}


SCOPES = "all:read,products:write"


def make_tokens(database: URL, folder: Path) -> list[str]:
    """Return one token per workspace, made through the product's own command and kept in `folder`.

    Their rate limits are raised out of the way: the limiter still works on every request.
    """
    kept = folder / "tokens.json"
    if kept.exists():
        return json.loads(kept.read_text())
    print(f"Making {data.WORKSPACES} tokens", flush=True)
    tokens = [_make_token(database, folder, f"bench-{n + 1}") for n in range(data.WORKSPACES)]
    with psycopg.connect(plain_url(database)) as connection:
        connection.execute("update tokens set rate_limit_per_minute = 1000000000, burst = 1000000000")
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(tokens))
    return tokens


def _make_token(database: URL, folder: Path, slug: str) -> str:
    command = [PRODUCT, "token", "create", "--workspace", slug, "--name", "bench", "--scopes", SCOPES]
    environment = {**inherited(), **product_environment(database, folder)}
    made = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise RuntimeError(f"No token could be made for {slug}: {made.stderr[-1000:]}")
    return made.stdout.strip()


class Baseline(Target):
    """FastAPI, the SQLAlchemy ORM, Pydantic and Strawberry, written by hand as their guides say."""

    name = "baseline"

    def __init__(self, database: URL) -> None:
        self.database = database
        self.cursors: dict[tuple[int, int], str] = {}

    def knows(self, work: Work) -> bool:
        return work is not Work.W6

    def command(self, port: int) -> list[str]:
        return [*UVICORN, "--host", "127.0.0.1", "--port", str(port), "tests.bench.baseline.app:app"]

    def environment(self, port: int) -> dict[str, str]:
        return {"BASELINE_DATABASE_URL": self.database.render_as_string(hide_password=False)}

    def request(self, work: Work, case: Case) -> Request:
        headers = {"X-Workspace-Id": _workspace(case.workspace)}
        if works.is_graphql(work):
            return wire.graphql(BASELINE_DOCUMENTS[work], _variables(work, case), headers)
        if works.writes(work):
            return wire.post("/products", case.value, headers)
        return wire.get(self._path(work, case), headers)

    def page(self, workspace: int, cursor: str, per_page: int) -> Request:
        path = f"/newest-products?cursor={quote(cursor)}&per_page={per_page}"
        return wire.get(path, {"X-Workspace-Id": _workspace(workspace)})

    def _path(self, work: Work, case: Case) -> str:
        match work:
            case Work.W1:
                return f"/products/{case.value}"
            case Work.W2:
                return f"/products?status=active&price_from={case.value}&per_page={works.PAGE}"
            case Work.W2C:
                cursor = self.cursors[case.workspace, case.value]
                return f"/newest-products?cursor={quote(cursor)}&per_page={works.PAGE}"
            case _:
                return f"/orders?before={case.value}&per_page={works.PAGE}"


BASELINE_DOCUMENTS = {
    Work.G1: f"query ($id: UUID!) {{ product(id: $id) {{ {selection(works.PRODUCT)} }} }}",
    Work.G2: f"""query ($least: BigInt!) {{
  products(first: {works.PAGE}, status: "active", priceFrom: $least) {{
    nodes {{ {selection(works.PRODUCT)} }} totalCount
  }}
}}""",
    Work.G3: f"""query ($before: DateTime!) {{
  orders(first: {works.PAGE}, before: $before) {{
    {selection(works.ORDER)}
    customer {{ {selection(works.CUSTOMER)} }}
    items {{ {ITEMS} }}
  }}
}}""",
    Work.G5: f"""mutation ($input: NewProduct!) {{
  createProduct(input: $input) {{ {selection(works.PRODUCT)} }}
}}""",
}


class PostGraphile(Target):
    """PostGraphile 5 with its recommended preset, simplified names and the connection filter."""

    name = "postgraphile"
    surfaces = frozenset({True})

    def __init__(self, database: URL, folder: Path) -> None:
        self.database = database
        self.folder = folder

    def install(self) -> None:
        """Install the pinned packages with npm, unless they are there already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = (HERE / "postgraphile" / "package.json").read_text()
        shutil.copy(HERE / "postgraphile" / "server.mjs", self.folder)
        mark = self.folder / "installed.json"
        if mark.exists() and mark.read_text() == wanted:
            return
        (self.folder / "package.json").write_text(wanted)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
            cwd=self.folder,
            check=True,
        )
        mark.write_text(wanted)

    def node(self) -> Path:
        """Return the Node.js among the pinned packages: PostGraphile 5 fails on releases before 22."""
        return self.folder / "node_modules" / ".bin" / "node"

    def command(self, port: int) -> list[str]:
        return [str(self.node()), "server.mjs"]

    def environment(self, port: int) -> dict[str, str]:
        return {
            "DATABASE_URL": plain_url(self.database),
            "PORT": str(port),
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
        }

    def request(self, work: Work, case: Case) -> Request:
        variables = _variables(work, case)
        if work is Work.G5:
            variables["input"]["workspaceId"] = _workspace(case.workspace)
        else:
            variables["workspace"] = _workspace(case.workspace)
        return wire.graphql(POSTGRAPHILE_DOCUMENTS[work], variables, {})


def _keyed(fields: tuple[str, ...]) -> str:
    return "id: rowId " + selection(fields[1:])


_PG_ITEMS = f"""nodes {{ {_keyed(works.ORDER_ITEM)}
          product: workspaceProduct {{ {_keyed(works.PRODUCT)} }} }}"""
POSTGRAPHILE_DOCUMENTS = {
    Work.G1: f"""query ($workspace: UUID!, $id: UUID!) {{
  product(workspaceId: $workspace, rowId: $id) {{ {_keyed(works.PRODUCT)} }}
}}""",
    Work.G2: f"""query ($workspace: UUID!, $least: BigInt!) {{
  products(first: {works.PAGE}, orderBy: [PRICE_CENTS_DESC], filter: {{workspaceId: {{equalTo: $workspace}},
    deletedAt: {{isNull: true}}, status: {{equalTo: "active"}},
    priceCents: {{greaterThanOrEqualTo: $least}}}}) {{
    nodes {{ {_keyed(works.PRODUCT)} }} totalCount
  }}
}}""",
    Work.G3: f"""query ($workspace: UUID!, $before: Datetime!) {{
  orders(first: {works.PAGE}, orderBy: [INSERTED_AT_DESC], filter: {{workspaceId: {{equalTo: $workspace}},
    deletedAt: {{isNull: true}}, insertedAt: {{lessThan: $before}}}}) {{
    nodes {{ {_keyed(works.ORDER)}
      customer: workspaceCustomer {{ {_keyed(works.CUSTOMER)} }}
      items: orderItemsByWorkspaceIdAndOrderId {{
        {_PG_ITEMS}
      }}
    }}
  }}
}}""",
    Work.G5: f"""mutation ($input: ProductInput!) {{
  createProduct(input: {{product: $input}}) {{ product {{ {_keyed(works.PRODUCT)} }} }}
}}""",
}


def plain_url(database: URL) -> str:
    """Return `database` as a URL that names no SQLAlchemy driver."""
    return database.set(drivername="postgresql").render_as_string(hide_password=False)


def product_environment(database: URL, folder: Path) -> dict[str, str]:
    """Return the environment in which the product's commands work on `database`, secrets in `folder`."""
    kept = folder / "secret-key"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_hex(32))
    return {
        "DIPTYCH_SECRET_KEY": kept.read_text(),
        "DIPTYCH_DATABASE_URL": plain_url(database),
        "DIPTYCH_DATA_DIR": str(folder),
        "DIPTYCH_ENV": "prod",
        "DIPTYCH_LIMITS": "off",
        "DIPTYCH_REQUIRE_HTTPS": "false",
    }


def inherited() -> dict[str, str]:
    """Return this process's environment without settings that would change a server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIPTYCH_")}
