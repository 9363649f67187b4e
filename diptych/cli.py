"""The command line: `diptych`."""

import gc
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from diptych.commands import explained as _explained
from diptych.commands import settings as _settings
from diptych.operations import operations
from diptych.users import user

if TYPE_CHECKING:
    from services.token_operator import TokenOperator


@click.group()
@click.version_option(package_name="diptych")
def main() -> None:
    """Run and manage a Diptych server."""


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--demo/--no-demo", default=False, help="Fill and announce a demo workspace.")
@click.option(
    "--worker/--no-worker", "works", default=True, show_default=True, help="Do the periodic work too."
)
@_explained
def serve(host: str | None, port: int | None, workers: int, demo: bool, works: bool) -> None:
    """Start the server, with its own PostgreSQL unless one is configured."""
    settings = _settings()
    # What is imported stays, so looking for garbage in it would only delay the start and every later look.
    gc.disable()
    from diptych import serving

    if workers == 1:
        importlib.import_module("diptych.app")
    gc.freeze()
    gc.enable()
    serving.serve(settings, host=host, port=port, workers=workers, demo=demo, works=works)


@main.command()
@_explained
def worker() -> None:
    """Do the periodic work alone, for servers that were started with --no-worker."""
    from diptych.worker import work

    work(_settings())


@main.command()
@_explained
def migrate() -> None:
    """Bring the database to the newest schema."""
    from diptych.engines import database

    with database(_settings()):
        click.echo("The database has the newest schema.")


@main.group()
def workspace() -> None:
    """Manage workspaces."""


@workspace.command("create")
@click.option("--slug", required=True, help="Short name, unique.")
@click.option("--name", required=True, help="Display name.")
@click.option("--tier", default="free", show_default=True, help="Tier, which names its plan.")
@_explained
def create_workspace(slug: str, name: str, tier: str) -> None:
    """Create a workspace and print its id."""
    from diptych.engines import database
    from services import operator

    with database(_settings(), operating=True) as url:
        click.echo(operator.create_workspace(url, slug, name, tier))


@workspace.command("set-tier")
@click.argument("slug")
@click.argument("tier")
@_explained
def set_workspace_tier(slug: str, tier: str) -> None:
    """Move a workspace to the plan of another tier, from its next request on."""
    from diptych.engines import database
    from services import operator

    with database(_settings(), operating=True) as url:
        operator.set_tier(url, slug, tier)


@main.group()
def token() -> None:
    """Manage tokens."""


@token.command("create")
@click.option("--workspace", "slug", required=True, help="Slug of the workspace.")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scopes", required=True, help="Scopes, separated by commas, such as all:read.")
@click.option("--trusted-only", is_flag=True, help="Bind it to trusted operations.")
@_explained
def create_token(slug: str, name: str, scopes: str, trusted_only: bool) -> None:
    """Create a token and print it, this once."""
    from diptych.engines import database
    from diptych.runtime import precheck_key
    from services import operator

    settings = _settings()
    with database(settings, operating=True) as url:
        listed = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        made = operator.create_token(
            url, slug, name, listed, settings.env, precheck_key(settings), trusted_only=trusted_only
        )
        click.echo(made)


_IN_WORKSPACE = click.option("--workspace", "slug", required=True, help="Slug of the workspace.")


@token.command("list")
@_IN_WORKSPACE
@click.option("--all", "every", is_flag=True, help="Show revoked ones too.")
@_explained
def list_tokens(slug: str, every: bool) -> None:
    """List the tokens of a workspace."""
    from services import token_operator

    with _token_operator(slug) as tokens:
        for line in token_operator.told(tokens.list(every=every)):
            click.echo(line)


@token.command("revoke")
@_IN_WORKSPACE
@click.argument("id_", metavar="ID")
@_explained
def revoke_token(slug: str, id_: str) -> None:
    """End a token at once and for good; the last admin token of a workspace stays."""
    with _token_operator(slug) as tokens:
        tokens.revoke(id_)


@token.command("rotate")
@_IN_WORKSPACE
@click.option(
    "--grace-hours",
    type=click.IntRange(0, 720),
    default=24,
    show_default=True,
    help="Hours in which both open the door.",
)
@click.argument("id_", metavar="ID")
@_explained
def rotate_token(slug: str, grace_hours: int, id_: str) -> None:
    """Put a new token in the place of another and print it, this once."""
    with _token_operator(slug) as tokens:
        click.echo(tokens.rotate(id_, grace_hours))


@contextmanager
def _token_operator(slug: str) -> Iterator["TokenOperator"]:
    from diptych.engines import database
    from diptych.runtime import deployment
    from rest.http import BASE
    from services.token_operator import TokenOperator

    settings = _settings()
    with database(settings, operating=True) as url:
        yield TokenOperator(url, slug, BASE, deployment(settings))


main.add_command(user)
main.add_command(operations)


@main.group()
def administrator() -> None:
    """Manage who administers the platform, across all workspaces."""


@administrator.command("list")
@_explained
def list_administrators() -> None:
    """List who administers the platform."""
    from db import administering
    from diptych.engines import database

    with database(_settings(), operating=True) as url:
        for email, name, disabled in administering.listed(url):
            click.echo(f"{email}  {name}{'  (disabled)' if disabled else ''}")


@administrator.command("grant")
@click.argument("email")
@_explained
def grant_administration(email: str) -> None:
    """Let a user administer the platform: log in to any workspace, where all that they read is audited."""
    _decide(email, administers=True)


@administrator.command("withdraw")
@click.argument("email")
@_explained
def withdraw_administration(email: str) -> None:
    """Let a user administer the platform no longer, and end at once the sessions that they had as such."""
    _decide(email, administers=False)


def _decide(email: str, *, administers: bool) -> None:
    from db import administering
    from diptych.engines import database

    with database(_settings(), operating=True) as url:
        email = email.lower()
        new = administering.decide(url, email, administers=administers)
    said = "administers the platform" if administers else "does not administer the platform"
    click.echo(f"{email} {said}{' now' if new else ' already' if administers else ''}.")


@main.group()
def audit() -> None:
    """Read what was done."""


_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@audit.command("export")
@click.option("--workspace", "slug", help="Slug of the workspace; without, the log of the platform.")
@click.option(
    "--format", "format_", type=click.Choice(["ndjson", "csv"]), default="ndjson", show_default=True
)
@click.option("--since", type=_MOMENT, help="The first moment, in UTC.")
@click.option("--until", type=_MOMENT, help="The first moment that is left out, in UTC.")
@click.option("--action", help="Only this, such as product.updated.")
@click.option("--resource-id", help="Only what was done to this row.")
@click.option("--user-id", help="Only what this user did.")
@click.option("--token-id", help="Only what this token did.")
@click.option("--request-id", help="Only what this request did.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write to.")
@_explained
def export_audit(
    slug: str | None,
    format_: str,
    since: datetime | None,
    until: datetime | None,
    output: Path | None,
    **equal: str | None,
) -> None:
    """Write the audit log as a file, the newest row first, and say how many rows it has."""
    from diptych.engines import database
    from services.audit_export import export
    from services.exporting import Format

    moments = [None if each is None else each.replace(tzinfo=UTC) for each in (since, until)]
    only = {name: value for name, value in equal.items() if value is not None}
    with database(_settings(), operating=True) as url, _opened(output) as out:
        count = export(url, slug, Format(format_), out, only, *moments)
    click.echo(f"{count} rows.", err=True)


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """Open a file that only its owner may read, or the standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as out:
        yield out


@main.command()
@click.argument("resource")
@_explained
def explain(resource: str) -> None:
    """Print what is derived from one resource: addresses, fields, scopes and the SQL of sample plans."""
    from diptych.explaining import explain as text

    click.echo(text(resource))


@main.command()
@_explained
def verify() -> None:
    """Check every declaration."""
    from services.catalog import CATALOG
    from services.engine.verify import verify as check

    check(CATALOG)
    click.echo(f"{len(CATALOG.resources)} resources are sound.")


@main.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes that the server has.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON array.")
@_explained
def doctor(workers: int, as_json: bool) -> None:
    """Check the installation: settings, files, database, walls, clock; exit code 1 if there is a problem."""
    from dataclasses import asdict

    from diptych.doctor import Level, examine

    found = examine(_settings(), workers)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            click.echo(f"{each.level.upper():8} {each.area}: {each.sentence} {each.remedy}")
        click.echo("Nothing is wrong." if not found else f"{len(found)} findings.")
    sys.exit(1 if any(each.level is Level.PROBLEM for each in found) else 0)


@main.command("rotate-secrets")
@_explained
def rotate_secrets() -> None:
    """Encrypt every stored secret anew under DIPTYCH_SECRET_KEY."""
    from diptych.engines import database
    from services.engine.secrets import Vault
    from services.rotation import rotate_secrets as rotate

    settings = _settings()
    with database(settings, operating=True) as url:
        found = rotate(url, Vault([settings.key, *settings.previous_keys]))
    click.echo(f"{found.renewed} secrets were encrypted anew.")
    if found.unreadable:
        raise click.ClickException(
            f"{len(found.unreadable)} secrets cannot be read, the first of them {found.unreadable[0]}: add "
            "the key that they were encrypted under to DIPTYCH_SECRET_KEY_PREVIOUS."
        )


@main.command()
def sdl() -> None:
    """Print the GraphQL schema."""
    from schema.build import sdl as schema_text
    from services.catalog import CATALOG

    click.echo(schema_text(CATALOG), nl=False)


@main.command()
@click.option("--module", help="What it tells of one module alone, such as commerce.")
def openapi(module: str | None) -> None:
    """Print the OpenAPI document."""
    import orjson

    from rest.openapi.document import document, of_module
    from services.catalog import CATALOG

    found = document(CATALOG, version("diptych"))
    if module is not None and module not in [each.name for each in CATALOG.modules]:
        raise click.ClickException(f"There are only {', '.join(each.name for each in CATALOG.modules)}.")
    found = found if module is None else of_module(found, module)
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@main.command()
def agents() -> None:
    """Print the whole API as one text for language models."""
    from rest.agents.text import text
    from services.catalog import CATALOG

    click.echo(text(CATALOG, version("diptych")), nl=False)


@main.command("import")
@click.option("--workspace", required=True, help="Slug of the workspace.")
@click.option("--resource", required=True, help="Plural name of the resource, such as products.")
@click.option(
    "--map", "columns", multiple=True, help="Columns for fields: column=field, separated by commas."
)
@click.option("--rest", help="JSONB field that takes the columns left over.")
@click.option("--errors", "errors_path", type=click.Path(path_type=Path), help="File for refused rows.")
@click.option("--resume", is_flag=True, help="Go on after the last row that an earlier run committed.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_explained
def import_file(file: Path, **options: Any) -> None:
    """Import a CSV or NDJSON file, plain or gzipped."""
    from diptych.engines import database
    from diptych.importing import run_import

    with database(_settings(), operating=True) as url:
        code = run_import(url, path=file, **options)
    sys.exit(code)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
