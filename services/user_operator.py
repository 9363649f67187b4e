"""What an operator does with users at the command line."""

import unicodedata
from collections.abc import Sequence

from db import accounts, enrolling
from db.accounts import AccountFacts
from db.models import Role
from db.provision import ProvisioningFailed, workspace_of
from services import passwords, users
from services.engine.errors import Invalid
from services.operator import aligned

_LONGEST_NAME = 255


def create(
    url: str, email: str, name: str, password: str, *, workspace: str | None, role: Role, administers: bool
) -> str:
    """Return the id of a new user, a member of the `workspace` of that slug; raises ProvisioningFailed."""
    address, called, hash_ = _address(email), name.strip(), _hash(password)
    if not called or len(called) > _LONGEST_NAME:
        raise ProvisioningFailed(f"A name has 1 to {_LONGEST_NAME} characters.")
    if workspace is None:
        return accounts.create(url, address, called, hash_, is_platform_admin=administers)
    return enrolling.enrol(url, workspace_of(url, workspace), address, called, hash_, role)


def set_password(url: str, email: str, password: str, *, forget_second_factor: bool) -> int:
    """Give a user another password; returns how many sessions ended. Raises ProvisioningFailed."""
    hash_ = _hash(password)
    return accounts.set_password(url, _address(email), hash_, forget_second_factor=forget_second_factor)


def disable(url: str, email: str) -> int:
    """Keep a user from logging in; returns how many sessions ended. Raises ProvisioningFailed."""
    return accounts.disable(url, _address(email))


def enable(url: str, email: str) -> None:
    """Let a user log in again; raises ProvisioningFailed."""
    accounts.enable(url, _address(email))


def told(url: str) -> list[str]:
    """Return all users as lines of text, one each, columns aligned."""
    return aligned(("ID", "EMAIL", "NAME", "LAST LOGIN", "STATE"), map(_cells, accounts.listed(url)))


def _cells(row: AccountFacts) -> tuple[str, ...]:
    login = "never" if row.last_login_at is None else row.last_login_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (row.id, row.email, row.name, login, ", ".join(_state(row)))


def _state(row: AccountFacts) -> Sequence[str]:
    found = ["enabled" if row.disabled_at is None else "disabled"]
    found += ["second factor"] if row.has_second_factor else []
    return [*found, "platform administrator"] if row.is_platform_admin else found


def _address(text: str) -> str:
    return _sound(users.email(unicodedata.normalize("NFC", text).strip()))


def _hash(password: str) -> str:
    return passwords.hash_now(_sound(passwords.chosen(password)))


def _sound(found: str | Invalid) -> str:
    if isinstance(found, Invalid):
        raise ProvisioningFailed(found.message)
    return found
