"""What an operator takes out of the audit log at the command line, as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO, LiteralString

from db import exporting as rows_of
from db import provision
from db.models import AuditLog, PlatformLog
from db.provision import ProvisioningFailed
from services import exporting
from services.audit_logs import AUDIT_LOG
from services.engine.encoding import identifier
from services.exporting import Format

_OF_WORKSPACE = tuple(item.name for item in AUDIT_LOG.shown_fields)
_OF_PLATFORM = (
    "id",
    "action",
    "resource",
    "resource_id",
    "user_id",
    "address",
    "request_id",
    "before",
    "after",
    "inserted_at",
)
_IDS = ("resource_id", "user_id", "token_id")


def export(
    url: str,
    slug: str | None,
    format_: Format,
    out: BinaryIO,
    equal: Mapping[str, str],
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write the log of workspace `slug`, or that of the platform, to `out` and return how many rows it has.

    Only rows whose columns are `equal` to these texts, from `since` on and before `until`. Raises
    ProvisioningFailed.
    """
    columns = _OF_PLATFORM if slug is None else _OF_WORKSPACE
    only = _conditions(equal, columns, since, until)
    if slug is not None:
        own = provision.workspace_of(url, slug)
        only |= {("workspace_id", "="): own, ("deleted_at", "IS NOT DISTINCT FROM"): None}
    count = 0
    out.write(exporting.head(format_, columns))
    for rows in rows_of.portions(url, PlatformLog if slug is None else AuditLog, columns, only):
        out.write(exporting.portion(format_, columns, rows))
        count += len(rows)
    return count


def _conditions(
    equal: Mapping[str, str], columns: tuple[str, ...], since: datetime | None, until: datetime | None
) -> dict[tuple[str, LiteralString], Any]:
    found: dict[tuple[str, LiteralString], Any] = {}
    for name, value in equal.items():
        if name not in columns:
            raise ProvisioningFailed(f"The log of the platform has no {name}.")
        if name in _IDS and identifier(value) is None:
            raise ProvisioningFailed(f"{value!r} is no id.")
        found[name, "="] = identifier(value) if name in _IDS else value
    if since is not None:
        found["inserted_at", ">="] = since
    if until is not None:
        found["inserted_at", "<"] = until
    return found
