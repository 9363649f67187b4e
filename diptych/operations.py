"""The commands about trusted operations: `diptych operations`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from diptych.commands import explained, settings

if TYPE_CHECKING:
    from services.engine.deployment import JudgeOperation
    from services.trusted_operator import TrustedOperator

_IN_WORKSPACE = click.option("--workspace", "slug", required=True, help="Slug of the workspace.")


@click.group()
def operations() -> None:
    """Manage trusted operations: GraphQL documents that are registered ahead."""


@operations.command("register")
@_IN_WORKSPACE
@click.option("--client", help="Which program sends them, such as web@1.4.")
@click.option("--dry-run", is_flag=True, help="Judge them, and register none.")
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE…", type=click.Path(exists=True, path_type=Path)
)
@explained
def register(slug: str, client: str | None, dry_run: bool, paths: Sequence[Path]) -> None:
    """Register the operations of .graphql files, folders of these, and manifests that build tools write.

    Manifests are those of Relay and GraphQL Code Generator (a map of hashes to documents) and of Apollo. What
    is refused is told, and the exit code is 1; the others are registered all the same.
    """
    from services import manifests

    listed = list(manifests.read(paths))
    with _operator(slug) as operator:
        told = operator.register(listed, client, dry_run=dry_run)
    for each in told.refused:
        click.echo(each, err=True)
    click.echo(f"{told.new} new, {told.known} known already, {len(told.refused)} refused.")
    sys.exit(1 if told.refused else 0)


@operations.command("list")
@_IN_WORKSPACE
@explained
def list_operations(slug: str) -> None:
    """List the operations that are registered in a workspace."""
    from services.trusted_operator import told

    with _operator(slug) as operator:
        for line in told(operator.list()):
            click.echo(line)


@contextmanager
def _operator(slug: str) -> Iterator["TrustedOperator"]:
    from diptych.engines import database
    from diptych.runtime import deployment
    from rest.http import BASE
    from services.trusted_operator import TrustedOperator

    found = settings()
    with database(found, operating=True) as url:
        yield TrustedOperator(url, slug, BASE, deployment(found, _judge()))


def _judge() -> "JudgeOperation":
    """Return what judges documents as this server would; the schema is built when it is first asked."""
    from functools import cache

    from schema.build import build
    from schema.documents import Documents
    from services.catalog import CATALOG
    from services.engine.deployment import JudgedOperation
    from services.engine.errors import Invalid

    documents = cache(lambda: Documents(build(CATALOG)))

    async def judge(text: str) -> JudgedOperation | Sequence[Invalid]:
        return documents().judged(text)

    return judge
