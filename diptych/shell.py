"""The shell: FastAPI for the addresses off the hot path, such as health and problem pages."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from diptych import discovery, reference
from rest.problems import response as problem_response
from services.engine.catalog import Catalog
from services.engine.errors import Problem, Slug, bad_request, internal_error, not_found

Checks = Callable[[], Awaitable[dict[str, str]]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

# Without it nothing is limited, which is no reason to serve nothing (S3-249).
_DISPENSABLE = ("redis",)


def build(
    version: str,
    checks: Checks,
    lifespan: Lifespan,
    origin: str = "",
    *,
    catalog: Catalog,
    surfaces: Sequence[str] = (),
) -> FastAPI:
    """Return the shell; `checks` names each dependency and says `ok` or what is wrong with it.

    `surfaces` are the paths of the surfaces beside REST.
    """
    shell = FastAPI(
        title="Diptych", version=version, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    _add_health(shell, version, checks)
    discovery.add(shell, catalog, surfaces)
    reference.add(shell)
    _add_refusals(shell, origin)
    return shell


def _add_refusals(shell: FastAPI, origin: str) -> None:
    """Make problem documents of whatever is raised; `origin` begins their types."""

    def answer(request: Request, problem: Problem) -> Response:
        found = problem_response(
            problem, instance=request.url.path, request_id=request.state.request_id, origin=origin
        )
        headers = {name.decode(): value.decode() for name, value in found.headers}
        return Response(found.body, found.status, headers)

    @shell.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        found = answer(request, _refusal(request, error))
        found.headers.update(error.headers or {})
        return found

    @shell.exception_handler(Problem)
    async def tell(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @shell.exception_handler(Exception)
    async def fail(request: Request, _: Exception) -> Response:
        return answer(request, internal_error(request.state.request_id))


def _refusal(request: Request, error: HTTPException) -> Problem:
    match error.status_code:
        case 404:
            return not_found(f"There is nothing at {request.url.path}.")
        case 405:
            return Problem(Slug.METHOD_NOT_ALLOWED, f"{request.method} is not allowed here.")
    return bad_request(str(error.detail))


def _add_health(shell: FastAPI, version: str, checks: Checks) -> None:
    """Add the health addresses (S3-345 to S3-350, C-80)."""
    no_store = {"cache-control": "no-store"}

    @shell.api_route("/health/live", methods=["GET", "HEAD"])
    async def live() -> Response:
        return JSONResponse({"status": "ok"}, headers=no_store)

    @shell.api_route("/health/ready", methods=["GET", "HEAD"])
    async def ready() -> Response:
        found = await checks()
        if all(state == "ok" for state in found.values()):
            return JSONResponse({"status": "ok"}, headers=no_store)
        if all(state == "ok" for name, state in found.items() if name not in _DISPENSABLE):
            return JSONResponse({"status": "ok", "checks": found}, headers=no_store)
        return JSONResponse({"status": "degraded", "checks": found}, 503, headers=no_store)

    @shell.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> Response:
        return RedirectResponse("/health/live", 308)

    @shell.api_route("/api/v1/health", methods=["GET", "HEAD"])
    async def versioned() -> Response:
        return JSONResponse({"status": "ok", "version": version}, headers=no_store)
