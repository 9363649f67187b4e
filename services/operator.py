"""What an operator does at the command line: workspaces and first tokens, and how lists are shown."""

import re
from collections.abc import Iterable, Sequence

from db import provision
from db.models import RateTier, Tier
from db.provision import ProvisioningFailed
from services import tokens
from services.catalog import CATALOG
from services.tokens import Environment

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_LONGEST_NAME = 255


def create_workspace(url: str, slug: str, name: str, tier: str = Tier.FREE) -> str:
    """Return the id of a new workspace in the database at `url`; raises ProvisioningFailed."""
    if not _SLUG.match(slug):
        raise ProvisioningFailed(
            f"{slug!r} is not a slug: use 1 to 63 lower-case letters, digits and inner hyphens."
        )
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise ProvisioningFailed(f"A name has 1 to {_LONGEST_NAME} characters.")
    return provision.create_workspace(url, slug, name.strip(), _tier(tier))


def set_tier(url: str, slug: str, tier: str) -> None:
    """Move workspace `slug` to the plan of another tier; raises ProvisioningFailed."""
    provision.set_tier(url, slug, _tier(tier))


def _tier(named: str) -> Tier:
    if named not in list(Tier):
        raise ProvisioningFailed(f"{named!r} is no tier; there are {', '.join(Tier)}.")
    return Tier(named)


def create_token(
    url: str,
    slug: str,
    name: str,
    scopes: list[str],
    environment: Environment,
    precheck_key: bytes,
    tier: RateTier = RateTier.STANDARD,
    *,
    trusted_only: bool = False,
) -> str:
    """Return the raw text of a new token of workspace `slug`; raises ProvisioningFailed."""
    workspace = provision.workspace_of(url, slug)
    made = tokens.generate(environment, precheck_key)
    stored = (made.prefix, made.key, made.hash, made.precheck)
    row = provision.TokenRow(name, *stored, _canonical(scopes), tier, trusted_only)
    provision.create_token(url, workspace, row)
    return made.raw


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table as lines of text, its columns aligned below their names."""
    cells = [head, *rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def _canonical(scopes: list[str]) -> list[str]:
    """Return scopes in their stored form; hyphens and bare words are accepted (C-06)."""
    found = [scope.replace("-", "_") for scope in scopes]
    found = [f"all:{scope}" if scope in ("read", "write") else scope for scope in found]
    unknown = [scope for scope in found if scope not in CATALOG.scopes]
    if unknown:
        raise ProvisioningFailed(f"{unknown[0]!r} is no scope; there are {', '.join(CATALOG.scopes)}.")
    return sorted(set(found))
