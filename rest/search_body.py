"""Bodies of POST …/search: the same intent as a query string, in JSON with typed values (S3-200)."""

from dataclasses import replace
from typing import Any

from rest import compat, query_string
from rest.query_string import Parsed
from services.engine.cursor import CursorCodec
from services.engine.encoding import whole
from services.engine.errors import bad_request
from services.engine.intent import (
    Comparison,
    Condition,
    Count,
    Junction,
    Leaf,
    Listing,
    Paging,
    Search,
    SortTerm,
)
from services.engine.resource import Operator, Resource

_MEMBERS = frozenset(
    {
        "q",
        "search",
        "filter",
        "sort",
        "page",
        "per_page",
        "limit",
        "offset",
        "cursor",
        "pagination",
        "direction",
        "with_count",
        "include_deleted",
        "fields",
        "include",
    }
)
_OPERATORS = frozenset(Operator)
_DEEPEST = 32
_SIZES = frozenset({"per_page", "limit"})
_PLACES = query_string.PAGING - _SIZES
_JUNCTIONS = ("and", "or", "not")


class SearchBody:
    """One search body, read into an intent's parts."""

    def __init__(self, body: dict[str, Any], resource: Resource, codec: CursorCodec, now: float) -> None:
        unknown = sorted(set(body) - _MEMBERS)
        if unknown:
            raise bad_request(f"{unknown[0]!r} is not a member of a search.")
        for alias, name in compat.PARAMETERS.items():
            if alias in body and name in body:
                raise bad_request(f"{alias!r} and {name!r} are the same member; give one of them.")
        if body.get("cursor", "") is None:
            # As absent it would start from the beginning again, and a walk would never end.
            raise bad_request("The cursor is null: there is no further page.")
        self.body = {name: value for name, value in body.items() if value is not None}
        self.resource, self.codec, self.now = resource, codec, now
        self.parsed = Parsed((), [])

    def intent(self, base: str) -> Search:
        """Return the whole search; raises the 400 problem naming what is wrong."""
        asked = Search(
            self.resource.name,
            self.listing(),
            base,
            self.fields(),
            self.include(),
            self.count_mode(),
        )
        paging = asked.listing.paging
        self.parsed.shape = (("cursor", (paging.nulls, paging.backward)),) if paging.keyset else ()
        return asked

    def listing(self) -> Listing:
        """Return the listing; raises the 400 problem naming what is wrong."""
        q = self.body.get("q", self.body.get("search"))
        if q is not None and not isinstance(q, str):
            raise bad_request("q takes a text.")
        return Listing(
            filter=self._filter(),
            sort=self._sort(),
            q=self._leaf("q", q) if q and q.strip() else None,
            paging=self._paging(),
            include_deleted=self._flag("include_deleted", False),
        )

    def count_mode(self) -> Count:
        """Return how the collection is counted."""
        if self.body.get("with_count") == "estimated":
            return Count.ESTIMATED
        return Count.EXACT if self._flag("with_count", True) else Count.NONE

    def fields(self) -> tuple[tuple[str, str], ...] | None:
        """Return the sparse fields."""
        found = self._names("fields")
        if found is None:
            return None
        if not found:
            raise bad_request("fields names nothing; leave it out to get every field.")
        return tuple(query_string.field_name("", name) for name in found)

    def include(self) -> tuple[tuple[str, ...], ...]:
        """Return the include paths."""
        return query_string.include_paths(self._names("include") or [])

    def _leaf(self, name: str, value: Any) -> Leaf:
        self.parsed.names[name] = len(self.parsed.values)
        self.parsed.values.append(value)
        return Leaf(len(self.parsed.values) - 1)

    def _flag(self, name: str, default: bool) -> bool:
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise bad_request(f"{name} takes true or false.")
        return value

    def _names(self, name: str) -> list[str] | None:
        value = self.body.get(name)
        if value is None:
            return None
        names = value.split(",") if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(item, str) and item for item in names):
            raise bad_request(f"{name} takes a list of names.")
        return [item.strip() for item in names]

    def _sort(self) -> tuple[SortTerm, ...]:
        names = self._names("sort")
        return query_string.sort_terms(",".join(names)) if names else ()

    def _paging(self) -> Paging:
        body = self.body
        size = body.get("per_page", body.get("limit"))
        keyset = "cursor" in body or body.get("pagination") == "cursor"
        if body.get("pagination") not in (None, "cursor", "offset"):
            raise bad_request("pagination takes cursor or offset.")
        for name in ("page", "offset"):
            if keyset and name in body:
                raise bad_request(f"{name!r} does not go with a cursor.")
        if "page" in body and "offset" in body:
            raise bad_request("'page' does not go with 'offset'.")
        paging = Paging(
            size=None if size is None else self._leaf("per_page", size),
            page=None if keyset else self._leaf("page", body["page"]) if "page" in body else 1,
            offset=self._leaf("offset", body["offset"]) if "offset" in body else None,
            keyset=keyset,
        )
        return self._from_cursor(paging) if body.get("cursor") else self._directed(paging)

    def judge_paging(self) -> None:
        """Raise the 400 problem unless the paging of the body is right by itself."""
        self._paging()
        for name in ("page", "per_page", "limit", "offset"):
            if name in self.body:
                whole(self.body[name], "the page size" if name in _SIZES else name)

    def _from_cursor(self, paging: Paging) -> Paging:
        text = self.body["cursor"]
        if not isinstance(text, str):
            raise bad_request("The cursor is malformed; use one from a previous response.")
        cursor = self.codec.decode(text, self.now)
        self.parsed.own_cursor = text
        found = replace(
            paging,
            cursor=self._leaf("cursor", cursor),
            nulls=cursor.nulls,
            backward=cursor.backward,
        )
        return self._directed(found)

    def _directed(self, paging: Paging) -> Paging:
        direction = self.body.get("direction")
        if direction not in (None, "next", "prev") or (direction and not paging.keyset):
            raise bad_request("direction takes next or prev, and only beside a cursor.")
        return paging if direction is None else replace(paging, backward=direction == "prev")

    # Filters

    def _filter(self) -> Condition | None:
        node = self.body.get("filter")
        if node is None:
            return None
        return self._conditions(node, (), 0)

    def _conditions(self, node: Any, path: tuple[str, ...], depth: int) -> Condition | None:
        if not isinstance(node, dict) or depth > _DEEPEST:
            raise bad_request(
                f"The filter{' for ' + '.'.join(path) if path else ''} is not an object of fields."
            )
        parts = [
            part for name, value in node.items() if (part := self._part(name, value, path, depth)) is not None
        ]
        if not parts and path:
            raise bad_request(f"The filter for {'.'.join(path)} names no operator.")
        return (parts[0] if len(parts) == 1 else Junction("and", tuple(parts))) if parts else None

    def _part(self, name: str, value: Any, path: tuple[str, ...], depth: int) -> Condition | None:
        if name in _JUNCTIONS and not path:
            return self._junction(name, value, depth)
        if path and name in _OPERATORS:
            return Comparison(path, name, self._operand(name, value, path))
        whole = (*path, *name.split("."))
        if isinstance(value, dict):
            return self._conditions(value, whole, depth + 1)
        if isinstance(value, list) or value is None:
            raise bad_request(f"The filter for {'.'.join(whole)} needs an operator, such as in or null.")
        return Comparison(whole, "eq", self._operand("eq", value, whole))

    def _junction(self, name: str, value: Any, depth: int) -> Condition:
        nodes = [value] if name == "not" else value
        if not isinstance(nodes, list) or not nodes:
            raise bad_request(f"Filter {name!r} takes a list of filters.")
        parts = tuple(part for node in nodes if (part := self._conditions(node, (), depth + 1)) is not None)
        if len(parts) < len(nodes):
            raise bad_request(f"Filter {name!r} holds an empty filter.")
        return Junction("and" if name == "and" else "or" if name == "or" else "not", parts)

    def _operand(self, operator: str, value: Any, path: tuple[str, ...]) -> Any:
        if value is None:
            raise bad_request(f"Filter {'.'.join(path)} {operator} is null; use the operator null instead.")
        if operator == "null" or value == "deleted":
            return value if isinstance(value, bool | str) else str(value)
        if operator in ("in", "nin") and not isinstance(value, list):
            raise bad_request(f"Filter {'.'.join(path)} {operator} takes a list.")
        self.parsed.values.append(value)
        return Leaf(len(self.parsed.values) - 1)


def read(
    found: dict[str, Any], query: bytes, resource: Resource, codec: CursorCodec, now: float
) -> SearchBody:
    """Return the search that a body asks for, paged as the query string says if it does.

    So the links of a result page can be followed by posting the same body to them. Raises the 400 problem.
    """
    sent: dict[str, Any] = {}
    for name, value, _ in query_string.pairs(query):
        name = compat.PARAMETERS.get(name, name)
        if name not in query_string.PAGING:
            raise bad_request(f"{name!r} is not a query parameter of a search; put it into the body.")
        if name in sent:
            raise bad_request(f"Query parameter {name!r} is given twice.")
        sent[name] = value
    if sent:
        # What the address overrides must be right all the same, but for a cursor, which may have expired.
        begun = {"cursor": ""} if isinstance(found.get("cursor"), str) else {}
        SearchBody(found | begun, resource, codec, now).judge_paging()
    replaced = _SIZES if "per_page" in sent else frozenset()
    replaced |= _PLACES if sent.keys() - _SIZES else frozenset()
    kept = {name: value for name, value in found.items() if name not in replaced}
    return SearchBody(kept | sent, resource, codec, now)
