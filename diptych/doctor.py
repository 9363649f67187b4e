"""`diptych doctor`: what is wrong with an installation, each in a sentence with its remedy."""

import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

from db.inspecting import EXTENSIONS, Facts, inspect, redis_fault
from db.migrate import MigrationFailed, head
from db.walls import Rls
from diptych.settings import Settings
from services.tokens import Environment

_PYTHON = (3, 11)
_OLDEST = 150_000
# The first of each major version whose statistics show no rows that a policy hides (CVE-2025-8713).
_MENDED = {15: 150_014, 16: 160_010, 17: 170_006}
_MOST_SKEW_SECONDS = 2.0
_LEAST_FREE_BYTES = 500_000_000
_LEAST_CHARACTERS = 10
_PER_CONNECTION = 2


class Level(StrEnum):
    """How bad it is: a problem makes the check fail, advice does not."""

    PROBLEM = "problem"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    level: Level
    area: str
    sentence: str
    remedy: str


def examine(settings: Settings, workers: int = 1) -> list[Finding]:
    """Return everything that is found, problems first; nothing is changed."""
    found = [*python(sys.version_info[:2]), *configuration(settings), *folder(settings.data_dir)]
    found += redis(settings)
    try:
        with _database(settings) as url:
            if url is None:
                found.append(_unmade(settings))
            else:
                found += database(settings, inspect(url, settings.rls), workers)
    except MigrationFailed as error:
        found.append(_problem("database", str(error), "Start it, or correct DIPTYCH_DATABASE_URL."))
    return sorted(found, key=lambda each: each.level is Level.ADVICE)


@contextmanager
def _database(settings: Settings) -> Iterator[str | None]:
    """Yield the address of the database without migrating it, None for an embedded one not made yet."""
    if settings.database_url is not None:
        yield settings.database_direct_url or settings.database_url
        return
    if not (settings.data_dir / "postgres").exists():
        yield None
        return
    from db import embedded

    with embedded.start(settings.data_dir, settings.pg_bin) as running:
        yield running.dsn()


def _unmade(settings: Settings) -> Finding:
    return _advice(
        "database",
        f"There is no database in {settings.data_dir} yet.",
        "Run `diptych migrate` or `diptych serve`, which make it.",
    )


# The machine


def python(version: tuple[int, ...]) -> Iterator[Finding]:
    """Yield what is wrong with the interpreter."""
    if version < _PYTHON:
        said, needed = ".".join(map(str, version)), ".".join(map(str, _PYTHON))
        yield _problem("python", f"Python {said} is too old.", f"Run Diptych with Python {needed} or newer.")


def folder(path: Path) -> Iterator[Finding]:
    """Yield what is wrong with the data folder: others must neither write to it nor read secrets in it."""
    if not path.exists():
        return
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield _problem("files", f"Others may write to {path}.", f"Run chmod go-w {path}.")
    for name in ("secret", "demo-token", "demo-login"):
        file = path / name
        if file.exists() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield _problem(
                "files", f"Others may read {file}.", f"Run chmod 600 {file}, and replace what it holds."
            )
    if (free := shutil.disk_usage(path).free) < _LEAST_FREE_BYTES:
        yield _problem(
            "files", f"The disk that holds {path} has {free // 10**6} MB left.", "Make room on it."
        )


def redis(settings: Settings) -> Iterator[Finding]:
    """Yield why a Redis that is configured does not answer."""
    if settings.redis_url is None:
        return
    fault = redis_fault(settings.redis_url.get_secret_value())
    if fault is not None:
        yield _problem("redis", f"Redis does not answer: {fault}.", "Start it, or correct DIPTYCH_REDIS_URL.")


# The settings


def configuration(settings: Settings) -> Iterator[Finding]:
    """Yield what is weak in the settings."""
    key = settings.secret_key.get_secret_value() if settings.secret_key is not None else None
    if key is not None and len(set(key)) < _LEAST_CHARACTERS:
        yield _problem(
            "settings",
            "DIPTYCH_SECRET_KEY has few different characters, so it is no random one.",
            "Make one by `openssl rand -hex 32`, and keep this one in DIPTYCH_SECRET_KEY_PREVIOUS meanwhile.",
        )
    if settings.rls is Rls.OFF:
        yield _weak(
            settings, "DIPTYCH_RLS=off leaves the second wall between workspaces down.", "Leave it out."
        )
    if settings.limits == "off":
        yield _weak(settings, "DIPTYCH_LIMITS=off lets anybody ask as much as they like.", "Leave it out.")
    if settings.https_required and not settings.trusted_proxies:
        yield _problem(
            "settings",
            "HTTPS is required but no proxy is trusted to say that a request came by it, so all are refused.",
            "Name the address of the proxy that ends TLS in DIPTYCH_TRUSTED_PROXIES.",
        )
    yield from (_in_prod if settings.env is Environment.PROD else _outside_prod)(settings)


def _in_prod(settings: Settings) -> Iterator[Finding]:
    if not settings.https_required:
        yield _problem("settings", "Tokens may come unencrypted in prod.", "Leave DIPTYCH_REQUIRE_HTTPS out.")
    for network in settings.trusted_proxies:
        if network.endswith("/0"):
            yield _problem(
                "settings",
                f"DIPTYCH_TRUSTED_PROXIES trusts everybody ({network}), so anybody may choose an address.",
                "Name the proxies alone.",
            )
    plain = [origin for origin in settings.cors_origins if origin.startswith("http://")]
    if plain:
        yield _problem(
            "settings",
            f"Pages that come unencrypted may call from browsers: {', '.join(plain)}.",
            "Name https:// origins alone in DIPTYCH_CORS_ORIGINS.",
        )
    if not settings.public_url.startswith("https://"):
        yield _advice(
            "settings",
            "DIPTYCH_PUBLIC_URL is no https:// address, so problem types and redirects name none.",
            "Set it to the address that clients use.",
        )


def _outside_prod(settings: Settings) -> Iterator[Finding]:
    if not _is_local(settings.host) or settings.public_url.startswith("https://"):
        yield Finding(
            Level.PROBLEM if settings.public_url.startswith("https://") else Level.ADVICE,
            "settings",
            f"The server is open to others ({settings.public_url or settings.host}) but runs as "
            f"{settings.env}, which shows more of itself and takes tokens unencrypted.",
            "Set DIPTYCH_ENV=prod, or listen on 127.0.0.1.",
        )


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# The database


def database(settings: Settings, facts: Facts, workers: int) -> Iterator[Finding]:
    """Yield what is wrong with a database, for a server of that many processes."""
    yield from _server(settings, facts)
    yield from _schema(facts)
    for sentence in facts.wall:
        yield _problem(
            "walls", sentence, "Run `diptych migrate` as the owner of the tables, or look who changed it."
        )
    needed = _PER_CONNECTION * settings.database_connections * workers
    if needed > facts.connections:
        yield _problem(
            "database",
            f"{workers} processes may open {needed} connections, but only {facts.connections} are allowed.",
            "Lower DIPTYCH_DATABASE_CONNECTIONS, or raise max_connections.",
        )
    if abs(facts.skew) > _MOST_SKEW_SECONDS:
        way = "ahead of" if facts.skew > 0 else "behind"
        yield _problem(
            "clock",
            f"The database's clock is {abs(facts.skew):.0f} seconds {way} this machine's.",
            "Synchronise both by NTP: tokens end and keys expire by these clocks.",
        )


def _server(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if facts.version < _OLDEST:
        yield _problem("database", f"PostgreSQL {facts.version_text} is too old.", "Use version 15 or newer.")
    elif facts.version < _MENDED.get(facts.version // 10_000, 0):
        yield _advice(
            "database",
            f"PostgreSQL {facts.version_text} may show statistics of hidden rows (CVE-2025-8713).",
            "Update it to the newest minor version.",
        )
    if facts.encoding != "UTF8":
        yield _problem(
            "database", f"The database's encoding is {facts.encoding}.", "Make one with ENCODING 'UTF8'."
        )
    if not facts.durable:
        yield _problem(
            "database", "fsync or full_page_writes is off, so a crash may lose everything.", "Turn both on."
        )
    if facts.superuser and settings.database_url is not None:
        yield _advice(
            "walls",
            "The account of DIPTYCH_DATABASE_URL is a superuser, who could leave the role it takes.",
            "Use one that owns the database and nothing else.",
        )


def _schema(facts: Facts) -> Iterator[Finding]:
    for name in sorted(EXTENSIONS - facts.extensions) if facts.revision is not None else ():
        yield _problem("database", f"The extension {name} is missing.", f"Run CREATE EXTENSION {name}.")
    if facts.revision is None:
        yield _problem("migrations", "The database is empty.", "Run `diptych migrate`.")
    elif facts.revision < head():
        yield _problem(
            "migrations",
            f"The schema is of revision {facts.revision}, and this release needs {head()}.",
            "Run `diptych migrate`.",
        )
    elif facts.revision > head():
        yield _problem(
            "migrations",
            f"The schema is of revision {facts.revision}, newer than this release's {head()}.",
            "Run the newer release, or restore a backup.",
        )
    for name in facts.invalid:
        yield _problem(
            "database",
            f"{name} is invalid, so it is kept up and used for nothing.",
            "Run REINDEX INDEX CONCURRENTLY, or ALTER TABLE … VALIDATE CONSTRAINT if it is a constraint.",
        )


def _weak(settings: Settings, sentence: str, remedy: str) -> Finding:
    level = Level.PROBLEM if settings.env is Environment.PROD else Level.ADVICE
    return Finding(level, "settings", sentence, remedy)


def _problem(area: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.PROBLEM, area, sentence, remedy)


def _advice(area: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.ADVICE, area, sentence, remedy)
