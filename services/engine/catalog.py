"""A set of resources that refer to each other, and of procedures, with look-ups by every name they go by."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from services.engine import mcp
from services.engine.resource import ActionKind, Relation, Resource

if TYPE_CHECKING:
    from services.engine.deprecation import Deprecation
    from services.engine.entitling import Plans
    from services.engine.procedures import AnyProcedure


UNSORTED = "other"
"""What resources and procedures belong to that no module holds."""


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the platform: resources and procedures that belong together, under one short name."""

    name: str
    doc: str
    resources: tuple[Resource, ...] = ()
    procedures: "tuple[AnyProcedure, ...]" = ()


class Catalog:
    """The resources and procedures one server offers, and its plans; immutable once made.

    `deprecated` tells that the next version of the whole API is there, and this one not for long (S3-094).
    """

    def __init__(
        self,
        resources: tuple[Resource, ...],
        procedures: "tuple[AnyProcedure, ...]" = (),
        plans: "Plans | None" = None,
        modules: tuple[Module, ...] = (),
        deprecated: "Deprecation | None" = None,
    ) -> None:
        self.resources, self.procedures, self.plans = resources, procedures, plans
        self.modules, self.deprecated = modules, deprecated

    @classmethod
    def of(
        cls, *modules: Module, plans: "Plans | None" = None, deprecated: "Deprecation | None" = None
    ) -> "Catalog":
        """Return the catalogue of all that these modules hold."""
        resources = tuple(resource for module in modules for resource in module.resources)
        procedures = tuple(procedure for module in modules for procedure in module.procedures)
        return cls(resources, procedures, plans, modules, deprecated)

    def module_of(self, part: "Resource | AnyProcedure") -> str:
        """Return the name of the module that holds a resource or procedure."""
        found = (each for each in self.modules if part in each.resources or part in each.procedures)
        return next((module.name for module in found), UNSORTED)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __getitem__(self, name: str) -> Resource:
        """Return the resource of that singular name; raises KeyError."""
        return self._by_name[name]

    def target(self, relation: Relation) -> Resource:
        """Return the resource a relation leads to."""
        return self._by_name[relation.target]

    @cached_property
    def _by_name(self) -> dict[str, Resource]:
        return {resource.name: resource for resource in self.resources}

    @cached_property
    def by_path(self) -> dict[str, Resource]:
        """Return the resources by path segment, such as `order-items`."""
        return {resource.path: resource for resource in self.resources}

    @cached_property
    def by_key(self) -> dict[str, Resource]:
        """Return the resources by plural key, singular name and type (C-27); plural keys win."""
        keys: dict[str, Resource] = {}
        for resource in self.resources:
            keys.setdefault(resource.type, resource)
        for resource in self.resources:
            keys[resource.name] = resource
        for resource in self.resources:
            keys[resource.plural] = resource
        return keys

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """Return every scope that something needs, wildcards first (S3-083)."""
        named = tuple(f"{resource.scope}:{word}" for resource in self.resources for word in _words(resource))
        demanded = (getattr(procedure, "scope", None) for procedure in self.procedures)
        return tuple(dict.fromkeys(("all:read", "all:write", *named, *filter(None, demanded), *mcp.SCOPES)))


def _words(resource: Resource) -> tuple[str, ...]:
    """Return what can be done to a resource, as scopes say it."""
    if not resource.actions:
        return ("read",)
    deletes = any(action.kind is ActionKind.DELETE for action in resource.actions)
    return ("read", "write", "delete") if deletes else ("read", "write")
