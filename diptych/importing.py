"""`diptych import`: a progress bar, the totals and the exit code around an import."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from services.importing import ImportRefused, Order, Report, run


def run_import(
    url: str,
    *,
    workspace: str,
    resource: str,
    path: Path,
    columns: Sequence[str] = (),
    rest: str | None = None,
    resume: bool = False,
    errors_path: Path | None = None,
) -> int:
    """Import `path` and return the exit code: 0 if any row was good, 1 if none was or nothing could begin,
    130 if it was interrupted.

    Each of `columns` is a comma-separated list of column=field, as `--map` takes it. Rows that cannot be
    written go to `errors_path`, by default the file's own name with `.errors.ndjson` after it.
    """
    console = Console(stderr=True, soft_wrap=True)
    errors = errors_path or path.with_name(f"{path.name}.errors.ndjson")
    try:
        order = Order(workspace, resource, path, errors, parse_map(columns), rest, resume)
        report = _run_with_bar(url, order, console)
    except ImportRefused as refusal:
        console.print(f"diptych import: {refusal}", style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("diptych import: stopped; go on with --resume.", style="red", highlight=False)
        return 130
    said = f"{report.good} rows imported, {report.rejected} rejected."
    if report.rejected:
        said += f" What was wrong with each is in {errors}."
    Console(soft_wrap=True).print(said, markup=False, highlight=False)
    return 0 if report.good else 1


def parse_map(columns: Sequence[str]) -> dict[str, str]:
    """Return the column=field pairs of `--map`; a column without a field is left out of the import.

    Raises `ImportRefused` for anything else.
    """
    pairs = [pair.rpartition("=") for given in columns for pair in given.split(",") if pair.strip()]
    for column, equals, field in pairs:
        if not equals or not column.strip():
            raise ImportRefused(f"--map takes column=field pairs with commas between, not '{field}'.")
    return {column.strip(): field.strip() for column, _, field in pairs}


def _run_with_bar(url: str, order: Order, console: Console) -> Report:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rejected]:,} rejected"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task(f"Importing {order.resource}", total=None, rows=0, rejected=0, rate=0.0)
        return run(url, order, lambda report: _show(bar, task, report))


def _show(bar: Progress, task: TaskID, report: Report) -> None:
    elapsed = bar.tasks[task].elapsed or 0.0
    bar.update(
        task,
        completed=report.read,
        total=report.size,
        rows=report.good + report.rejected,
        rejected=report.rejected,
        rate=report.handled / elapsed if elapsed else 0.0,
    )
