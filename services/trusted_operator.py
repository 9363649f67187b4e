"""What an operator does with trusted operations at the command line, by the same rules as everybody."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from db import provision
from db.auditing import request_id
from db.driver import DatabaseError, Driver
from db.execute import Database
from db.migrate import operating
from db.provision import ProvisioningFailed, TrustedFacts
from services import token_rules
from services.catalog import CATALOG
from services.engine.access import Principal
from services.engine.context import Caller
from services.engine.deployment import Deployment
from services.engine.documents import whole_document
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.transaction import Ongoing, Statements
from services.engine.validate import read_values
from services.engine.work import Change
from services.manifests import Listed
from services.trusted_operations import TRUSTED_OPERATION, register

_NO_CURSORS = bytes(32)
_UNIQUE_VIOLATION = "23505"
_TAKEN = "already_taken"
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(slots=True)
class Registered:
    """What became of documents: how many are new, how many were known, and why others were refused."""

    new: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrustedOperator:
    """Manages the trusted operations of workspace `slug` in the database at `url`; `base` begins links."""

    url: str
    slug: str
    base: str
    deployment: Deployment

    def list(self) -> Sequence[TrustedFacts]:
        """Return the operations that are registered, by name; raises ProvisioningFailed."""
        return provision.list_trusted_operations(self.url, self._workspace())

    def register(
        self, documents: Sequence[Listed], client: str | None = None, *, dry_run: bool = False
    ) -> Registered:
        """Register the documents that are good, unless it is a `dry_run`; raises ProvisioningFailed."""
        return asyncio.run(self._register(self._workspace(), documents, client, dry_run))

    def _workspace(self) -> str:
        found = provision.find_workspace(self.url, self.slug)
        if found is None:
            raise ProvisioningFailed(f"There is no workspace {self.slug!r}.")
        return found

    async def _register(
        self, workspace: str, documents: Sequence[Listed], client: str | None, dry_run: bool
    ) -> Registered:
        told, driver = Registered(), Driver(operating(self.url), size=1)
        action = TRUSTED_OPERATION.actions_by_name["create"]
        principal = Principal("", workspace, frozenset({token_rules.ADMIN}), 0)
        caller = Caller(principal, b"", request_id(), "", time.time())
        try:
            async with Database(driver, _NO_CURSORS).transaction(workspace, None) as transaction:
                work = Ongoing(transaction, caller, action, self.deployment, self._statements)
                good = await _judged(work, documents, client, told)
                await work.insert(TRUSTED_OPERATION, good, action.event)
                if not dry_run:
                    await transaction.commit()
        except DatabaseError as error:
            if error.sqlstate != _UNIQUE_VIOLATION:
                raise
            raise ProvisioningFailed(
                "The same was registered by others meanwhile; run this again."
            ) from error
        finally:
            await driver.close()
        return told

    def _statements(self, resource: Resource) -> Statements:
        return Statements(resource, whole_document(CATALOG, resource, self.base))


async def _judged(
    work: Ongoing, documents: Sequence[Listed], client: str | None, told: Registered
) -> list[Change]:
    """Return those documents as rows that can be registered; tell of the others."""
    changes = [_change(work, each, client) for each in documents]
    await register(work, [each for each in changes if each.good])
    for listed, change in zip(documents, changes, strict=True):
        faults = [fault for found in change.invalid.values() for fault in found]
        if [fault.code for fault in faults] == [_TAKEN]:
            told.known += 1
        elif faults:
            told.refused.append(f"{listed.place}: {' '.join(fault.message for fault in faults)}")
        else:
            told.new += 1
    return [each for each in changes if each.good]


def _change(work: Ongoing, listed: Listed, client: str | None) -> Change:
    values, invalid = read_values(TRUSTED_OPERATION, {"text": listed.text, "client": client})
    change = work.new(TRUSTED_OPERATION, values)
    change.invalid = invalid
    if listed.fault:
        change.invalid = {"text": [Invalid("invalid_format", listed.fault)]}
    return change


def told(rows: Sequence[TrustedFacts]) -> list[str]:
    """Return operations as lines of text, one each, columns aligned."""
    cells = [("SHA256", "KIND", "NAME", "CLIENT", "REGISTERED"), *map(_cells, rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def _cells(row: TrustedFacts) -> tuple[str, ...]:
    return (row.sha256, row.kind, row.name, row.client or "-", row.inserted_at.strftime(_MOMENT))
