"""Audit rows of what operators do at the command line, where no request asks for it.

They name no token and no user, and the id of their request tells the command's run: `cli:` and a UUID.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Insert, insert

from db.models import AuditLog, PlatformLog


def request_id() -> str:
    """Return what stands for the id of a request in all that one run of a command does."""
    return f"cli:{uuid4()}"


@dataclass(frozen=True, slots=True)
class Note:
    """What was done to which row: by an operator unless it names a user."""

    action: str
    resource: str
    resource_id: UUID | str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    request: str = field(default_factory=request_id)

    def within(self, workspace: UUID | str) -> Insert:
        """Return the statement that writes it to the audit log of a workspace."""
        return insert(AuditLog).values(workspace_id=workspace, **self._values)

    @property
    def above(self) -> Insert:
        """Return the statement that writes it to the log of the platform, where no workspace is concerned."""
        return insert(PlatformLog).values(**self._values)

    @property
    def _values(self) -> dict[str, Any]:
        found = {"action": self.action, "resource": self.resource, "request_id": self.request}
        told = {"resource_id": self.resource_id, "before": self.before, "after": self.after}
        # What is left out is null, where JSON would have a null of its own.
        return found | {name: value for name, value in told.items() if value is not None}
