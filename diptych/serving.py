"""`diptych serve`: the database, the demo and the server processes, from start to clean end."""

import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from diptych.engines import database
from diptych.runtime import precheck_key
from diptych.settings import Settings
from diptych.worker import working

_DEMO = "demo"
_DEMO_SCOPES = ["all:write"]
_DEMO_TOKEN_FILE = "demo-token"  # noqa: S105 (a file name)
_DEMO_LOGIN_FILE = "demo-login"
_DEMO_EMAIL, _DEMO_NAME = "owner@demo.example", "Demo Owner"
_PASSWORD_BYTES = 15


def serve(
    settings: Settings, *, host: str | None, port: int | None, workers: int, demo: bool, works: bool
) -> None:
    """Serve until interrupted, and do the periodic work meanwhile if this one `works`.

    What was given on the command line overrides the settings.
    """
    given = settings.model_copy(
        update={name: value for name, value in (("host", host), ("port", port)) if value is not None}
    )
    # Nothing is started or filled for a server that could not listen.
    with _listening(given) as listener, database(given) as url:
        shown = _demo(given, given.database_direct_url or url) if demo else None
        _announce(given, listener, shown)
        with working(given, url) if works else contextlib.nullcontext(), _counting(given, workers) as counts:
            _run(given, url, workers, listener, counts)


def _listening(settings: Settings) -> socket.socket:
    """Return the socket that the server will answer on; raises ClickException if it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise click.ClickException(
            f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}. Choose another with "
            "--host and --port, or DIPTYCH_HOST and DIPTYCH_PORT."
        ) from error
    listener.set_inheritable(True)
    return listener


@contextlib.contextmanager
def _counting(settings: Settings, workers: int) -> Iterator[dict[str, str]]:
    """Yield what tells processes where to count limits together, which a single one need not be told."""
    if workers == 1 or settings.redis_url is not None or settings.limits == "off":
        yield {}
        return
    from db import valkey

    program = valkey.program()
    if program is None:
        click.echo(
            "Every worker counts limits by itself: there is no Valkey and no DIPTYCH_REDIS_URL.", err=True
        )
        yield {}
        return
    with valkey.running(program) as url:
        yield {"DIPTYCH_REDIS_URL": url}


def _run(settings: Settings, url: str, workers: int, listener: socket.socket, counts: dict[str, str]) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from diptych.protocol import Protocol

    # Workers are fresh processes: they read what they need from the environment.
    os.environ |= {
        "DIPTYCH_DATABASE_URL": url,
        "DIPTYCH_ENV": settings.env,
        "DIPTYCH_DATA_DIR": str(settings.data_dir),
        "DIPTYCH_PARENT": str(os.getpid()),
        **counts,
    }
    config = uvicorn.Config(
        "diptych.app:create",
        factory=True,
        workers=workers,
        loop="uvloop",
        # Each connection is given one of its own, as with a class.
        http=partial(Protocol, patience=settings.request_seconds),  # type: ignore[arg-type]
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=10,
        # A worker of a busy machine is slow to begin, and killing it would make it begin anew.
        timeout_worker_healthcheck=30,
    )
    # uvicorn ends gracefully and then repeats the signal, for us to end likewise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        if workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            Multiprocess(config, sockets=[listener]).run()


def _demo(settings: Settings, url: str) -> tuple[str, str | None]:
    """Fill the demo workspace if need be, and return a live token for it and what its owner logs in with."""
    from db.provision import find_workspace
    from services import demo

    if find_workspace(url, demo.SLUG) is None:
        click.echo("Filling the demo workspace, this once; it takes some seconds.")
    workspace = demo.fill(url)
    return _token(settings, url), _login(settings, url, str(workspace))


def _token(settings: Settings, url: str) -> str:
    """Return the token kept from an earlier start if it may still do all that a new one may, else that.

    Whoever tries the demo, or loads it, is not to be throttled.
    """
    from db import provision
    from db.models import RateTier
    from services import operator, tokens

    kept = settings.data_dir / _DEMO_TOKEN_FILE
    raw = kept.read_text() if kept.exists() else ""
    key = tokens.lookup_key(raw, settings.env)
    tier, precheck = RateTier.ENTERPRISE, precheck_key(settings)
    if key is not None and provision.is_live(url, key, _DEMO_SCOPES, tier):
        return raw
    fresh = operator.create_token(url, _DEMO, "demo", _DEMO_SCOPES, settings.env, precheck, tier)
    _keep(kept, fresh)
    return fresh


def _login(settings: Settings, url: str, workspace: str) -> str | None:
    """Return address and password of the demo's owner, who is made if need be, but never in prod.

    The password is another one wherever there is a demo, and is told as long as nobody changes it.
    """
    from db import enrolling
    from services import passwords
    from services.roles import Role

    if settings.env == "prod":
        return None
    kept = settings.data_dir / _DEMO_LOGIN_FILE
    stored = enrolling.password_of(url, _DEMO_EMAIL)
    if stored is None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        hash_ = passwords.hash_now(password)
        enrolling.enrol(url, workspace, _DEMO_EMAIL, _DEMO_NAME, hash_, Role.OWNER)
        _keep(kept, password)
    else:
        password = kept.read_text() if kept.exists() else ""
        if not passwords.verified_now(password, stored):
            return f"{_DEMO_EMAIL}, whose password was changed"
    return f"{_DEMO_EMAIL} {password}"


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _announce(settings: Settings, listener: socket.socket, demo: tuple[str, str | None] | None) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{listener.getsockname()[1]}"
    click.echo(f"REST      {base}/api/v1/products")
    click.echo(f"GraphQL   {base}/graphql")
    click.echo(f"MCP       {base}/mcp")
    click.echo(f"Docs      {base}/docs")
    click.echo(f"Health    {base}/health/ready")
    if demo is not None:
        token, login = demo
        if login is not None:
            click.echo(f"Login     {login}")
        click.echo(f"Token     {token}")
        click.echo(f'Try       curl -H "Authorization: Bearer {token}" "{base}/api/v1/products?per_page=2"')
