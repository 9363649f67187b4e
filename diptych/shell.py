"""The shell: FastAPI for the addresses off the hot path, such as health and problem pages."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from rest.problems import response as problem_response
from services.engine.errors import CATALOGUE, Problem, Slug, bad_request

Checks = Callable[[], Awaitable[dict[str, str]]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_STATUS_PROBLEMS = {404: Slug.NOT_FOUND, 405: Slug.METHOD_NOT_ALLOWED}


def build(version: str, checks: Checks, lifespan: Lifespan, origin: str = "") -> FastAPI:
    """Return the shell; `checks` names each dependency and says `ok` or what is wrong with it."""
    shell = FastAPI(
        title="Diptych", version=version, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    _add_health(shell, version, checks)
    _add_problem_pages(shell)

    @shell.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        slug = _STATUS_PROBLEMS.get(error.status_code, Slug.BAD_REQUEST)
        detail = f"{request.method} {request.url.path}: there is no such address here."
        problem = bad_request(str(error.detail)) if slug is Slug.BAD_REQUEST else Problem(slug, detail)
        found = problem_response(
            problem, instance=request.url.path, request_id=request.state.request_id, origin=origin
        )
        headers = {name.decode(): value.decode() for name, value in found.headers}
        return Response(found.body, found.status, headers | dict(error.headers or {}))

    return shell


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
        return JSONResponse({"status": "degraded", "checks": found}, 503, headers=no_store)

    @shell.api_route("/health", methods=["GET", "HEAD"])
    async def health() -> Response:
        return RedirectResponse("/health/live", 308)

    @shell.api_route("/api/v1/health", methods=["GET", "HEAD"])
    async def versioned() -> Response:
        return JSONResponse({"status": "ok", "version": version}, headers=no_store)


def _add_problem_pages(shell: FastAPI) -> None:
    """Add the documentation page of every problem type, where its type URI leads."""

    @shell.get("/problems/{slug}")
    async def page(slug: str) -> Response:
        found = CATALOGUE.get(Slug(slug)) if slug in tuple(Slug) else None
        if found is None:
            raise HTTPException(404)
        return HTMLResponse(
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{found.title}</title>"
            f"<h1>{found.title}</h1><p><code>{found.slug}</code>, status {found.status}</p>"
            f"<p>{found.meaning}</p><p>{found.remedy}</p></html>"
        )
