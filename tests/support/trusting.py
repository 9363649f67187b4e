"""Registers GraphQL operations, runs them by their hash, and reads what was refused."""

import hashlib
from typing import Any

from tests.support.client import Answer, Client

OPERATIONS, TOKENS = "/api/v1/trusted-operations", "/api/v1/tokens"
GRAPHQL = "application/graphql-response+json"
READ = "query Names { brands(first: 5, sort: [NAME_ASC]) { nodes { name } } }\n"
MAKE = (
    "mutation Make($name: String!) { createBrand(input: {name: $name}) { brand { name } problem { code } } }"
)


def sha256(text: str) -> str:
    """Return the hash that stands for a text."""
    return hashlib.sha256(text.encode()).hexdigest()


async def register(holder: Client, text: str, **more: Any) -> dict[str, Any]:
    """Register a text and return the row."""
    return (await holder.post(OPERATIONS, {"text": text, **more})).data(201)


async def run(client: Client, text: str, /, accept: str = GRAPHQL, **variables: Any) -> Answer:
    """Run a text by its hash, as a client that never sends texts."""
    body = {"documentId": f"sha256:{sha256(text)}", "variables": variables}
    return await client.post("/graphql", body, headers=[("accept", accept)])


def code(answer: Answer, status: int) -> str:
    """Return the code of the one error of a response of that status, in which nothing ran."""
    assert answer.status == status, (answer.status, answer.body)
    (error,) = answer.json()["errors"]
    assert "data" not in answer.json()
    assert error["extensions"]["problem"]["detail"] == error["message"]
    return str(error["extensions"]["code"])
