"""The list of attacks: what each is, what has to come of it, and why some cannot be tried yet.

`python -m tests.attacks.numbers` writes docs/attacks.md from it and from the tests that name the numbers.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.attacks.features import absent
from tests.contracts.code import ROOT, modules

PAGE = ROOT / "docs" / "attacks.md"

_NAMED = re.compile(r"[Aa]ttacks? (\d+(?:(?:, | and | to )\d+)*)")


@dataclass(frozen=True, slots=True)
class Attack:
    """One number of the list; `missing` names the feature without which it cannot be tried."""

    number: int
    title: str
    result: str
    missing: str = ""


ATTACKS = (
    Attack(1, "`node`, `nodes` and fields with an id of another workspace", "as absent: `not-found`"),
    Attack(2, "an edge or `include` without the scope of what it leads to", "403 `insufficient-scope`"),
    Attack(3, "a payload that selects what may not be read", "refused before the write"),
    Attack(4, "a mutation by GET or HEAD, or by a token that only reads", "405; 403, nothing written"),
    Attack(5, "filters on fields that are never shown", "400, as for a field that does not exist"),
    Attack(6, "filters by paths, aliases and quoted names of such fields", "400"),
    Attack(7, "sorting by them; forged, cut, foreign and borrowed cursors", "400"),
    Attack(8, "`q` that matches what may not be read", "no rows"),
    Attack(
        9,
        "least and greatest values, groups and counts of concealed data",
        "no such field; scoped counts",
    ),
    Attack(10, "empty lists, empty texts and null variables in filters", "no rows or 400, never all"),
    Attack(11, "SQL in paths into JSON and in values", "400, or a text; always a parameter"),
    Attack(12, "workspace, secrets, role, tier, life cycle in a body", "422, or ignored if it may be read"),
    Attack(13, "foreign ids in every write, one among one's own in bulk", "404; the item `not_found`"),
    Attack(14, "references to rows of another workspace", "422 `not_found`"),
    Attack(15, "what is unique taken in another workspace", "created"),
    Attack(16, "deleted rows by relation, nested address, node and loader", "hidden"),
    Attack(17, "requests of two workspaces at once through the loaders", "each sees its own"),
    Attack(18, "a replay by a weaker token, another user or workspace", "403, 422, a row of their own"),
    Attack(19, "`If-None-Match` on a foreign row", "404, never 304"),
    Attack(20, "`X-Workspace-ID` or a path that names another workspace", "404 (C-11), nothing switches"),
    Attack(21, "foreign exports and downloads; guessing on any surface", "one's own rows; counted together"),
    Attack(22, "concealed fields in events, audit rows and the log", "not there"),
    Attack(23, "webhooks for events that may not be read", "403", missing="webhooks"),
    Attack(24, "granting, minting or rotating what one does not hold; the last admin", "403; 409"),
    Attack(25, "telling forbidden, deleted, foreign and absent things apart", "the same words"),
    Attack(26, "the older websocket protocol of GraphQL", "no websocket opens"),
    Attack(27, "what outlasts a revocation, a logout or another password", "401 from the next request on"),
    Attack(28, "introspection, suggestions and the page without a token", "401; off outside development"),
    Attack(29, "a way around access checks that a route could reach", "none exists"),
    Attack(30, "a thousand aliases, and aliases times fragments", "400"),
    Attack(31, "fragments that double", "400, in steps that grow with the text"),
    Attack(32, "fragments in a circle", "400"),
    Attack(33, "a batch of a thousand", "400"),
    Attack(34, "hundreds of equal fields", "400"),
    Attack(35, "health asked a thousand times", "no field of GraphQL; one question at a time"),
    Attack(36, "huge pages, deep relations, endless lists, patterns of wildcards", "clamped or 400"),
    Attack(37, "JSON that is deep, huge, ambiguous or no text", "400 or 422, never 500"),
    Attack(38, "floods of invalid documents and of bytes that are no HTTP", "a line per request at most"),
    Attack(39, "varying the throttle's key by case, body, headers, addresses or surface", "unchanged"),
    Attack(40, "known lookup keys with wrong secrets, by the hundred thousand", "401, no argon2"),
    Attack(41, "two tokens, padded, Unicode, in the address, in cookies", "401 or 400"),
    Attack(42, "a megabyte of password", "422 before hashing; 64 characters and more are welcome"),
    Attack(43, "a code of the second factor, again", "refused"),
    Attack(44, "redirect addresses, PKCE, codes and JWTs of OAuth", "refused", missing="oauth"),
    Attack(45, "hostile hosts, origins, tokens and paths of MCP", "refused"),
    Attack(46, "`Origin: null`, suffixes, forms and plain text", "no grant; 415"),
    Attack(47, "addresses that reach the inside in disguise", "refused", missing="egress"),
    Attack(48, "rebinding, redirects and user names in addresses to call", "refused", missing="egress"),
    Attack(49, "a webhook test that reads internal answers", "status alone", missing="webhooks"),
    Attack(50, "spoofed types, scripts in pictures, other people's uploads", "refused", missing="files"),
    Attack(51, "cells that spreadsheets compute", "escaped"),
)


@cache
def held_by() -> dict[int, list[tuple[str, str]]]:
    """Return the tests of every number, as file and name, from their docstrings."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for module in modules("tests"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in _numbers(ast.get_docstring(node) or ""):
                    found[number].append((str(module), node.name))
    return found


def _numbers(text: str) -> Iterator[int]:
    for listed in _NAMED.findall(" ".join(text.split())):
        numbers = [int(each) for each in re.findall(r"\d+", listed)]
        if " to " in listed:
            first, last = numbers[-2:]
            yield from numbers[:-2]
            yield from range(first, last + 1)
        else:
            yield from numbers


def page() -> str:
    """Return docs/attacks.md."""
    tests = held_by()
    tried = [attack for attack in ATTACKS if not attack.missing]
    rows = "".join(
        f"| {attack.number} | {attack.title} | {attack.result} | {_places(tests[attack.number])} |\n"
        for attack in tried
    )
    left = "".join(
        f"| {attack.number} | {attack.title} | {absent(attack.missing)} |\n"
        for attack in ATTACKS
        if attack.missing
    )
    return _PAGE.format(rows=rows, left=left)


def _places(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"`{path}`" for path in sorted({path for path, _ in found}))


_PAGE = """# Attacks

What is tried against every build, and what has to come of it. The tests name the numbers in their docstrings
and are made from the catalogue where that is possible, so that a new resource is attacked without a new test.
`python -m tests.attacks.numbers` writes this page.

| No. | Attack | Result | Tests |
|---|---|---|---|
{rows}
Beside the list, `tests/attacks` tries bytes that two servers could read as different requests, clients that
keep the server waiting, the headers of every class of response, forged lines of the log, cookies on foreign
pages, and random requests whose answers must not show the inside of the server
(`ATTACK_ROUNDS=1000` asks for more of them). Two commands measure what no test should:

- `python -m tests.attacks.judging` prints the most processor time that judging a document takes;
- `python -m tests.attacks.forging` sends a hundred thousand forged tokens and counts what they cost.

## Not yet

These wait for a feature. A test fails as soon as it is there.

| No. | Attack | Why not |
|---|---|---|
{left}"""


if __name__ == "__main__":
    PAGE.write_text(page())
