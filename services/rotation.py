"""Changing the key: every stored secret is encrypted anew, so that the earlier key can be forgotten."""

from dataclasses import dataclass

from db import provision, sealing
from db.auditing import Note, request_id
from services.engine.secrets import SecretUnreadable, Vault, place_of


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets were encrypted anew, and the places of those that nobody can read."""

    renewed: int
    unreadable: tuple[str, ...]


def rotate_secrets(url: str, vault: Vault, metadata: sealing.Tables = sealing.EVERYTHING) -> Rotated:
    """Encrypt every stored secret of the database at `url` under the vault's present key."""
    unreadable: list[str] = []

    def change(table: str, column: str, id_: str, stored: str) -> str | None:
        place = place_of(table, column, id_)
        try:
            return vault.renewed(stored, place)
        except SecretUnreadable:
            unreadable.append(place)
            return None

    # Batches last one by one, so that whoever ends this leaves some of it done.
    request = request_id()
    provision.note(url, Note("secrets.rotation_started", "secret", request=request))
    renewed = sealing.renew(url, change, metadata)
    told = {"renewed": renewed, "unreadable": len(unreadable)}
    provision.note(url, Note("secrets.rotated", "secret", after=told, request=request))
    return Rotated(renewed, tuple(unreadable))
