"""Nothing that is kept or logged holds a secret: every write that takes or makes one, on both surfaces."""

import io
import logging
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pyotp import TOTP

from schema.names import camel
from services.catalog import CATALOG
from services.engine.procedures import Method, fields_of
from services.engine.resource import Shown
from tests.spec.conftest import Workshops
from tests.support.client import Client
from tests.support.logged import logged
from tests.support.logins import logged_in, somewhere
from tests.support.people import PASSWORD, join, user
from tests.support.workshop import Workshop, graphql

TAKEN = {"password", "current_password", "totp_code", "recovery_code", "token"}
"""Inputs that are secrets."""

_CODE = 30


def secret_writes() -> set[str]:
    """Return the name of every action and procedure that takes or makes a secret, as the catalogue says."""
    actions = {
        f"{resource.name}.{action.name}"
        for resource in CATALOG
        for action in resource.actions
        if any(each.shown is Shown.ONCE for each in resource.shown_by(action))
    }
    procedures = {
        each.name
        for each in CATALOG.procedures
        if each.method is not Method.GET and (each.has_secrets or TAKEN & {item.name for item in each.inputs})
    }
    return actions | procedures


@dataclass(slots=True)
class Trail:
    """The secrets that went to and fro, and the writes that were done with them."""

    shop: Workshop
    secrets: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    steps: int = 0

    async def rest(self, client: Client, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post a write that must succeed, under a key of its own if it takes one, and return its data."""
        self.steps += 1
        key = [("idempotency-key", f"secret-{self.steps}")] if "." in name else []
        answer = await client.post(f"/api/v1/{path}", body, headers=key)
        assert answer.status in (200, 201, 204), (name, answer.body)
        self._noted(name, body)
        return dict(answer.json()["data"]) if answer.body else {}

    async def graphql(self, client: Client, name: str, document: str, **variables: Any) -> dict[str, Any]:
        """Run a mutation that must succeed, and return its payload."""
        found = (await graphql(client, document, **variables)).json()
        payload = next(iter(found["data"].values())) if found.get("data") else None
        assert payload is not None, found
        assert payload.get("problem") is None, (name, found)
        self._noted(name, variables.get("input", variables))
        return dict(payload)

    def _noted(self, name: str, body: dict[str, Any]) -> None:
        self.done.add(name)
        self.secrets |= {str(body[key]) for key in body.keys() & (TAKEN | {camel(each) for each in TAKEN})}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile."""
    with logged(logging.DEBUG) as written:
        yield written


def code(secret: str, step: int = 0) -> str:
    return TOTP(secret).at(int(time.time()) + step * _CODE)


def kept(database: str, secret: str) -> list[str]:
    """Return the tables that hold a text anywhere in a row."""
    found = []
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (name,) in tables:
            query = sql.SQL("SELECT count(*) FROM {} t WHERE strpos(t::text, %s) > 0")
            (count,) = connection.execute(query.format(sql.Identifier(name)), [secret]).fetchone() or (0,)
            found += [name] if count else []
    return found


async def test_no_secret_is_kept_or_logged_by_any_write_that_takes_or_makes_one(
    workshops: Workshops, lines: io.StringIO
) -> None:
    """Issue item 7, attack 22: rows, events, audit rows, idempotency records, notes and logs."""
    shop = workshops()
    trail = Trail(shop)
    admin = shop.holder("all:write")

    await _tokens(trail, admin)
    await _invitations(trail, admin)
    await _people(trail)

    assert trail.done == secret_writes()
    # A code of six digits may stand in any number by chance; the longer secrets cannot.
    secrets = {secret for secret in trail.secrets if len(secret) > 6}
    assert len(secrets) >= 40
    text = lines.getvalue()
    assert [secret for secret in secrets if secret in text] == []
    assert {secret: kept(shop.database, secret) for secret in secrets} == {each: [] for each in secrets}
    # The same search finds what is there.
    assert kept(shop.database, shop.slug) == ["workspaces"]


async def _tokens(trail: Trail, admin: Client) -> None:
    made = await trail.rest(admin, "token.create", "tokens", {"name": "a", "scopes": ["all:read"]})
    mutation = (
        "mutation($input: TokenCreateInput!) { createToken(input: $input) { rawToken problem { detail } } }"
    )
    told = await trail.graphql(admin, "token.create", mutation, input={"name": "b", "scopes": ["all:read"]})
    turned = await trail.rest(admin, "token.rotate", f"tokens/{made['id']}/rotate", {})
    trail.secrets |= {made["token"], told["rawToken"], turned["token"]}


async def _invitations(trail: Trail, admin: Client) -> None:
    email = f"{uuid.uuid4().hex}@people.example"
    made = await trail.rest(admin, "invitation.create", "invitations", {"email": email, "role": "viewer"})
    turned = await trail.rest(admin, "invitation.rotate", f"invitations/{made['id']}/rotate", {})
    trail.secrets |= {made["token"], turned["token"]}
    body = {"token": turned["token"], "password": f"first-{uuid.uuid4()}", "name": "Ada"}
    await trail.rest(somewhere(admin), "accept_invitation", "auth/invitations/accept", body)


async def _people(trail: Trail) -> None:
    shop = trail.shop
    person = join(shop, "owner")  # type: ignore[arg-type]  # A role is its text.
    visitor = somewhere(shop.api)
    begun = await trail.rest(visitor, "login", "auth/login", {"email": person.email, "password": PASSWORD})
    turned = await trail.rest(visitor.using(begun["token"]), "refresh_session", "auth/refresh", {})
    trail.secrets |= {begun["token"], turned["token"]}
    session = visitor.using(turned["token"])
    secret = await _second_factor(trail, session)
    new = f"second-{uuid.uuid4()}"
    body = {"current_password": PASSWORD, "password": new}
    await trail.rest(session, "change_password", "auth/password", body)
    await _with_codes(trail, session, new, secret)
    root = user(shop, is_platform_admin=True)
    address = shop.stored.row("users", root)["email"]
    above = {"username": address, "password": PASSWORD}
    begun = await trail.rest(somewhere(shop.api), "admin_login", "admin/auth/login", above)
    trail.secrets.add(begun["token"])
    assert await logged_in(somewhere(shop.api), address, PASSWORD, workspace=shop.slug)


async def _second_factor(trail: Trail, session: Client) -> str:
    """Put a second factor in force, and return its secret."""
    made = await trail.rest(session, "enroll_totp", "auth/totp", {"password": PASSWORD})
    trail.secrets |= {made["secret"], made["uri"]}
    body = {"totp_code": code(made["secret"], -1)}
    codes = (await trail.rest(session, "confirm_totp", "auth/totp/confirm", body))["recovery_codes"]
    trail.secrets |= set(codes) | {re.sub("-", "", each) for each in codes}
    return str(made["secret"])


async def _with_codes(trail: Trail, session: Client, password: str, secret: str) -> None:
    """Use up codes of the second factor, and do without it."""
    body = {"password": password, "totp_code": code(secret)}
    codes = (await trail.rest(session, "renew_recovery_codes", "auth/recovery-codes", body))["recovery_codes"]
    trail.secrets |= set(codes)
    body = {"password": password, "recovery_code": codes[0]}
    await trail.rest(session, "disable_totp", "auth/totp/disable", body)


def test_what_a_procedure_shows_once_is_what_counts() -> None:
    """The list above is made of the declarations, and these say so."""
    assert {"login", "token.rotate", "enroll_totp", "accept_invitation"} <= secret_writes()
    assert all(fields_of(each.outputs) for each in CATALOG.procedures if each.has_secrets)
