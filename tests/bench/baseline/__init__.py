"""The idiomatic peer: FastAPI, the SQLAlchemy ORM, Pydantic and Strawberry as their guides teach them."""
