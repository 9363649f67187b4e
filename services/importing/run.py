"""Runs an import: batch by batch, each one transaction that also records how far the file was read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from db.auditing import Note
from db.bulk import Bulk, BulkFailed, connect
from db.imports import ImportKey, ImportOvertaken, Progress, advance, find, identify, start
from services.catalog import CATALOG
from services.engine.resource import Resource
from services.importing.entries import Entry, Shape
from services.importing.error_file import ErrorFile
from services.importing.groups import Groups
from services.importing.profiles import PROFILES
from services.importing.refusal import ImportRefused
from services.importing.rows import Rows, demanded
from services.importing.source import Source, open_source

BATCH = 2000
"""How many rows of the file one transaction holds, at least."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to import: a file, where to, and how its columns are to be read (see `columns.assign`)."""

    workspace: str
    resource: str
    path: Path
    errors_path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    rest: str | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How an import stands: rows written and rejected, and bytes of the file read of all it has.

    `handled` counts the rows of this run alone, as others may stem from the one that it resumes.
    """

    good: int
    rejected: int
    handled: int
    read: int
    size: int


def run(url: str, order: Order, on_progress: Callable[[Report], None] = lambda report: None) -> Report:
    """Import a file into the database at `url` and return the totals.

    Rows that cannot be written are added to the error file; the import goes on. Raises `ImportRefused`
    when nothing can be imported, or the import cannot go on.
    """
    resource = _resource(order.resource)
    with open_source(order.path) as source:
        shape = _shape(resource, source, order)
        try:
            with connect(url) as bulk:
                return _import(bulk, order, resource, source, shape, on_progress)
        except BulkFailed as error:
            raise ImportRefused(f"{error} What was imported stays; go on with --resume.") from error
        except ImportOvertaken:
            raise ImportRefused(
                f"Another process imports {order.path.name} as well; it goes on there."
            ) from None


def _import(
    bulk: Bulk,
    order: Order,
    resource: Resource,
    source: Source,
    shape: Shape,
    on_progress: Callable[[Report], None],
) -> Report:
    workspace_id = bulk.workspace_id(order.workspace)
    if workspace_id is None:
        raise ImportRefused(
            f"There is no workspace '{order.workspace}'; make one with `diptych workspace create`."
        )
    key = ImportKey(workspace_id, resource.plural, source.digest)
    with bulk.transaction():
        progress = begun = _begin(bulk, key, order)
        _note(bulk, key, order, begun)
    with closing(ErrorFile(order.errors_path, progress.errors_size)) as errors:
        batches = _ahead(_batches(shape.entries(source.records(progress.position, progress.line))))
        models = [item.model for item in shape.resources]
        for batch in batches if not progress.finished else ():
            bulk.analyse(*models)
            with bulk.transaction():
                progress = _write(bulk, key, shape, batch, errors, progress)
            on_progress(_report(begun, progress, source))
        if not progress.finished:
            with bulk.transaction():
                advance(bulk, key, progress, replace(progress, finished=True))
            bulk.settle(*models)
    return _report(begun, progress, source)


def _begin(bulk: Bulk, key: ImportKey, order: Order) -> Progress:
    options = {"columns": dict(order.columns), "rest": order.rest}
    found = find(bulk, key) if order.resume else None
    if found is None:
        return start(bulk, key, options)
    progress, earlier = found
    if earlier != options:
        raise ImportRefused(
            f"{order.path.name} was begun with other options ({earlier}); give the same ones to resume, or "
            "leave --resume out to begin anew: rows that exist are rejected."
        )
    return progress


def _note(bulk: Bulk, key: ImportKey, order: Order, begun: Progress) -> None:
    """Tell in the audit log that a run begins, and where, before it writes anything."""
    told = {
        "resource": order.resource,
        "file": order.path.name,
        "digest": key.digest,
        "rows_before": begun.good + begun.rejected,
    }
    bulk.note(key.workspace_id, Note("import.started", "import", identify(bulk, key), after=told))


def _write(
    bulk: Bulk, key: ImportKey, shape: Shape, batch: list[Entry], errors: ErrorFile, before: Progress
) -> Progress:
    # Two imports into one workspace would each make the products and customers that both mention.
    bulk.lock(f"import:{key.workspace_id}")
    clashes = shape.write(bulk, key.workspace_id, batch)
    known = [rejection for entry in batch for rejection in entry.rejections]
    errors.write(sorted([*known, *clashes], key=lambda rejection: rejection.line))
    count = sum(entry.count for entry in batch)
    rejected = sum(entry.count for entry in batch if entry.rejections) + len(
        {clash.line for clash in clashes}
    )
    after = Progress(
        position=batch[-1].end,
        line=batch[-1].last_line,
        good=before.good + count - rejected,
        rejected=before.rejected + rejected,
        errors_size=errors.size,
    )
    advance(bulk, key, before, after)
    return after


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while first := list(islice(remaining, 1)):
        count = first[0].count
        for entry in remaining:
            first.append(entry)
            count += entry.count
            if count >= BATCH:
                break
        yield first


def _ahead(batches: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """Yield `batches`, each read and judged in a thread while the database writes the one before."""
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, batches, None)
        while (batch := upcoming.result()) is not None:
            upcoming = pool.submit(next, batches, None)
            yield batch


def _shape(resource: Resource, source: Source, order: Order) -> Shape:
    profile = next((profile for profile in PROFILES if profile.parent is resource), None)
    if profile is not None:
        return Groups(profile, source, order.columns, order.rest)
    return Rows(resource, source, order.columns, order.rest)


def _resource(name: str) -> Resource:
    resource = CATALOG.by_key.get(name) or CATALOG.by_path.get(name)
    if resource is None or not _importable(resource):
        known = ", ".join(resource.plural for resource in CATALOG if _importable(resource))
        raise ImportRefused(f"There is no resource '{name}' to import into; there are {known}.")
    return resource


def _importable(resource: Resource) -> bool:
    """Tell whether rows can be made many at once, and of nothing that a rule alone works out."""
    if not (resource.tenant and resource.actions and resource.bulk):
        return False
    if any(profile.parent is resource for profile in PROFILES):
        return True
    return all(item.writable for item in resource.fields if demanded(resource, item.name))


def _report(begun: Progress, now: Progress, source: Source) -> Report:
    handled = now.good + now.rejected - begun.good - begun.rejected
    return Report(now.good, now.rejected, handled, source.consumed, source.size)
