"""The commands about people: `diptych user`."""

import sys

import click

from diptych.commands import explained, settings


@click.group()
def user() -> None:
    """Manage people who log in."""


@user.command("create")
@click.option("--email", required=True, help="Address to log in with.")
@click.option("--name", required=True, help="What the user is called.")
@click.option("--workspace", help="Slug of a workspace to belong to.")
@click.option(
    "--role",
    type=click.Choice(["owner", "admin", "member", "viewer"]),
    default="member",
    show_default=True,
    help="What the user is there.",
)
@click.option("--platform-admin", "administers", is_flag=True, help="Let the user administer the platform.")
@explained
def create_user(email: str, name: str, workspace: str | None, role: str, administers: bool) -> None:
    """Create a user and print the id; the password is asked for, or read from standard input."""
    from db.models import Role
    from diptych.engines import database
    from services import user_operator

    if workspace is not None and administers:
        raise click.UsageError("Use either --workspace or --platform-admin.")
    password = _password()
    with database(settings(), operating=True) as url:
        click.echo(
            user_operator.create(
                url, email, name, password, workspace=workspace, role=Role(role), administers=administers
            )
        )


@user.command("list")
@explained
def list_users() -> None:
    """List all users."""
    from diptych.engines import database
    from services import user_operator

    with database(settings(), operating=True) as url:
        for line in user_operator.told(url):
            click.echo(line)


@user.command("set-password")
@click.option("--forget-second-factor", is_flag=True, help="For who has lost it, and the recovery codes too.")
@click.argument("email")
@explained
def set_password(email: str, forget_second_factor: bool) -> None:
    """Give a user another password and end their sessions; it is asked for, or read from standard input."""
    from diptych.engines import database
    from services import user_operator

    password = _password()
    with database(settings(), operating=True) as url:
        ended = user_operator.set_password(url, email, password, forget_second_factor=forget_second_factor)
    click.echo(f"{ended} sessions ended.")


@user.command("disable")
@click.argument("email")
@explained
def disable_user(email: str) -> None:
    """Keep a user from logging in, and end their sessions at once."""
    from diptych.engines import database
    from services import user_operator

    with database(settings(), operating=True) as url:
        click.echo(f"{user_operator.disable(url, email)} sessions ended.")


@user.command("enable")
@click.argument("email")
@explained
def enable_user(email: str) -> None:
    """Let a user log in again."""
    from diptych.engines import database
    from services import user_operator

    with database(settings(), operating=True) as url:
        user_operator.enable(url, email)


def _password() -> str:
    """Return a password that nobody sees on the screen, nor in the list of processes."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
