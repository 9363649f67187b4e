"""Facts about columns agree with the migrated database."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from db.describe import Kind, columns
from db.models import Model, Token, Workspace

MODELS: dict[str, type[Model]] = {
    mapper.class_.__tablename__: mapper.class_
    for mapper in Model.registry.mappers
    # Those that tests add have tables of their own.
    if mapper.class_.metadata is Model.metadata
}
DEFAULTS = """
    SELECT attname, pg_get_expr(adbin, adrelid)
    FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    WHERE adrelid = %s::regclass AND attgenerated = ''
"""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_literal_default_is_the_one_of_the_database(database: str, name: str) -> None:
    """S3-105, C-40: a replacement resets a field to it."""
    facts = columns(MODELS[name])
    with psycopg.connect(database) as connection:
        expressions: dict[str, Any] = dict(connection.execute(DEFAULTS, [name]).fetchall())
        for column, known in facts.items():
            expression = expressions.get(column)
            if expression is None or expression.endswith("()"):
                assert known.default is None
                continue
            made = connection.execute(sql.SQL("SELECT to_json({})").format(sql.SQL(expression))).fetchone()
            assert made is not None
            assert known.default == (str(made[0]) if known.kind is Kind.DECIMAL else made[0])


def test_lists_default_to_empty_ones_and_maps_too() -> None:
    """C-40."""
    assert columns(Token)["scopes"].default == []
    assert columns(MODELS["products"])["nutrition"].default == {}
    assert columns(Workspace)["settings"].default == {"timezone": "UTC", "locale": "en_GB"}
    assert columns(MODELS["orders"])["tax_rate"].default == "0"
