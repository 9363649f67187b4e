"""The text as a whole: what is written in the template beside this module, and what the declarations say."""

from collections.abc import Iterator
from pathlib import Path

from rest.agents import calls, rows
from rest.agents.told import Told
from rest.http import BASE
from rest.openapi.document import OWN_MODULE, document
from rest.openapi.schemas import DEEPEST_INCLUDE
from services.engine import noticing
from services.engine.catalog import UNSORTED, Catalog, Module
from services.engine.encoding import DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE
from services.engine.errors import CATALOGUE
from services.engine.limits import STANDARD
from services.engine.validate import ERROR_CODES
from services.engine.writing import MOST_ITEMS

LARGEST = 50_000
"""Bytes that the text may have, so that it fits into what a model reads at once (S3-333)."""

_TEMPLATE = Path(__file__).with_name("template.md")


def text(catalog: Catalog, version: str, module: str | None = None) -> str:
    """Return the text of a catalogue in Markdown, or of one module; `version` is that of the server.

    If not all of it fits, modules are told in short, and each in full in a text of its own (C-76).
    """
    told = Told(catalog, document(catalog, version))
    found = _filled(told, version, "\n".join(_endpoints(told, module)))
    if module is not None or len(found.encode()) < LARGEST:
        return found
    return _filled(told, version, "\n".join(_in_short(told)))


def _filled(told: Told, version: str, endpoints: str) -> str:
    found = _TEMPLATE.read_text()
    for name, value in _values(told.catalog, version).items():
        found = found.replace("{{" + name + "}}", value)
    return found.replace("{{endpoints}}", endpoints)


def _values(catalog: Catalog, version: str) -> dict[str, str]:
    return {
        "version": version,
        "modules": ", ".join(f"`{module.name}`" for module in catalog.modules),
        "per_page": str(DEFAULT_PAGE_SIZE),
        "most": str(LARGEST_PAGE_SIZE),
        "depth": str(DEEPEST_INCLUDE),
        "items": str(MOST_ITEMS),
        "limit": str(STANDARD.limit),
        "problems": "\n".join(_problems()),
        "codes": ", ".join(f"`{code}`" for code in ERROR_CODES),
        "deprecated": "".join(_deprecated(catalog)),
    }


def _problems() -> Iterator[str]:
    for kind in CATALOGUE.values():
        yield f"| {kind.status} | `{kind.slug}` | {kind.remedy} |"


def _deprecated(catalog: Catalog) -> Iterator[str]:
    for each in noticing.declared(catalog):
        page = f" See {each.told.link}." if each.told.link else ""
        yield f"\n\n`{each.name}`: {each.told.reason}{page}"


def _endpoints(told: Told, only: str | None) -> Iterator[str]:
    for module in _modules(told.catalog):
        if only not in (None, module.name):
            continue
        yield f"### Module {module.name}: {module.doc}\n"
        yield from _of_module(told, module)
    yield from _of_server(told)


def _of_server(told: Told) -> Iterator[str]:
    yield "### The server itself\n"
    for operation in told.of_tag(OWN_MODULE):
        named = f"- {operation.method} {operation.path} {operation.id}: {operation.summary}."
        yield f"{named}{told.illustrated(' Body:', f'{operation.id}Request')}"


def _in_short(told: Told) -> Iterator[str]:
    for module in _modules(told.catalog):
        yield f"### Module {module.name}: {module.doc}\n"
        yield f"In full: `/{module.name}{BASE}/agents`.\n"
        yield from (rows.line(resource) for resource in module.resources)
        yield from (calls.line(procedure) for procedure in module.procedures)
        yield ""
    yield from _of_server(told)


def _modules(catalog: Catalog) -> Iterator[Module]:
    """Yield the modules, and last what belongs to none."""
    yield from catalog.modules
    resources = tuple(each for each in catalog if catalog.module_of(each) == UNSORTED)
    procedures = tuple(each for each in catalog.procedures if catalog.module_of(each) == UNSORTED)
    if resources or procedures:
        yield Module(UNSORTED, "All that no module holds.", resources, procedures)


def _of_module(told: Told, module: Module) -> Iterator[str]:
    for resource in module.resources:
        yield from rows.section(told, resource)
    for procedure in module.procedures:
        yield from calls.section(told, procedure)
    for operation in told.beside(module):
        named = f"- {operation.method} {operation.path} {operation.id}: {operation.summary}; needs no scope."
        yield f"{named}{told.illustrated(' Answers', f'{operation.id}200')}"
    yield ""
