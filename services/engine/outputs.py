"""Fields as outputs: which may be shown, and how each kind is rendered."""

from db.describe import Kind
from db.query import Render, Value
from services.engine.errors import bad_request
from services.engine.resource import Resource, Shown

_RENDERS = {Kind.DATETIME: Render.TIMESTAMP, Kind.DECIMAL: Render.DECIMAL}


def field_value(resource: Resource, name: str, alias: str, *, enum_names: bool = False) -> Value:
    """Return the output of one field under `alias`; `enum_names` shows `ACTIVE` for the value `active`.

    Raises the 400 problem naming a field that does not exist or is not shown.
    """
    found = resource.all_fields.get(name)
    if found is None or found.shown is not Shown.ALWAYS:
        raise bad_request(f"{name!r} is not a field of {resource.plural}.")
    render = _RENDERS.get(resource.facts[name].kind, Render.PLAIN)
    if found.enum is not None and enum_names:
        render = Render.ENUM_NAME
    return Value(alias, name, render)
