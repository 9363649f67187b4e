"""The page on both surfaces: each column has a reader of its own, and what they are answered is compared."""

from collections.abc import Iterator, Mapping
from typing import Any

from schema.names import camel
from tests.docs.blocks import Block
from tests.docs.checking import UntrueError, check
from tests.docs.reading import Reader

PAGE = "migration.md"
SURFACES = ("http", "graphql")

_UNLIKE = frozenset({"id", "etag", "number", "requestId", "instance", "deletedId", "endCursor"})
"""What differs between two rows that were made alike."""


class Twins:
    """Two readers who work the page through together, one by REST and one by GraphQL."""

    def __init__(self, rest: Reader, graphql: Reader) -> None:
        self._readers = {"http": rest, "graphql": graphql}
        self._writing = False
        self.compared = 0
        rest.known["SIDE"], graphql.known["SIDE"] = "rest", "graphql"

    def check(self, block: Block, following: Block | None) -> str:
        """Judge a block as `checking.check` does; raises UntrueError too where the surfaces disagree."""
        if block.language not in SURFACES:
            for reader in self._readers.values():
                judged = check(block, following, reader)
            return judged
        judged = check(block, following, self._readers[block.language])
        if block.language == "http":
            self._writing |= not block.text.startswith("GET") and "/search" not in block.text
        elif judged == "run":
            self._compare()
        return judged

    def _compare(self) -> None:
        rest, graphql = (self._readers[name].answer for name in SURFACES)
        if rest is None or graphql is None:
            raise UntrueError("one of the surfaces was not asked")
        ((_, found),) = graphql.body["data"].items()
        selected = _selected(found) if found else graphql.body["errors"][0]["extensions"]["problem"]
        unlike = _UNLIKE if self._writing else frozenset({"etag", "endCursor"})
        shown = rest.body if isinstance(rest.body, dict) else {}
        told = list(_differences(selected, _document(shown), unlike))
        if told:
            raise UntrueError(f"GraphQL and REST disagree: {told[:3]}")
        self.compared += 1


def _selected(found: Any) -> Any:
    """Return what a root field answered, in the shape of a document of REST."""
    if not isinstance(found, dict):
        return found
    if "nodes" in found:
        page = {"total_count": found["totalCount"]} if "totalCount" in found else {}
        return {"data": found["nodes"], **({"pagination": page} if page else {})}
    if found.get("problem"):
        return {name: value for name, value in found["problem"].items() if value is not None}
    if "results" in found:
        return {"data": found["results"], "summary": found.get("summary", {})}
    rows = [value for name, value in found.items() if name not in ("problem", "replayed", "deletedId")]
    if "problem" in found:
        return {"data": rows[0]} if rows else {}
    return {"data": found}


def _document(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document of REST with every related row in its place; a refusal reads as null."""
    included = {(row["type"], row["id"]): row for row in body.get("included", ())}

    def whole(row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        related = {
            name: [whole(included[each["type"], each["id"]]) for each in to]
            if isinstance(to, list)
            else whole(included.get((to["type"], to["id"])) if to else None)
            for name, to in row.get("relationships", {}).items()
            if _is_included(to, included)
        }
        return {**row, **related}

    data = body.get("data")
    rows = [whole(row) for row in data] if isinstance(data, list) else whole(data)
    return {**body, "data": rows}


def _is_included(to: Any, included: Mapping[tuple[str, str], Any]) -> bool:
    return all(
        (each["type"], each["id"]) in included for each in (to if isinstance(to, list) else [to]) if each
    )


def _differences(graphql: Any, rest: Any, unlike: frozenset[str], path: str = "") -> Iterator[str]:
    """Yield where the surfaces disagree on what GraphQL was asked for."""
    if isinstance(graphql, dict) and "nodes" in graphql:
        yield from _differences(graphql["nodes"], rest, unlike, path)
    elif isinstance(graphql, dict) and isinstance(rest, dict):
        by_name = {camel(name): value for name, value in rest.items()}
        # An entry of a bulk answer has its row and its problem under REST's own names.
        by_name |= {"product": rest.get("data"), "problem": rest.get("error")} if "index" in rest else {}
        for name, value in graphql.items():
            if camel(name) not in unlike:
                yield from _differences(value, by_name.get(camel(name)), unlike, f"{path}.{name}")
    elif isinstance(graphql, list) and isinstance(rest, list) and len(graphql) == len(rest):
        for place, pair in enumerate(zip(graphql, rest, strict=True)):
            yield from _differences(*pair, unlike, f"{path}.{place}")
    elif _neutral(graphql) != _neutral(rest):
        yield f"{path}: {graphql!r} and {rest!r}"


def _neutral(value: Any) -> Any:
    return value.lower() if isinstance(value, str) and value.isupper() else value
