"""Manifests of GraphQL operations, as clients' build tools write them, and documents in files."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.provision import ProvisioningFailed
from services.trusted_operations import sha256_of

_APOLLO = "apollo-persisted-query-manifest"
_ENDINGS = (".graphql", ".gql")
_PREFIX = "sha256:"
_OTHER_HASH = (
    "The id {id} is not the SHA-256 of its text, so clients would ask for what nobody knows; let the tool "
    "use SHA-256 (Relay: persistConfig.algorithm 'SHA256'; GraphQL Code Generator: hashAlgorithm 'sha256')."
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One document of a file: where it stands, its text, and what is wrong with how it is listed."""

    place: str
    text: str
    fault: str = ""


def read(paths: Sequence[Path]) -> Iterator[Listed]:
    """Yield the documents of files and folders in order; raises ProvisioningFailed and OSError."""
    for path in paths:
        if not path.is_dir():
            yield from _of_file(path)
            continue
        found = [each for each in sorted(path.rglob("*")) if each.suffix in _ENDINGS and each.is_file()]
        if not found:
            raise ProvisioningFailed(f"{path} holds no file that ends in {' or '.join(_ENDINGS)}.")
        for each in found:
            yield from _of_file(each)


def _of_file(path: Path) -> Iterator[Listed]:
    try:
        # Newlines are part of what is hashed.
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ProvisioningFailed(f"{path} is no text in UTF-8.") from None
    if path.suffix in _ENDINGS:
        yield Listed(str(path), text)
        return
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        raise ProvisioningFailed(f"{path} is neither JSON nor ends in {' or '.join(_ENDINGS)}.") from None
    for id_, name, document in _entries(path, manifest):
        right = id_.removeprefix(_PREFIX).lower() == sha256_of(document)
        place = f"{path}: {name}" if name else f"{path}: {id_[:80]}"
        yield Listed(place, document, "" if right else _OTHER_HASH.format(id=id_[:80]))


def _entries(path: Path, manifest: Any) -> Iterator[tuple[str, str, str]]:
    """Yield id, name (perhaps empty) and text of each entry of a manifest."""
    if isinstance(manifest, dict) and "format" in manifest:
        yield from _of_apollo(path, manifest)
        return
    if not isinstance(manifest, dict) or not all(isinstance(each, str) for each in manifest.values()):
        raise ProvisioningFailed(f"{path} is neither a map of hashes to documents nor an {_APOLLO}.")
    for id_, document in manifest.items():
        yield id_, "", document


def _of_apollo(path: Path, manifest: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    operations = manifest.get("operations")
    if (manifest["format"], manifest.get("version")) != (_APOLLO, 1) or not isinstance(operations, list):
        raise ProvisioningFailed(f"{path} is no {_APOLLO} of version 1.")
    for each in operations:
        if not isinstance(each, dict) or {type(each.get("id")), type(each.get("body"))} != {str}:
            raise ProvisioningFailed(f"{path} has an operation without id or body.")
        yield each["id"], str(each.get("name", "")), each["body"]
