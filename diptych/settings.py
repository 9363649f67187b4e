"""Settings: the environment or a .env file, read once and passed down as values."""

import os
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.walls import Rls
from diptych.entrance import networks
from services.tokens import Environment

_SECRET_FILE = "secret"  # noqa: S105 (a file name)
_SHORTEST_KEY = 32
_ORIGIN = re.compile(r"https?://[^\s/*?#@]+\Z")


class Settings(BaseSettings):
    """Everything a server can be told from outside; each name is prefixed with `DIPTYCH_`."""

    model_config = SettingsConfigDict(env_prefix="DIPTYCH_", env_file=".env", extra="ignore")

    env: Environment = Field(
        default=Environment.DEV, description="Where this server runs: dev, test or prod."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65_535, description="Port to listen on.")
    data_dir: Path = Field(
        default=Path(".diptych"), description="Folder of the embedded database and of secrets."
    )
    database_url: str | None = Field(
        default=None, description="A PostgreSQL 15 or newer; embedded if absent."
    )
    database_direct_url: str | None = Field(
        default=None, description="The same without a pooler, for migrations."
    )
    database_pooler: str | None = Field(
        default=None, pattern="^transaction$", description="`transaction` or absent."
    )
    rls: Rls = Field(
        default=Rls.WRITES,
        description="What row-level security guards: writes, full (reads too, slower), or off.",
    )
    database_connections: int = Field(default=8, ge=1, le=100, description="Connections per process.")
    pg_bin: Path | None = Field(
        default=None, description="Folder of PostgreSQL programs for the embedded server."
    )
    secret_key: SecretStr | None = Field(
        default=None, min_length=_SHORTEST_KEY, description="Key that signs; kept if absent."
    )
    secret_key_previous: Annotated[list[SecretStr], NoDecode] = Field(
        default=[], description="Earlier keys, with commas between: still read with, never signed with."
    )
    public_url: str = Field(
        default="", description="Address that problem types begin with, such as https://x.example."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins whose pages may call from browsers, with commas between."
    )
    require_https: bool | None = Field(
        default=None, description="Refuse what came unencrypted; if absent, in prod alone."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Proxies whose X-Forwarded-For and -Proto are believed: addresses and networks.",
    )
    header_limit: int = Field(default=32_768, ge=1_024, description="Largest headers together, in bytes.")
    body_limit: int = Field(default=1_048_576, ge=1_024, description="Largest request body, in bytes.")
    operations: str = Field(
        default="any",
        pattern="^(any|trusted)$",
        description="Which GraphQL operations run: any, or trusted ones alone.",
    )
    request_seconds: float = Field(
        default=20, ge=1, description="Seconds that a client may keep the server waiting for its request."
    )
    session_idle_hours: float = Field(
        default=12, gt=0, description="Hours after which a session ends unless it is refreshed."
    )
    session_days: float = Field(
        default=30, gt=0, description="Days after which a session ends however often it was refreshed."
    )
    cursor_days: int = Field(default=7, ge=1, description="Days after which a cursor expires.")
    redis_url: SecretStr | None = Field(
        default=None, description="A Redis or Valkey that several processes count limits in."
    )
    limits: str = Field(default="on", pattern="^(on|off)$", description="`off` limits nobody.")
    address_limit: int = Field(
        default=60, ge=1, description="Requests without a live token per minute and client address."
    )
    rate_headers: str = Field(
        default="all", pattern="^(all|law)$", description="`law` leaves out the older names of RateLimit."
    )
    deprecation_style: str = Field(
        default="true",
        pattern="^(true|rfc9745)$",
        description="`rfc9745` writes the day into Deprecation, in place of `true`.",
    )
    token_use_seconds: float = Field(
        default=10, ge=0, description="Seconds between two notes of which tokens were used; 0 for none."
    )
    usage_seconds: float = Field(
        default=5, ge=0, description="Seconds between two notes of what workspaces have spent; 0 for none."
    )
    upgrade_url: str = Field(
        default="", description="Where whoever needs a larger plan is sent; `/upgrade` here unless set."
    )
    worker_seconds: int = Field(default=600, ge=1, description="Seconds between two rounds of periodic work.")

    @field_validator("cors_origins", "trusted_proxies", "secret_key_previous", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return (
            [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given
        )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, given: list[str]) -> list[str]:
        for origin in given:
            if not _ORIGIN.match(origin):
                raise ValueError(f"{origin!r} is not an origin such as https://app.example")
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: list[str]) -> list[str]:
        networks(given)
        return given

    @field_validator("secret_key_previous")
    @classmethod
    def _are_long(cls, given: list[SecretStr]) -> list[SecretStr]:
        if any(len(key.get_secret_value()) < _SHORTEST_KEY for key in given):
            raise ValueError(f"an earlier key is shorter than {_SHORTEST_KEY} characters")
        return given

    @model_validator(mode="after")
    def _prod_has_its_key(self) -> Self:
        if self.env is Environment.PROD and self.secret_key is None:
            raise ValueError("DIPTYCH_SECRET_KEY must be set in prod: 32 or more random characters")
        return self

    @cached_property
    def key(self) -> bytes:
        """Return the signing key: the one given, else one made once and kept in the data folder."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value().encode()
        return _kept_key(self.data_dir / _SECRET_FILE)

    @property
    def previous_keys(self) -> tuple[bytes, ...]:
        """Return the keys that came before, the newest first."""
        return tuple(key.get_secret_value().encode() for key in self.secret_key_previous)

    @property
    def https_required(self) -> bool:
        """Tell whether unencrypted requests are refused (C-62)."""
        return self.env is Environment.PROD if self.require_https is None else self.require_https


def _kept_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        # The key is written aside and linked into place, so that of several processes one wins whole.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
