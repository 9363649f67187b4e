"""What a procedure is asked and answers: inputs as they are sent, and answers as JSON holds them."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from services.engine.errors import Invalid, not_found, validation_failed
from services.engine.procedures import AnyProcedure, Credential, Output, Part
from services.engine.resource import Field, Kind, Shown
from services.engine.validate import BLANK, UNKNOWN, reader_of
from services.engine.values import Inner, Read, accuse

PURPOSE = "fingerprints of procedures"
"""What the key of fingerprints is derived for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a procedure: the inputs by name as they were sent, the texts of a query `from_text`.

    `operation` names it where its address does not.
    """

    procedure: AnyProcedure
    sent: Mapping[str, Any]
    from_text: bool = False
    key: str | None = None
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a procedure answered: the JSON of its outputs by name, and a credential for the client to keep.

    A repetition has neither credentials nor anything else that is shown once.
    """

    document: Any
    credential: Credential | None = None
    replayed: bool = False


def inputs_of(asked: Asked) -> dict[str, Any]:
    """Return the inputs, defaults for those not sent; raises the 422 problem, and the 404 for odd ids.

    An id in the path that is none leads nowhere.
    """
    procedure, invalid = asked.procedure, dict[str, list[Invalid]]()
    found = {field.name: field.default for field in procedure.inputs}
    readers = _readers(procedure, asked.from_text)
    for name, value in asked.sent.items():
        read = readers.get(name)
        result = UNKNOWN if read is None else read(value)
        if isinstance(result, Invalid | Inner):
            accuse(invalid, name, result)
        elif result is not None:
            # A null says no more than silence does.
            found[name] = result
    for field in procedure.inputs:
        if field.required and field.name not in asked.sent:
            invalid[field.name] = [BLANK]
    if any(
        procedure.inputs_by_name[name].kind is Kind.UUID for name in invalid.keys() & set(procedure.in_path)
    ):
        raise not_found()
    if invalid:
        raise validation_failed(invalid)
    return found


def fingerprint(procedure: AnyProcedure, inputs: Mapping[str, Any], user_id: str | None, key: bytes) -> bytes:
    """Return what is the same for two calls that ask for the same, in hexadecimal.

    A user's call is that user's alone: what came of it depends on who asked, and is nobody else's to hear.
    Passwords may be among the inputs, so that nobody may guess them by it who has not the server's `key`.
    """
    whole = orjson.dumps((procedure.name, user_id, inputs), default=str, option=orjson.OPT_SORT_KEYS)
    return hmac.digest(key, whole, hashlib.sha256).hex().encode()


def document_of(procedure: AnyProcedure, values: Any) -> Any:
    """Return the JSON of what a procedure returned; raises KeyError for what it does not declare."""
    if procedure.many:
        return [_object(procedure.outputs, each) for each in values]
    return _object(procedure.outputs, values or {}) if procedure.outputs else None


def without_secrets(outputs: tuple[Output, ...], document: Any) -> Any:
    """Return a document with null for everything that is shown once."""
    if isinstance(document, list):
        return [without_secrets(outputs, each) for each in document]
    if document is None:
        return None
    kept = dict(document)
    for each in outputs:
        if isinstance(each, Part):
            kept[each.name] = without_secrets(each.fields, document[each.name])
        elif each.shown is Shown.ONCE:
            kept[each.name] = None
    return kept


@lru_cache(maxsize=512)
def _readers(procedure: AnyProcedure, from_text: bool) -> dict[str, Read]:
    return {
        # What stands in a path is a text on whichever surface.
        field.name: _reader(field, from_text=from_text or field.name in procedure.in_path)
        for field in procedure.inputs
    }


def _reader(field: Field, *, from_text: bool) -> Read:
    read = reader_of(field, field.own_facts, from_text=from_text)
    return read if not field.many else _list_reader(read, BLANK if field.required else None)


def _list_reader(read: Read, nothing: Invalid | None) -> Read:
    def read_list(value: Any) -> Any:
        if value is None:
            return nothing
        if not isinstance(value, list):
            return Invalid("invalid_format", "This must be a list.")
        found = [read(each) for each in value]
        wrong = {str(place): [each] for place, each in enumerate(found) if isinstance(each, Invalid)}
        return Inner(wrong) if wrong else found

    return read_list


def _object(outputs: tuple[Output, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - {each.name for each in outputs}
    if unknown:
        raise KeyError(f"No output is declared for {sorted(unknown)}.")
    return {each.name: _shown(each, values.get(each.name)) for each in outputs}


def _shown(output: Output, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(output, Part):
        return (
            [_object(output.fields, each) for each in value] if output.many else _object(output.fields, value)
        )
    return [_plain(each) for each in value] if output.many else _plain(value)


def _plain(value: Any) -> Any:
    """Return a value as the rows of resources show it."""
    if isinstance(value, StrEnum | uuid.UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    return value
