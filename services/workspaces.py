"""Workspaces: the tenants themselves, as far as a token may see them."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

from db.models import Tier, Workspace
from db.queries import workspaces as queries
from services import slugs
from services.engine.actions import writes
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid, conflict
from services.engine.resource import Counted, Field, Members, Resource
from services.engine.validate import TAKEN, UNKNOWN
from services.engine.values import Inner
from services.engine.work import Change, Work
from services.memberships import MEMBERSHIP
from services.roles import Role

DEFAULTS: Mapping[str, str] = {"timezone": "UTC", "locale": "en_GB"}
"""Every setting, and what it is unless it was set."""

_MOST_ATTEMPTS = 5
_LONGEST_STEM = 50
_TIERS = tuple(Tier)

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_([A-Z]{2}|[0-9]{3}))?")
_NO_ZONE = Invalid("inclusion", "This must be the name of a time zone such as Europe/London (IANA).")
_NO_LOCALE = Invalid("invalid_format", "This must be a locale such as en_GB (BCP 47, with underscores).")
_TOO_HIGH = Invalid("exclusion", "A workspace cannot have a higher tier than the one that creates it.")


@cache
def _zones() -> frozenset[str]:
    # Those two are places of a machine, not of the world.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _settings(value: Mapping[str, Any]) -> Mapping[str, Any] | Inner:
    """Return settings if each is one that exists; null stands for the default."""
    faults = {name: fault for name, one in value.items() if (fault := _fault(name, one)) is not None}
    return Inner({name: [fault] for name, fault in faults.items()}) if faults else value


def _fault(name: str, value: Any) -> Invalid | None:
    if name not in DEFAULTS:
        return UNKNOWN
    if value is None:
        return None
    if name == "timezone":
        return None if isinstance(value, str) and value in _zones() else _NO_ZONE
    return None if isinstance(value, str) and _LOCALE.fullmatch(value) else _NO_LOCALE


def _slug(values: Mapping[str, Any], attempt: int) -> str:
    # Slugs of workspaces are shorter than other ones, and a suffix must fit too.
    stem = slugs.slugify(str(values.get("name") or ""))[:_LONGEST_STEM]
    return slugs.fallback({"name": stem}, attempt)


async def create(work: Work, changes: Sequence[Change]) -> None:
    """Make workspaces below the caller's own, of its tier at most (C-12)."""
    tier = decoded((await work.rows(queries.TIER))[0][0])
    for each in changes:
        if each.good and _TIERS.index(Tier(each.after["tier"])) > _TIERS.index(Tier(tier)):
            each.refuse("tier", _TOO_HIGH)
    await _complete(work, changes)
    if work.caller.principal.user_id is not None:
        work.then(partial(_own, work, changes, work.caller.principal.user_id))


async def _own(work: Work, changes: Sequence[Change], user: str) -> None:
    """Make the user whose session has made workspaces their owner (C-12)."""
    for each in changes:
        if each.good:
            with work.within(each.id):
                owner = work.new(MEMBERSHIP, {"user_id": user, "role": Role.OWNER})
                await work.insert(MEMBERSHIP, [owner])


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Judge changed workspaces."""
    await _complete(work, changes)


async def delete(work: Work, changes: Sequence[Change]) -> None:
    """Delete workspaces below the caller's own, whose tokens then open nothing any more (C-12)."""
    found = await work.rows(queries.PARENTS, text_array(each.id for each in changes))
    parents = {decoded(id_) for (id_,) in found}
    for each in changes:
        if each.id == work.caller.principal.workspace_id:
            each.problem = conflict("A token cannot delete the workspace that it belongs to.")
        elif each.id in parents:
            each.problem = conflict(
                "It has workspaces of its own, whose tokens would live on: delete these first."
            )


async def restore(work: Work, changes: Sequence[Change]) -> None:
    """Restore workspaces, unless another one has taken the slug."""
    back = [each for each in changes if each.good and "deleted_at" in each.values]
    taken = await _taken_slugs(work, back)
    for each in back:
        if each.after["slug"] in taken:
            each.problem = conflict("Another one has taken its slug since it was deleted.")


async def _complete(work: Work, changes: Sequence[Change]) -> None:
    """Give settings their defaults (C-41), and slugs that were not sent another try where they are taken."""
    good = [each for each in changes if each.good]
    for each in good:
        if "settings" in each.values:
            given = {name: one for name, one in each.values["settings"].items() if one is not None}
            each.values["settings"] = {**DEFAULTS, **given}
    for _ in range(_MOST_ATTEMPTS):
        open_ = [each for each in good if "slug" in each.values and each.good]
        taken = await _taken_slugs(work, open_)
        clashing = [each for each in open_ if _is_taken(each, open_, taken)]
        for each in clashing:
            _change_slug(each)
        if not any(each.good for each in clashing):
            break


async def _taken_slugs(work: Work, changes: Sequence[Change]) -> dict[str, str]:
    """Return those slugs of `changes` that live workspaces have, and which."""
    if not changes:
        return {}
    wanted = text_array(str(each.after["slug"]) for each in changes)
    rows = await work.rows(queries.TAKEN_SLUGS, wanted)
    return {decoded(slug): decoded(id_) for slug, id_ in rows}


def _is_taken(change: Change, changes: Sequence[Change], taken: Mapping[str, str]) -> bool:
    slug = change.values["slug"]
    if taken.get(slug, change.id) != change.id:
        return True
    # What was sent is kept, so it comes first.
    rivals = (each for each in changes if each.values["slug"] == slug)
    return min(rivals, key=lambda each: "slug" in each.generated) is not change


def _change_slug(change: Change) -> None:
    """Give a slug that was made another try; refuse one that was sent."""
    if "slug" not in change.generated:
        change.refuse("slug", TAKEN)
        return
    change.generated["slug"] += 1
    change.values["slug"] = _slug(change.values, change.generated["slug"])


WORKSPACE = Resource(
    name="workspace",
    plural="workspaces",
    model=Workspace,
    doc="A tenant: everything else belongs to exactly one workspace.",
    counted=Counted("workspaces"),
    fields=(
        Field(
            "name",
            "Display name.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            example="Acme Corporation",
        ),
        Field(
            "slug",
            "Short name in URLs, unique among all workspaces; made of the name unless sent.",
            writable=True,
            filterable=True,
            check=slugs.check,
            pattern=slugs.PATTERN,
            fallback=_slug,
            example="acme-corp",
        ),
        Field(
            "tier",
            "Billing tier, decided on creation; at most that of the workspace that creates it.",
            writable=True,
            filterable=True,
            fixed=True,
            enum=Tier,
            example="pro",
        ),
        Field(
            "settings",
            "Settings of the workspace: `timezone` (IANA name) and `locale`; left out, the default.",
            writable=True,
            check=_settings,
            members=Members("WorkspaceSettings", tuple(DEFAULTS)),
            example={"timezone": "UTC", "locale": "en_GB"},
        ),
        Field("parent_workspace_id", "The workspace that created this one, or null.", filterable=True),
    ),
    actions=writes(creating=create, changing=change, deleting=delete, restoring=restore),
)
