"""Features that do not exist yet, and how it would show that one does."""

import re
from collections.abc import Iterator
from functools import cache

from diptych.cli import main
from diptych.settings import Settings
from schema.build import build
from services.catalog import CATALOG
from tests.contracts.code import PRODUCT, modules

_SIGNS = {
    "webhooks": {"webhook"},
    "oauth": {"oauth", "authorize", "pkce"},
    "egress": {"webhook", "egress", "callback"},
    "files": {"file", "upload", "presign", "attachment"},
}
"""Words, one of which is in the name of something that is served once the feature is there."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_REASONS = {
    "webhooks": "there are no webhooks",
    "oauth": "there is no OAuth server",
    "egress": "the server calls no address that a client names",
    "files": "files are neither uploaded nor served",
}


def absent(feature: str) -> str:
    """Return why what needs a feature cannot be tried."""
    return _REASONS[feature]


@cache
def served() -> tuple[str, ...]:
    """Return the names of everything that clients and operators can reach, and of the modules behind it."""
    return tuple(_served())


def _served() -> Iterator[str]:
    for resource in CATALOG:
        yield resource.name
        yield from (action.name for action in resource.actions)
    for procedure in CATALOG.procedures:
        yield procedure.name
        yield procedure.path
    schema = build(CATALOG).graphql
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        yield from root.fields if root is not None else ()
    yield from main.commands
    yield from Settings.model_fields
    yield from (str(module) for module in modules(*PRODUCT))


def signs(feature: str) -> list[str]:
    """Return the names that show that a feature is there."""
    # The file of rejections of an import is written beside it, by a command of the operator.
    known = {"services/importing/error_file.py"}
    return sorted({name for name in served() if _words(name) & _SIGNS[feature]} - known)


def _words(name: str) -> set[str]:
    return {word.lower().removesuffix("s") for word in _WORD.findall(name)}
