"""Generated clients: where each is made, by which commands, and the steps of the story it tells."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parent

Command = tuple[str, ...]
"""Words, run without a shell in the folder where the client is made."""


class Step(StrEnum):
    """What every story does, in this order; it prints `passed <step>` after each."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    ORDER = "order"
    CONFIRM = "confirm"
    FILTER = "filter"
    PAGES = "pages"
    INVALID = "invalid"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Sdk:
    """A generator with the story that its client tells.

    `source` is a committed folder with `requirements.txt` or `package.json` or both (exact pins), the
    generator's configuration and the story. It is copied to a workshop, where every command runs with
    `.venv/bin` and `node_modules/.bin` first in PATH. There lie `openapi.json` and `schema.graphql`, fetched
    from the server, and the environment names the server as URL and a token that may do everything as TOKEN.

    `generated` is where the generator writes, below the workshop; it is emptied before, and its lines are
    counted after. `tool` is the package whose version is told. `lacks` names what this generator leaves
    untyped that OpenAPI has a type for; None where the client is not of OpenAPI.
    """

    name: str
    tool: str
    source: Path
    generate: tuple[Command, ...]
    check: tuple[Command, ...]
    run: tuple[Command, ...]
    generated: str = "generated"
    lacks: frozenset[str] | None = None
