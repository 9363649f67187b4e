"""The application without its first wall: no statement is fenced, built by the engine or written by hand."""

import importlib
import pkgutil
import sys
from dataclasses import replace
from functools import _lru_cache_wrapper
from typing import Any

import pytest

import db.queries
from db import tenancy
from db.driver import Statement
from db.execute import Prepared

_FENCE = "workspace_id = $1"
_NO_FENCE = "workspace_id IS NOT NULL AND $1::uuid IS NOT NULL"
# How a token proves itself is who asks, and not what may be seen.
_LEFT = "tokens"


def unfenced(source: Any) -> Any:
    """Return a condition that holds for every row, though it still names the workspace."""
    return tenancy.WORKSPACE.is_not(None)


def uncached(patch: pytest.MonkeyPatch, *modules: Any) -> None:
    """Neither take statements from what other servers have made, nor keep any for them."""
    for module in modules:
        for name, made in list(vars(module).items()):
            if isinstance(made, _lru_cache_wrapper):
                patch.setattr(module, name, made.__wrapped__)


def drop(patch: pytest.MonkeyPatch) -> int:
    """Take every fence away; returns how many statements written by hand lost theirs."""
    fence = tenancy.fence
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] in ("db", "services")]
    patch.setattr(tenancy, "check", lambda statement: None)
    uncached(patch, *(module for module in modules if module.__name__.startswith("db.")))
    for module in modules:
        for name, value in list(vars(module).items()):
            if value is fence:
                patch.setattr(module, name, unfenced)
    return sum(_drop_in(patch, module) for module in _queries())


def _queries() -> list[Any]:
    found = (each.name for each in pkgutil.iter_modules(db.queries.__path__))
    return [importlib.import_module(f"db.queries.{name}") for name in found if name != _LEFT]


def _drop_in(patch: pytest.MonkeyPatch, module: Any) -> int:
    count = 0
    for name, value in list(vars(module).items()):
        statement = value.statement if isinstance(value, Prepared) else value
        if isinstance(statement, Statement) and _FENCE in statement.text:
            open_ = replace(statement, text=statement.text.replace(_FENCE, _NO_FENCE))
            patch.setattr(
                module, name, replace(value, statement=open_) if isinstance(value, Prepared) else open_
            )
            count += 1
    return count
