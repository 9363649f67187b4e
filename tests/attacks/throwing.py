"""Random requests of every kind that the catalogue and the schema know, the same for the same seed."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)

from services.engine.resource import Resource
from tests.attacks.mutations import SCHEMA
from tests.support.client import Answer, Client

NOBODY = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
TEXTS = [
    "",
    " ",
    "x" * 300,
    "x" * 5_000,
    "' OR 1=1 --",
    '"; DROP TABLE tokens; --',
    "%",
    "\\",
    "\u0000",
    "\ud83d",
    "\U0001f4a5",
    "\u202egnp.exe",
    "e\u0301",
    "null",
    "true",
    "-1",
    "1e400",
    "9" * 40,
    "0x1F",
    "NaN",
    "2026-02-30T25:61:61Z",
    "2026-01-01",
    "infinity",
    "epoch",
    "00000000-0000-0000-0000-000000000000",
    "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20",
    "{7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20}",
    "../../etc/passwd",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http://169.254.169.254/latest",
    "a@b",
    "a@b.example",
    "<script>alert(1)</script>",
    "${7*7}",
    "{{7*7}}",
    "%s%n%x",
    "a\r\nX-Injected: 1",
    "EUR",
    "draft",
    "all:write",
    "product-1",
]
VALUES: list[Any] = [
    *TEXTS,
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    2**31,
    2**53,
    2**63,
    -(2**63) - 1,
    1e308,
    [],
    {},
    [None],
    [[[]]],
    {"a": {"b": {}}},
    {"": ""},
    {"$ne": None},
    ["x"] * 200,
    [{"id": None}] * 3,
]
PAGING = ["page", "per_page", "offset", "limit", "cursor", "direction", "count"]
KINDS = ["application/json"] * 8 + ["application/merge-patch+json", "text/plain"]
HEADERS = [
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "X-Workspace-ID",
    "Accept",
    "X-Request-Id",
    "Traceparent",
    "Origin",
]
OPERATORS = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "nin", "like", "null", "regex", ""]


class Dice:
    """Random choices from one seed, so that a failure can be repeated."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def pick(self, choices: Any) -> Any:
        """Return one of some choices."""
        return self._random.choice(list(choices))

    def chance(self, share: float) -> bool:
        """Tell whether something rare is to happen."""
        return self._random.random() < share

    def some(self, choices: Any, most: int) -> list[Any]:
        """Return a few of some choices."""
        found = list(choices)
        return self._random.sample(found, min(len(found), self._random.randint(0, most)))


def names_of(resource: Resource) -> list[str]:
    """Return every name that means something for a resource, and some that mean nothing."""
    relations = [relation.name for relation in resource.relations]
    paths = [f"{relation}.{name}" for relation in relations for name in ("id", "name", "nope")]
    return [
        *resource.all_fields,
        *relations,
        *paths,
        *resource.aliases,
        "nope",
        "links",
        "metadata.a.b",
        "deleted",
    ]


def queries(resource: Resource, dice: Dice) -> str:
    """Return a random query string."""
    parts = []
    for _ in range(3):
        name, text = dice.pick(names_of(resource)), dice.pick(TEXTS)
        parts += [
            dice.pick(
                (
                    f"filter[{name}][{dice.pick(OPERATORS)}]={text}",
                    f"filter[{name}]={text}",
                    f"filter[{text}]={text}",
                    f"sort={dice.pick(('', '-', '+'))}{name}",
                    f"sort={text}",
                    f"fields={name},{text}",
                    f"fields[{name}]={name}",
                    f"include={name}",
                    f"q={text}",
                    f"{dice.pick(PAGING)}={text}",
                    f"include_deleted={text}",
                    f"{text}={text}",
                    f"{name}={text}",
                    f"dry_run={text}",
                    f"atomic={text}",
                )
            )
        ]
    return "&".join(dice.some(parts, 3)).replace("#", "%23")


def body(resource: Resource, dice: Dice) -> Any:
    """Return a random body."""
    fields = [*names_of(resource), "line_items", "items", "ids", "filter", "sort", "id", "workspace_id"]
    made = {str(name): dice.pick(VALUES) for name in dice.some(fields, 6)}
    if dice.chance(0.2):
        return {"items": [made] * dice.pick((1, 3))}
    if dice.chance(0.1):
        return {"ids": [dice.pick(VALUES)]}
    if dice.chance(0.2):
        condition = {dice.pick(fields): dice.pick([*VALUES, {dice.pick(OPERATORS): dice.pick(VALUES)}])}
        return {
            "filter": dice.pick((condition, {"or": [condition]}, {"not": condition})),
            "sort": dice.pick(VALUES),
        }
    return made


def addresses(resource: Resource, dice: Dice) -> str:
    """Return a random address of a resource."""
    path = f"/api/v1/{resource.path}"
    id_ = dice.pick(
        (
            "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20",
            "nope",
            *[each for each in TEXTS if "/" not in each and each],
        )
    )
    verbs = [action.name for action in resource.actions] or ["restore"]
    return str(
        dice.pick(
            (
                path,
                f"{path}/search",
                f"{path}/bulk",
                f"{path}/{id_}",
                f"{path}/{id_}/{dice.pick(verbs)}",
                f"{path}/{id_}/{dice.pick([relation.name for relation in resource.relations] or ['x'])}",
                f"{path}/export",
                f"/{dice.pick(('products', 'account', 'x'))}/api/v1/{resource.path}",
            )
        )
    )


async def throw(client: Client, resource: Resource, dice: Dice) -> tuple[Answer, str]:
    """Send one random request over REST."""
    method = dice.pick(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
    query = queries(resource, dice)
    target = addresses(resource, dice) + (f"?{query}" if query else "")
    headers: list[tuple[str, str | bytes]] = [
        (name, dice.pick(TEXTS).encode("utf-8", "replace")[:200].replace(b"\r\n", b" "))
        for name in dice.some(HEADERS, 2)
    ]
    sent = b""
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        sent = json.dumps(body(resource, dice)).encode()
        headers.append(
            (
                "content-type",
                dice.pick(KINDS),
            )
        )
    told = target.encode("utf-8", "replace").decode()
    answer = await client.request(method, told, headers=headers, body=sent)
    return answer, f"{method} {target} {headers} {sent[:600]!r}"


# GraphQL


def literal(value: Any) -> str:
    """Return a value as GraphQL writes it."""
    if isinstance(value, dict):
        given = {name: each for name, each in value.items() if re.fullmatch(r"[_A-Za-z]\w*", name)}
        return "{" + ", ".join(f"{name}: {literal(each)}" for name, each in given.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


def valued(type_: Any, dice: Dice, depth: int = 0) -> Any:
    """Return a value that has the form of a type, and sometimes none of it."""
    if dice.chance(0.12):
        return dice.pick(VALUES)
    if isinstance(type_, GraphQLNonNull):
        return valued(type_.of_type, dice, depth)
    if isinstance(type_, GraphQLList):
        return [valued(type_.of_type, dice, depth + 1) for _ in range(dice.pick((0, 1, 2)))]
    if isinstance(type_, GraphQLInputObjectType):
        names = dice.some(type_.fields, 4) if depth < 4 else []
        needed = [name for name, each in type_.fields.items() if isinstance(each.type, GraphQLNonNull)]
        return {name: valued(type_.fields[name].type, dice, depth + 1) for name in {*names, *needed}}
    if isinstance(type_, GraphQLEnumType):
        return dice.pick([*type_.values, "NOPE"])
    match type_.name:
        case "Boolean":
            return dice.pick((True, False))
        case "Int":
            return dice.pick((0, 1, -1, 2**31 - 1, 100))
    return dice.pick(VALUES if type_.name in ("JSON", "BigInt", "Decimal") else TEXTS)


def selection(field: GraphQLField, dice: Dice, depth: int = 0) -> str:
    """Return a random selection of what a field leads to."""
    type_ = get_named_type(field.type)
    if is_leaf_type(type_):
        return ""
    inner = getattr(type_, "fields", {})
    leaves = [name for name, each in inner.items() if is_leaf_type(get_named_type(each.type))]
    deeper = [name for name in inner if name not in leaves and not inner[name].args and depth < 3]
    chosen = [*dice.some(leaves, 3), "__typename"]
    chosen += [f"{name} {selection(inner[name], dice, depth + 1)}" for name in dice.some(deeper, 2)]
    return "{ " + " ".join(chosen) + " }"


def document(kind: str, name: str, field: GraphQLField, dice: Dice) -> tuple[str, dict[str, Any]]:
    """Return a random call of a root field, its arguments as variables or literals, and the variables."""
    needed = [each for each, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)]
    chosen = {*needed, *dice.some(field.args, 4)}
    values = {each: valued(field.args[each].type, dice) for each in chosen}
    if dice.chance(0.5):
        head = ", ".join(f"${each}: {field.args[each].type}" for each in values)
        given = ", ".join(f"{each}: ${each}" for each in values)
        head = f"({head})" if head else ""
    else:
        head, given = "", ", ".join(f"{each}: {literal(value)}" for each, value in values.items())
    called = f"({given})" if given else ""
    return f"{kind} Fuzz{head} {{ {name}{called} {selection(field, dice)} }}", values if head else {}


def roots() -> Iterator[tuple[str, str]]:
    """Yield every root field with the kind of its operation."""
    for kind, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)):
        assert isinstance(root, GraphQLObjectType)
        yield from ((kind, name) for name in root.fields)
