"""Which text a request runs: the one it brought or the one it named, and whether that may run at all."""

from dataclasses import dataclass, replace

from schema.automatic import Automatic
from schema.document_ids import hash_of
from schema.errors import refused
from schema.http import GraphQLRequest
from services.engine.context import Caller
from services.engine.errors import Problem, Slug
from services.engine.registered import Registry, not_trusted

_UNREGISTERED = "No trusted operation with the SHA-256 {} is registered in this workspace."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A request with its text; `registered` is the hash of a trusted operation, None for everything else.

    `looked_up` tells that the database has just said so, and `kept` that the text is to be remembered.
    """

    request: GraphQLRequest
    registered: str | None = None
    looked_up: bool = False
    kept: bool = False


class Texts:
    """The texts that requests may name; where `strict`, nobody runs anything else."""

    def __init__(self, registry: Registry, *, strict: bool) -> None:
        self._registry, self._strict = registry, strict
        self._automatic = Automatic()

    async def choose(self, caller: Caller, request: GraphQLRequest) -> Chosen:
        """Return what a request runs, before anything of it is parsed; raises RefusedError."""
        strict = self._strict or caller.principal.trusted_only
        if request.named is None and not strict:
            return Chosen(request)
        sha256 = hash_of(request.query) if request.named is None else request.named.sha256
        if request.query and not strict:
            return Chosen(request, kept=request.named is not None and request.named.kept)
        found = await self._find(caller.principal.workspace_id, request, sha256, strict=strict)
        if found is None:
            raise refused(
                not_trusted(_UNREGISTERED.format(sha256))
                if strict
                else Problem(Slug.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
            )
        return found

    async def _find(
        self, workspace_id: str, request: GraphQLRequest, sha256: str, *, strict: bool
    ) -> Chosen | None:
        known = self._registry.known(workspace_id, sha256)
        if known is not None:
            return Chosen(replace(request, query=known), sha256)
        sent = None if strict else self._automatic.find(workspace_id, sha256)
        if sent is not None:
            return Chosen(replace(request, query=sent))
        text = await self._registry.find(workspace_id, sha256)
        return None if text is None else Chosen(replace(request, query=text), sha256, looked_up=True)

    def keep(self, caller: Caller, chosen: Chosen) -> None:
        """Remember the text of a request that has been found good, if that was asked for."""
        if chosen.kept and chosen.request.named is not None:
            workspace_id = caller.principal.workspace_id
            self._automatic.keep(workspace_id, chosen.request.named.sha256, chosen.request.query)

    def forget(self, caller: Caller, chosen: Chosen) -> None:
        """Look up anew, the next time, what turned out not to be registered any more."""
        if chosen.registered is not None:
            self._registry.forget(caller.principal.workspace_id, chosen.registered)
