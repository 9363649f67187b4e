"""Progress of imports, read and written beside the rows that it counts."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from db.bulk import Bulk


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file has been read: bytes and lines of its text, rows, and bytes of its error file."""

    position: int = 0
    line: int = 0
    good: int = 0
    rejected: int = 0
    errors_size: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class ImportKey:
    """Which import it is: one file on its way into one resource of one workspace."""

    workspace_id: UUID
    resource: str
    digest: str


class ImportOvertaken(Exception):
    """Another process imports the same file; the transaction must be rolled back."""


def find(bulk: Bulk, key: ImportKey) -> tuple[Progress, dict[str, Any]] | None:
    """Return the progress recorded under `key` and the options it was started with."""
    found = bulk.run(
        "SELECT position, line, good, rejected, errors_size, finished_at IS NOT NULL, options FROM imports"
        " WHERE workspace_id = %s AND resource = %s AND digest = %s",
        (key.workspace_id, key.resource, key.digest),
    )
    return (Progress(*found[0][:6]), found[0][6]) if found else None


def identify(bulk: Bulk, key: ImportKey) -> UUID:
    """Return the id of what is recorded under `key`."""
    found: UUID = bulk.run(
        "SELECT id FROM imports WHERE workspace_id = %s AND resource = %s AND digest = %s",
        (key.workspace_id, key.resource, key.digest),
    )[0][0]
    return found


def start(bulk: Bulk, key: ImportKey, options: dict[str, Any]) -> Progress:
    """Record that the file is read from its beginning, forgetting any earlier progress."""
    bulk.run(
        "INSERT INTO imports (workspace_id, resource, digest, options, position, line, good, rejected,"
        " errors_size) VALUES (%s, %s, %s, %s::jsonb, 0, 0, 0, 0, 0) ON CONFLICT (workspace_id, resource,"
        " digest) DO UPDATE SET options = excluded.options, position = 0, line = 0, good = 0, rejected = 0,"
        " errors_size = 0, finished_at = NULL, updated_at = now(), version = imports.version + 1",
        (key.workspace_id, key.resource, key.digest, orjson.dumps(options).decode()),
    )
    return Progress()


def advance(bulk: Bulk, key: ImportKey, before: Progress, after: Progress) -> None:
    """Record `after`, in the transaction that wrote the rows between; raises `ImportOvertaken`."""
    moved = bulk.run(
        "UPDATE imports SET position = %s, line = %s, good = %s, rejected = %s, errors_size = %s,"
        " finished_at = CASE WHEN %s THEN now() END, updated_at = now(), version = version + 1"
        " WHERE workspace_id = %s AND resource = %s AND digest = %s AND position = %s AND finished_at IS NULL"
        " RETURNING id",
        (
            after.position,
            after.line,
            after.good,
            after.rejected,
            after.errors_size,
            after.finished,
            key.workspace_id,
            key.resource,
            key.digest,
            before.position,
        ),
    )
    if not moved:
        raise ImportOvertaken
