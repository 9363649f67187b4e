"""Which statements PostgreSQL may plan once for all values."""

from db.query import (
    All,
    AnyOf,
    Batch,
    Compare,
    Condition,
    Connect,
    Connection,
    Count,
    Estimate,
    Get,
    Many,
    Object,
    One,
    Page,
    Query,
    Rows,
    Total,
)

_EQUALITIES = ("eq", "in")
_RANGES = ("gt", "gte", "lt", "lte")


def generic(node: Query) -> bool:
    """Tell whether the values of `node` cannot make another plan better.

    That is so where rows are found by keys or read in the order of an index. A filter on other columns may be
    served better by another index for some values, and a count always reads every row that a filter leaves.
    """
    match node:
        case Get():
            return _object(node.object)
        case Page():
            return _rows(node.rows, counted=node.count is Count.EXACT) and _object(node.object)
        case Connect():
            return _connection(node.connection)
        case AnyOf():
            return all(_object(item) for _, item in node.objects)
        case Batch():
            target = node.target
            return _connection(target) if isinstance(target, Connection) else _object(target)
        case Estimate():
            return False


def _object(node: Object) -> bool:
    return all(
        _connection(output.connection) if isinstance(output, Many) else _object(output.target)
        for output in node.outputs
        if isinstance(output, Many | One)
    )


def _connection(node: Connection) -> bool:
    counted = any(isinstance(part, Total) for part in node.parts)
    return _rows(node.rows, counted=counted) and all(map(_object, node.objects))


def _rows(node: Rows, *, counted: bool) -> bool:
    if node.where is None:
        return True
    return _condition(node.where, None if counted else node.order[0].column)


def _condition(node: Condition, leading: str | None) -> bool:
    """Tell whether `node` compares keys only, or `leading`, the column the rows are read in order of."""
    match node:
        case All():
            return all(_condition(part, leading) for part in node.parts)
        case Compare():
            by_key = node.operator in _EQUALITIES and (node.column == "id" or node.column.endswith("_id"))
            return by_key or (node.operator in _RANGES and node.column == leading)
    return False
