"""Logging in as people do, over either surface, from an address that no other test uses."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest

from services import passwords
from tests.support.client import Answer, Client
from tests.support.people import PASSWORD
from tests.support.workshop import graphql

LOGIN = "/api/v1/auth/login"
PROBLEM = "problem { status code detail retryAfter extensions }"
SESSION = (
    "token expiresAt sessionId scopes workspace { id: rowId slug name }"
    " user { id: rowId email name role isPlatformAdmin }"
)
MUTATION = f"""mutation($email: String!, $password: String!, $code: String, $recovery: String, $in: String) {{
  login(input: {{
    email: $email, password: $password, totpCode: $code, recoveryCode: $recovery, workspace: $in
  }}) {{ {SESSION} problem {{ status code detail }} }} }}"""


def somewhere(client: Client) -> Client:
    """Return a client without a token at an address of its own."""
    peer = ".".join(str(random.randint(1, 254)) for _ in range(4))
    return replace(client.using(None), peer=peer)


async def login(client: Client, email: str, password: str = PASSWORD, **further: Any) -> Answer:
    """Log in over REST; `further` are more members of the body."""
    return await client.post(LOGIN, {"email": email, "password": password, **further})


async def logged_in(client: Client, email: str, password: str = PASSWORD, **further: Any) -> Client:
    """Return a client with the session of a login that must succeed."""
    found = (await login(client, email, password, **further)).data()
    return client.using(found["token"])


async def login_by_graphql(client: Client, email: str, password: str = PASSWORD, **further: Any) -> Answer:
    """Log in over GraphQL."""
    return await graphql(client, MUTATION, email=email, password=password, **further)


@dataclass(slots=True)
class Judged:
    """How many passwords were compared with a hash."""

    count: int = 0


@contextmanager
def judging(patch: pytest.MonkeyPatch) -> Iterator[Judged]:
    """Count the passwords that are compared meanwhile, which are compared all the same."""
    found, compare = Judged(), passwords._is_right

    def counted(password: str, stored: str) -> bool:
        found.count += 1
        return compare(password, stored)

    with patch.context() as within:
        within.setattr(passwords, "_is_right", counted)
        yield found


def attempts(database: str) -> list[int]:
    """Return how many guesses are noted under each key, the fewest first."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT cardinality(failed_at) FROM login_attempts ORDER BY 1").fetchall()
    return [row[0] for row in rows]


def wait(database: str, minutes: int = 15) -> None:
    """Let every guess be older by so many minutes."""
    text = (
        "UPDATE login_attempts SET last_at = last_at - make_interval(mins => %(m)s), failed_at ="
        " ARRAY(SELECT f - make_interval(mins => %(m)s) FROM unnest(failed_at) f ORDER BY f)"
    )
    with psycopg.connect(database) as connection:
        connection.execute(text, {"m": minutes})
