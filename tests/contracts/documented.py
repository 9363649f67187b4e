"""The parts of the documentation that are derived from the code: `python -m tests.contracts.documented`."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticUndefined

from diptych.settings import Settings
from schema.names import camel
from services.catalog import CATALOG
from services.engine.procedures import PublicProcedure, scope_of
from services.engine.resource import ActionKind, Resource
from services.engine.validate import ERROR_CODES
from tests.attacks import numbers as attacks
from tests.contracts.code import ROOT

README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guides" / "adding-a-resource.md"
WRITING = ROOT / "docs" / "guides" / "writing.md"

COMMON = tuple(kind for kind in ActionKind if kind is not ActionKind.ITEM)

_OF_BRANDS = ("db/migrations/versions/0005_brands.py", "db/models/brands.py", "services/brands.py")
_NAMING_BRANDS = (
    "db/migrations/versions/0008_walls.py",
    "db/models/__init__.py",
    "db/models/products.py",
    "services/catalog.py",
    "services/products.py",
)


def setting_rows() -> Iterator[str]:
    """Yield the row of every setting."""
    for name, field in Settings.model_fields.items():
        yield f"| `DIPTYCH_{name.upper()}` | {_default(field.default)} | {field.description} |"


def _default(value: Any) -> str:
    assert value is not PydanticUndefined
    return "" if value in (None, "", []) else f"`{value}`"


def resource_rows() -> Iterator[str]:
    """Yield the row of every resource."""
    for resource in CATALOG:
        nested = "".join(f", `/{{id}}/{name}`" for name in _nested(resource))
        includes = ", ".join(f"`{relation.name}`" for relation in resource.relations)
        yield (
            f"| {resource.plural} | `/{resource.path}`{nested} | `{camel(resource.name)}`, "
            f"`{camel(resource.plural)}` | {includes} | {_scopes(resource)} | {_actions(resource)} |"
        )


def _scopes(resource: Resource) -> str:
    words = ("read", "write", "delete") if resource.actions else ("read",)
    return f"`{resource.scope}:" + "`, `:".join(words) + "`"


def _actions(resource: Resource) -> str:
    names = [action.name for action in resource.actions]
    if not names:
        return "only read"
    common = set(COMMON) <= set(names) and resource.bulk
    shown = [f"`{name}`" for name in names if not (common and name in COMMON)]
    alone = [] if resource.bulk else ["one by one"]
    return ", ".join([*(["common"] if common else []), *shown, *alone])


def _nested(resource: Resource) -> Iterator[str]:
    for relation in resource.relations:
        if relation.many and relation.nested:
            yield relation.name.replace("_", "-")


def procedure_rows() -> Iterator[str]:
    """Yield the row of every procedure."""
    for each in CATALOG.procedures:
        paths = ", ".join(f"`{each.method} /{path}`" for path in (each.path, *each.aliases))
        scope = scope_of(each)
        needs = "no token" if isinstance(each, PublicProcedure) else f"`{scope}`" if scope else "a live token"
        yield f"| {paths} | `{camel(each.name)}` | {needs} | {each.doc} |"


def code_rows() -> Iterator[str]:
    """Yield the row of every code of a field error."""
    for code, meaning in ERROR_CODES.items():
        yield f"| `{code}` | {meaning} |"


def difference() -> str:
    """Return the difference between the code without brands and with them, as git writes it."""
    return "".join(_changed(name) for name in sorted((*_OF_BRANDS, *_NAMING_BRANDS)))


def _changed(name: str) -> str:
    with_brands = (ROOT / name).read_text().splitlines(keepends=True)
    head = f"diff --git a/{name} b/{name}\n"
    if name in _OF_BRANDS:
        lines = difflib.unified_diff([], with_brands, "/dev/null", f"b/{name}")
        return f"{head}new file mode 100644\n{''.join(lines)}"
    without = [line.replace("BRAND, ", "") for line in with_brands]
    without = [line for line in without if "brand" not in line.lower()]
    return head + "".join(difflib.unified_diff(without, with_brands, f"a/{name}", f"b/{name}", n=2))


def counted(text: str) -> str:
    """Return the sentence about the size of a difference."""
    added = len(re.findall(r"^\+(?!\+\+ )", text, re.M))
    removed = len(re.findall(r"^-(?!-- )", text, re.M))
    return f"{added} lines added and {removed} removed"


def _write() -> None:
    attacks.PAGE.write_text(attacks.page())
    text = README.read_text()
    for head, rows in (
        ("Resource", resource_rows()),
        ("Procedure", procedure_rows()),
        ("Setting", setting_rows()),
    ):
        table = "".join(f"{row}\n" for row in rows)
        text = re.sub(rf"(\| {head} \|.*\n\|-.*\n)(?:\|.*\n)*", lambda found, t=table: found[1] + t, text)
    README.write_text(text)
    rows = "".join(f"{row}\n" for row in code_rows())
    text = re.sub(r"(\| Code \|.*\n\|-.*\n)(?:\|.*\n)*", lambda found: found[1] + rows, WRITING.read_text())
    WRITING.write_text(text)
    made = difference()
    text = re.sub(r"\d+ lines added and \d+ removed", counted(made), GUIDE.read_text())
    GUIDE.write_text(re.sub(r"```diff\n.*?```", lambda _: f"```diff\n{made}```", text, flags=re.S))


if __name__ == "__main__":
    _write()
