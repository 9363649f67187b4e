"""Rows for the named examples of the document: one of its own for every operation that changes one."""

import itertools
import json
import urllib.error
import urllib.request
from typing import Any

from tests.judges.stage import House

Json = dict[str, Any]
PASSWORD = "correct horse battery staple"
_BEFORE = {"ship": ("confirm",), "deliver": ("confirm", "ship")}
_OWNED = {"brand_id": "brands", "category_id": "categories", "customer_id": "customers"}
_OWNED |= {"product_id": "products", "order_id": "orders"}
_FUTURE = "2099-01-01T00:00:00Z"


class Seeds:
    """What makes rows by asking the server, from the examples of its document."""

    def __init__(self, house: House, whole: Json) -> None:
        self._house, self._whole = house, whole
        self._numbers = itertools.count(1)
        self._owned: dict[str, str] = {}

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Return the answer to a request; raises RuntimeError where it is refused."""
        headers = {"Authorization": f"Bearer {self._house.tokens['own']}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._house.base}/api/v1{path}", sent, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(f"{method} {path} {body}: {error.read().decode()}") from error
        return json.loads(text) if text else None

    def row(self, plural: str, verb: str = "") -> str:
        """Return the id of a row on which an action may be done."""
        if plural in ("memberships", "users"):
            return self._person(plural)
        if plural == "audit-logs":
            return str(self.ask("GET", "/audit-logs")["data"][0]["id"])
        sent = self.fresh(self.example(self._whole["paths"][f"/{plural}"]["post"]))
        id_ = str(self.ask("POST", f"/{plural}", sent)["data"]["id"])
        if verb == "restore":
            self.ask("DELETE", f"/{plural}/{id_}")
        for step in _BEFORE.get(verb, ()):
            self.ask("POST", f"/{plural}/{id_}/{step}")
        return id_

    def example(self, operation: Json) -> Any:
        """Return the example of the body of an operation."""
        content = next(iter(operation["requestBody"]["content"].values()))
        found = next(iter(content["examples"].values()))
        while "$ref" in found:
            found = self._whole["components"]["examples"][found["$ref"].rpartition("/")[2]]
        return json.loads(json.dumps(found["value"]))

    def fresh(self, body: Any) -> Any:
        """Return a body whose names nobody has yet, and that refers to rows that there are."""
        if isinstance(body, list):
            return [self.fresh(each) for each in body]
        if not isinstance(body, dict):
            return body
        number = next(self._numbers)
        made = {name: self._member(name, value, number) for name, value in body.items()}
        return {name: value for name, value in made.items() if value is not None}

    def _member(self, name: str, value: Any, number: int) -> Any:
        if name in _OWNED:
            return self.owned(_OWNED[name])
        changed = {
            "slug": f"example-{number}",
            "sku": f"SKU-{number}",
            "email": f"somebody-{number}@example.com",
            "name": f"{value} {number}",
            # A text of GraphQL that ends in a remark.
            "text": f"{value} {number}",
            "expires_at": _FUTURE,
            # None leaves out what only some rows may have.
            "gtin": None,
            "parent_id": None,
            "tier": None,
        }
        if name in changed:
            return changed[name]
        return self.fresh(value) if isinstance(value, list) and name in ("items", "line_items") else value

    def owned(self, plural: str) -> str:
        """Return the id of the one row of a kind that others refer to."""
        if plural not in self._owned:
            self._owned[plural] = self.row(plural)
        return self._owned[plural]

    def invitation(self) -> str:
        """Return the token of a new invitation."""
        sent = {"email": f"guest-{next(self._numbers)}@example.com", "role": "member"}
        return str(self.ask("POST", "/invitations", sent)["data"]["token"])

    def _person(self, plural: str) -> str:
        sent = {"token": self.invitation(), "name": "Ada Lovelace", "password": PASSWORD}
        self.ask("POST", "/auth/invitations/accept", sent)
        newest = self.ask("GET", f"/{plural}?sort=-inserted_at&per_page=1")
        return str(newest["data"][0]["id"])
