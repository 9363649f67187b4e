"""The judges of GraphQL that npm brings, and the document that they judge."""

import json
from functools import cache
from pathlib import Path

from graphql import build_schema

from tests.judges.stage import DOCS

HERE = Path(__file__).parent
SCHEMA = DOCS / "schema.graphql"
_TOOLS = HERE / "node_modules"


def node_tool(name: str) -> Path:
    """Return a program that package.json installs."""
    return _TOOLS / ".bin" / name


@cache
def node_version(package: str) -> str:
    """Return the version of an installed npm package."""
    return str(json.loads((_TOOLS / package / "package.json").read_text())["version"])


def amount() -> str:
    """Return how much the schema holds."""
    types = build_schema(SCHEMA.read_text()).type_map
    return f"{sum(not name.startswith('__') for name in types)} types"
