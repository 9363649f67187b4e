"""Decides where a database lives, where its socket is and which account owns both."""

import hashlib
import itertools
import logging
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from db.embedded.errors import EngineError
from db.embedded.programs import Account, current_account

SHARED_STORE = Path("/var/lib/diptych")
SHORT_STORE = Path("/tmp")  # noqa: S108 - the folder made here is private and its owner is checked.
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # bytes; the systems allow 103 to 107.
# libpq and the server read a comma as the start of another folder, and quotes as quotes.
PLAIN_PATH = re.compile(r"[\w/.+@=~-]+")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one embedded database and the account that owns its data."""

    home: Path
    sockets: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder; it exists only once it is complete."""
        return self.home / "pgdata"

    @property
    def lease(self) -> Path:
        """The lock that every user of the database shares."""
        return self.home / "lease"

    @property
    def serve_lock(self) -> Path:
        """The lock that every process of a server holds, so that no second one starts beside it."""
        return self.home / "serve.lock"

    @property
    def watch_lock(self) -> Path:
        """The lock that the watcher holds while it lives."""
        return self.home / "watch.lock"

    @property
    def log(self) -> Path:
        """Where the server and its watcher write."""
        return self.home / "postgres.log"

    @property
    def major(self) -> int | None:
        """The PostgreSQL version that wrote the data, None before the first start."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise EngineError(
                f"{self.data}/PG_VERSION is damaged: restore the folder from a backup."
            ) from error


def existing(data_dir: Path) -> Place | None:
    """Return the place of the database of `data_dir`, None when there is none yet; changes nothing."""
    home = data_dir / "postgres"
    if not home.exists():
        return None
    return _place(home.resolve())


def prepare(data_dir: Path) -> Place:
    """Return the place of the database of `data_dir`, making its folders where they are missing.

    A root whose folder the unprivileged account cannot reach (0700 parents) gets a folder under
    /var/lib/diptych and a link to it. Call with the start lock held. Raises EngineError.
    """
    link = data_dir / "postgres"
    if link.is_symlink() and not link.exists():
        log.warning("%s led to a folder that is gone; a new database is made.", link)
        link.unlink()
    if not link.exists():
        _make_home(data_dir.resolve(), link)
    place = _place(link.resolve())
    if not _reaches(place.account, place.home):
        raise EngineError(
            f"The user {place.account.name}, who owns the database, can no longer reach {place.home}: "
            "let others traverse its parent folders (chmod o+x), or move it and link to it."
        )
    _make_socket_folder(place)
    return place


def _place(home: Path) -> Place:
    return Place(home=home, sockets=_socket_folder(home), account=current_account(home / "pgdata"))


def _make_home(data_dir: Path, link: Path) -> None:
    account = current_account(link / "pgdata")
    if _reaches(account, data_dir):
        link.mkdir()
        _let_in(link, account)
        return
    home = _make_shared_home(data_dir)
    _let_in(home, account)
    link.symlink_to(home)
    log.warning(
        "The user %s, who runs the database for root, cannot reach %s: the database is kept in %s.",
        account.name,
        data_dir,
        home,
    )


def _let_in(home: Path, account: Account) -> None:
    home.chmod(0o711 if account.popen() else 0o700)


def _make_shared_home(data_dir: Path) -> Path:
    if not SHARED_STORE.exists():
        SHARED_STORE.mkdir(parents=True)
        SHARED_STORE.chmod(0o755)
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    # A folder of that name without a link to it was left by a data folder since deleted: it is not reused.
    for number in itertools.count():
        home = SHARED_STORE / (f"{digest}-{number}" if number else digest)
        try:
            home.mkdir()
        except FileExistsError:
            continue
        (home / "origin").write_text(f"{data_dir}\n")
        return home
    raise AssertionError("itertools.count() ended")


def _reaches(account: Account, folder: Path) -> bool:
    as_account = account.popen()
    if not as_account:
        return True
    try:
        entered = subprocess.run(  # noqa: S603 - the path is an argument, never code.
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], cwd="/", capture_output=True, **as_account
        )
    except PermissionError as error:
        raise EngineError(
            f"PostgreSQL refuses to run as root, and this root may not become the user {account.name}: "
            "run as an ordinary user, or set DIPTYCH_DATABASE_URL."
        ) from error
    return entered.returncode == 0


def _socket_folder(home: Path) -> Path:
    folder = home / "run"
    longest = len(os.fsencode(folder / SOCKET_NAME))
    if longest <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(folder)):
        return folder
    return SHORT_STORE / f"diptych-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def _make_socket_folder(place: Place) -> None:
    folder, account = place.sockets, place.account
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise EngineError(
                f"{folder}, the folder for the database's socket, is not a private folder of the "
                f"user {account.name}: remove it and start again."
            ) from None
        return
    if account.popen():
        os.chown(folder, account.uid, account.gid)
