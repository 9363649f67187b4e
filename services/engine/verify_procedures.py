"""Start-up checks of procedures: their names, paths, scopes, inputs and outputs."""

from collections import Counter
from collections.abc import Iterator
from keyword import iskeyword

from services.engine.access import Permission
from services.engine.catalog import Catalog
from services.engine.procedures import AnyProcedure, Method, Output, Part, PublicProcedure, scope_of
from services.engine.resource import Field, Kind, Shown

_NO_CONTENT = 204
_IDENTITY = frozenset({"token", "whoami", "viewer", "node", "nodes"})
_IN_PAYLOADS = frozenset({"problem", "replayed"})


def verify_procedures(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the procedures of a catalogue, a sentence each."""
    yield from _names(catalog)
    for procedure in catalog.procedures:
        yield from _whole(procedure)
        yield from _inputs(procedure)
        yield from _outputs(procedure.name, procedure.outputs)
        yield from _scope(procedure)


def _names(catalog: Catalog) -> Iterator[str]:
    """No procedure may stand at an address, or under a root field, that something else has."""
    taken = {name for each in catalog for name in (each.name, each.plural)} | _IDENTITY
    mutations = {
        f"{action.name}_{name}"
        for each in catalog
        for action in each.actions
        for name in (each.name, each.plural)
    }
    for name, count in Counter(each.name for each in catalog.procedures).items():
        if count > 1 or name in taken | mutations:
            yield f"The name {name!r} of a procedure belongs to something else too."
    places = [
        (str(each.method), *(_any_input(part) for part in place))
        for each in catalog.procedures
        for place in each.places
    ]
    for place, count in Counter(places).items():
        if count > 1:
            yield f"The address {' '.join(place[:1])} {'/'.join(place[1:])} belongs to {count} procedures."
    for each in catalog.procedures:
        for place in each.places:
            if _is_of_resource(catalog, place):
                yield f"{each.name} stands at {'/'.join(place)}, which belongs to a resource."


def _any_input(part: str) -> str:
    return "{}" if part.startswith("{") else part


def _is_of_resource(catalog: Catalog, place: tuple[str, ...]) -> bool:
    resource = catalog.by_path.get(place[0])
    if resource is None:
        return place[0] in _IDENTITY
    literals = {"search", "bulk", "bulk-delete"}
    below = {action.name.replace("_", "-") for action in resource.actions}
    below |= {relation.name.replace("_", "-") for relation in resource.relations if relation.nested}
    match place:
        case (_,):
            return True
        case (_, name):
            return name in literals or name.startswith("{")
        case (_, id_, name):
            return id_.startswith("{") and name in below
    return False


def _whole(procedure: AnyProcedure) -> Iterator[str]:
    if not procedure.doc:
        yield f"{procedure.name} has no description."
    if procedure.status == _NO_CONTENT and procedure.outputs:
        yield f"{procedure.name} answers 204 but has outputs."
    if procedure.method is Method.GET and not procedure.outputs:
        yield f"{procedure.name} is read but has no outputs."
    if procedure.cost < 1:
        yield f"{procedure.name} costs nothing."


def _inputs(procedure: AnyProcedure) -> Iterator[str]:
    for name, count in Counter(field.name for field in procedure.inputs).items():
        if count > 1:
            yield f"{procedure.name} takes {name!r} {count} times."
    for field in procedure.inputs:
        if field.kind is None or not field.doc:
            yield f"{procedure.name} takes {field.name!r} without a kind or without a description."
        if procedure.method is not Method.POST and (field.many or field.kind is Kind.JSON):
            yield f"{procedure.name} takes {field.name!r}, which no query parameter can hold."
    for place in procedure.places:
        found = {part[1:-1] for part in place if part.startswith("{")}
        if found != set(procedure.in_path):
            yield f"{procedure.name} has the path {'/'.join(place)}, which names other inputs than its own."
    for name in procedure.in_path:
        found_input = procedure.inputs_by_name.get(name)
        if found_input is None or not found_input.required:
            yield f"{procedure.name} has {name!r} in its path, which is no required input."


def _outputs(
    whole: str, outputs: tuple[Output, ...], reserved: frozenset[str] = _IN_PAYLOADS
) -> Iterator[str]:
    for name, count in Counter(each.name for each in outputs).items():
        if count > 1 or name in reserved or iskeyword(name):
            yield f"{whole} answers {name!r}, a name that something else has too."
    for each in outputs:
        if not each.doc:
            yield f"{whole} answers {each.name!r} without a description."
        if isinstance(each, Field):
            if each.kind is None or each.shown is Shown.NEVER:
                yield f"{whole} answers {each.name!r} without a kind, or never."
        else:
            yield from _part(f"{whole}.{each.name}", each)


def _part(whole: str, part: Part) -> Iterator[str]:
    by = [field for field in part.fields if field.name == part.by]
    if part.by is not None and not (part.many and by and isinstance(by[0], Field)):
        yield f"{whole} goes by {part.by!r}, which is no field of many."
    yield from _outputs(whole, part.fields, frozenset())


def _scope(procedure: AnyProcedure) -> Iterator[str]:
    scope = scope_of(procedure)
    if scope is None or isinstance(procedure, PublicProcedure):
        return
    name, _, word = scope.partition(":")
    if not name.replace("_", "").isalnum() or word not in tuple(map(str, Permission)):
        yield f"{procedure.name} needs the scope {scope!r}, which is no scope."
