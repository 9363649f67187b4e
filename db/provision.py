"""Provisioning: workspaces and tokens made by an operator, outside any request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Engine, NullPool, create_engine, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.auditing import Note
from db.migrate import operating
from db.models import RateTier, Tier, Token, TrustedOperation, Workspace


class ProvisioningFailed(Exception):
    """It could not be made; the message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What an operator is told of a token; moments are in UTC."""

    id: str
    prefix: str
    name: str
    scopes: list[str]
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    expired: bool | None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What is stored of a token."""

    name: str
    prefix: str
    key: str
    hash: str
    precheck: bytes
    scopes: list[str]
    tier: RateTier = RateTier.STANDARD
    trusted_only: bool = False


@dataclass(frozen=True, slots=True)
class TrustedFacts:
    """What an operator is told of a trusted operation; moments are in UTC."""

    sha256: str
    kind: str
    name: str
    client: str | None
    inserted_at: datetime


def create_workspace(url: str, slug: str, name: str, tier: Tier = Tier.FREE) -> str:
    """Return the id of a new workspace; raises ProvisioningFailed if the slug is taken."""
    made = insert(Workspace).values(slug=slug, name=name, tier=tier).returning(Workspace.id)
    try:
        with engine(url).begin() as connection:
            id_ = connection.execute(made).scalar_one()
            note = Note(
                "workspace.created", "workspace", id_, after={"slug": slug, "name": name, "tier": tier}
            )
            connection.execute(note.within(id_))
    except IntegrityError:
        raise ProvisioningFailed(f"There is already a workspace {slug!r}.") from None
    return str(id_)


def set_tier(url: str, slug: str, tier: Tier) -> None:
    """Move the live workspace of that slug to another tier; raises ProvisioningFailed if there is none."""
    asked = select(Workspace.id, Workspace.tier).where(Workspace.slug == slug, Workspace.deleted_at.is_(None))
    with engine(url).begin() as connection:
        found = connection.execute(asked.with_for_update(key_share=True)).one_or_none()
        if found is None:
            raise ProvisioningFailed(f"There is no workspace {slug!r}.")
        if found.tier == tier:
            return
        fresh = {"tier": tier, "version": Workspace.version + 1, "updated_at": func.now()}
        connection.execute(update(Workspace).where(Workspace.id == found.id).values(fresh))
        note = Note("workspace.updated", "workspace", found.id, {"tier": found.tier}, {"tier": tier})
        connection.execute(note.within(found.id))


def find_workspace(url: str, slug: str) -> str | None:
    """Return the id of the live workspace of that slug, if there is one."""
    live = select(Workspace.id).where(Workspace.slug == slug, Workspace.deleted_at.is_(None))
    found = _run(url, live)
    return None if found is None else str(found)


def workspace_of(url: str, slug: str) -> str:
    """Return the id of the live workspace of that slug; raises ProvisioningFailed if there is none."""
    found = find_workspace(url, slug)
    if found is None:
        raise ProvisioningFailed(f"There is no workspace {slug!r}.")
    return found


def create_token(url: str, workspace: str, row: TokenRow) -> str:
    """Return the id of a new token of the workspace with that id."""
    values = {
        "workspace_id": workspace,
        "name": row.name,
        "token_prefix": row.prefix,
        "token_key": row.key,
        "token_hash": row.hash,
        "precheck": row.precheck,
        "scopes": row.scopes,
        "rate_limit_tier": row.tier,
        "trusted_only": row.trusted_only,
    }
    shown = {name: values[name] for name in ("name", "token_prefix", "scopes", "trusted_only")}
    with engine(url).begin() as connection:
        id_ = connection.execute(insert(Token).values(**values).returning(Token.id)).scalar_one()
        connection.execute(Note("token.created", "token", id_, after=shown).within(workspace))
    return str(id_)


def note(url: str, made: Note) -> None:
    """Write to the log of the platform what was done to no workspace's rows."""
    with engine(url).begin() as connection:
        connection.execute(made.above)


def list_tokens(url: str, workspace: str, *, every: bool = False) -> list[TokenFacts]:
    """Return the tokens of a workspace, the oldest first: those that are not revoked, or `every` one."""
    shown = (
        Token.id,
        Token.token_prefix,
        Token.name,
        Token.scopes,
        Token.last_used_at,
        Token.expires_at,
        Token.revoked_at,
        Token.expires_at <= func.now(),
    )
    found = select(*shown).where(Token.workspace_id == workspace).order_by(Token.inserted_at, Token.id)
    if not every:
        found = found.where(Token.deleted_at.is_(None))
    with engine(url).begin() as connection:
        return [TokenFacts(str(id_), *rest) for id_, *rest in connection.execute(found)]


def list_trusted_operations(url: str, workspace: str) -> list[TrustedFacts]:
    """Return the operations that are registered in a workspace, by name."""
    row = TrustedOperation
    shown = (row.sha256, row.kind, row.name, row.client, row.inserted_at)
    found = select(*shown).where(row.workspace_id == workspace, row.deleted_at.is_(None))
    with engine(url).begin() as connection:
        return [TrustedFacts(*each) for each in connection.execute(found.order_by(row.name, row.sha256))]


def is_live(url: str, key: str, scopes: list[str], tier: RateTier) -> bool:
    """Tell whether a token of that lookup key is still live and has these scopes, in their stored order."""
    live = select(Token.id).where(
        Token.token_key == key,
        Token.revoked_at.is_(None),
        Token.scopes == scopes,
        Token.rate_limit_tier == tier,
    )
    return _run(url, live) is not None


def _run(url: str, statement: Any) -> Any:
    with engine(url).begin() as connection:
        return connection.execute(statement).scalar_one_or_none()


def engine(url: str) -> Engine:
    """Return an engine whose connections may do what an operator may, each opened when it is needed."""
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(operating(url)), poolclass=NullPool
    )
