"""The bounds on a GraphQL document, what breaking one says, and what a judged document is known to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may hold; counts are taken after fragments are spread."""

    characters: int = 15_000
    tokens: int = 1_000
    operations: int = 10
    depth: int = 10
    nesting: int = 25
    fields: int = 2_000
    aliases: int = 15
    directives: int = 50
    equal_names: int = 25
    value_nesting: int = 32
    object_fields: int = 100
    number_digits: int = 64


DEFAULT_LIMITS = Limits()

WRITING_LIMITS = replace(DEFAULT_LIMITS, object_fields=100_000)
"""The bounds on what is to be stored, whose maps may be as wide as they may be over REST."""

SENTENCES: Mapping[str, str] = {
    "characters": "The document is {actual} characters long; {allowed} are allowed.",
    "tokens": "The document has more than {allowed} tokens.",
    "operations": "The document holds {actual} operations; {allowed} are allowed.",
    "depth": "The operation selects {actual} fields deep (edges, node, nodes and pageInfo do not count); "
    "{allowed} are allowed.",
    "nesting": "The document is nested {actual} levels deep, fragments included; {allowed} are allowed.",
    "fields": "The operation selects {actual} fields once its fragments are spread; {allowed} are allowed.",
    "aliases": "The operation uses {actual} aliases once its fragments are spread; {allowed} are allowed.",
    "directives": "The operation uses {actual} directives once its fragments are spread; "
    "{allowed} are allowed.",
    "equal_names": "'{name}' is selected {actual} times at the same place; {allowed} times are allowed.",
    "value_nesting": "A value is nested {actual} levels deep; {allowed} are allowed.",
    "object_fields": "An input object has {actual} fields; {allowed} are allowed.",
    "number_digits": "A number is {actual} characters long; {allowed} are allowed.",
    "fragment_cycles": "The fragment '{name}' spreads itself.",
    "equal_fragments": "The fragment '{name}' is defined {actual} times; each name may be defined once.",
    "equal_object_fields": "An input object names '{name}' {actual} times; each field may be given once.",
    "schema_definitions": "The document defines types; only operations and fragments can be executed.",
}
"""What each limit says when it is passed; the keys are every `GuardViolation.limit`."""


class GuardViolation(Exception):
    """A document passed a limit.

    `actual` is what was counted when judging stopped, so at least `allowed + 1` and often exactly that.
    """

    def __init__(self, limit: str, allowed: int, actual: int, name: str = "") -> None:
        self.limit = limit
        self.allowed = allowed
        self.actual = actual
        # Names are the caller's text, so a sentence quotes only the beginning of a long one.
        self.message = SENTENCES[limit].format(allowed=allowed, actual=actual, name=name[:64])
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """What one operation asks for, its fragments spread."""

    kind: str
    name: str | None
    root_fields: int
    root_names: frozenset[str]
    depth: int
    nesting: int
    fields: int
    aliases: int
    directives: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pass learned: its operations, the fragments' names and the steps that judging took."""

    operations: tuple[OperationFacts, ...]
    fragment_names: frozenset[str]
    steps: int
