"""The application: `uvicorn tests.bench.baseline.app:app`."""

from fastapi import FastAPI

from tests.bench.baseline import graphql, rest

app = FastAPI(title="Baseline")
app.include_router(rest.router)
app.include_router(graphql.router, prefix="/graphql")
