"""Inputs derived from declarations: filters, sort orders, and the arguments of fields."""

from enum import Enum, EnumMeta, StrEnum
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.names import camel, constant, pascal, words
from schema.scalars import JSON, SCALAR_OF
from services.engine.catalog import Catalog
from services.engine.resource import OPERATORS, Field, Kind, Operator, Resource

JSON_FILTER = "JSONFilter"

_OPERATOR_DOCS = {
    Operator.EQ: "Equal to this.",
    Operator.NEQ: "Not equal to this; rows without a value match.",
    Operator.GT: "Greater than this.",
    Operator.GTE: "Greater than or equal to this.",
    Operator.LT: "Less than this.",
    Operator.LTE: "Less than or equal to this.",
    Operator.IN: "One of these; an empty list matches nothing.",
    Operator.NIN: "None of these; rows without a value match.",
    Operator.LIKE: "Contains this text, in any case.",
    Operator.NULL: "True for rows without a value, false for rows with one.",
}
_LISTS = (Operator.IN, Operator.NIN)


def argument(name: str, annotation: Any, doc: str, default: Any = strawberry.UNSET) -> StrawberryArgument:
    """Return an argument of a field."""
    made = StrawberryAnnotation(annotation)
    return StrawberryArgument(name, name, made, description=doc, default=default)


def safe_name(name: str) -> str:
    """Return a name that a Python attribute may have (`in` and `not` may not)."""
    return f"{name}_"


class Inputs:
    """The inputs of one catalogue, each made once."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._enums: dict[type[StrEnum], EnumMeta] = {}
        self._operators: dict[str, Any] = {}
        self.filters = {resource.name: bare_type(f"{pascal(resource.name)}Filter") for resource in catalog}
        self.sorts = {resource.name: self._sort(resource) for resource in catalog}
        for resource in catalog:
            self._complete(resource)

    def enum(self, values: type[StrEnum]) -> EnumMeta:
        """Return the GraphQL enum of a field's values."""
        if values not in self._enums:
            self._enums[values] = enum_type(
                values.__name__,
                _summary(values),
                {constant(v): (str(v), f"Stored, and sent over REST, as `{v}`.") for v in values},
            )
        return self._enums[values]

    def output(self, resource: Resource, field: Field) -> Any:
        """Return the type of a field's value, null left aside."""
        if field.enum is not None:
            return self.enum(field.enum)
        facts = resource.facts_of(field)
        if field.among is not None:
            return list[str]
        return strawberry.ID if field.name == "id" else SCALAR_OF[facts.kind]

    def own(self, field: Field) -> Any:
        """Return the type of what has no column, null left aside."""
        if field.enum is not None:
            return self.enum(field.enum)
        return strawberry.ID if field.name == "id" else SCALAR_OF[field.own_facts.kind]

    def listing(self, resource: Resource, *, root: bool) -> list[StrawberryArgument]:
        """Return the arguments of a collection: a whole one at the `root`, or one below a parent."""
        found = [
            argument("filter", self.filters[resource.name] | None, "Conditions that the rows must meet."),
            argument("sort", list[self.sorts[resource.name]] | None, "The order, first term first."),  # type: ignore[name-defined]  # Types made at run time.
            argument("first", int | None, "At most this many rows from the start (default 100, most 500)."),
            argument("after", str | None, "Only rows after this cursor."),
            argument("last", int | None, "At most this many rows from the end (default 100, at most 500)."),
            argument("before", str | None, "Only rows before this cursor."),
        ]
        if not root:
            return found
        if resource.searchable:
            looked = ", ".join(camel(name) for name in resource.searchable)
            found.insert(2, argument("search", str | None, f"Words to find in {looked}, as prefixes."))
        return [
            *found,
            argument("page", int | None, "Jump to this page, counted from 1; excludes cursors."),
            argument("perPage", int | None, "Rows per page, with `page` (default 100, at most 500)."),
            argument("includeDeleted", bool, "Show deleted rows beside the live ones.", default=False),
        ]

    # Filters

    def _complete(self, resource: Resource) -> None:
        """Add the fields of a resource's filter, now that every filter exists."""
        own = self.filters[resource.name]
        fields: dict[str, tuple[Any, str]] = {
            "and": (list[own] | None, "Every one of these holds."),  # type: ignore[valid-type]  # A type made at run time.
            "or": (list[own] | None, "At least one of these holds."),  # type: ignore[valid-type]  # A type made at run time.
            "not": (own | None, "This does not hold."),
        }
        for field in resource.all_fields.values():
            if field.filterable:
                fields[camel(field.name)] = (self._field(resource, field), field.doc)
        for relation in resource.relations:
            target = self.filters[relation.target]
            doc = relation.doc if relation.one else f"{relation.doc} At least one of them meets this."
            fields[camel(relation.name)] = (target | None, doc)
        input_type(own, f"Conditions on {words(resource.plural)}; all that are given hold together.", fields)

    def _field(self, resource: Resource, field: Field) -> Any:
        kind = resource.facts[field.name].kind
        if kind is Kind.JSON:
            inside = self._json()
            return list[inside] | None  # type: ignore[valid-type]  # A type made at run time.
        value = self.output(resource, field)
        name = f"{field.enum.__name__}Filter" if field.enum else f"{_scalar_name(value)}Filter"
        if name not in self._operators:
            self._operators[name] = self._operator_input(name, value, resource.operators(field))
        return self._operators[name] | None

    def _operator_input(self, name: str, value: Any, operators: tuple[Operator, ...]) -> Any:
        what = name.removesuffix("Filter")
        doc = f"Comparisons with a value of type {what}; all that are given hold together."
        fields = {str(each): (_operand(each, value), _OPERATOR_DOCS[each]) for each in operators}
        return input_type(bare_type(name), doc, fields)

    def _json(self) -> Any:
        if JSON_FILTER not in self._operators:
            doc = "Names that lead into the value, joined by dots, such as `source`; none mean it as a whole."
            path = (str | None, doc)
            fields = {
                str(each): (_operand(each, JSON), _OPERATOR_DOCS[each]) for each in OPERATORS[Kind.JSON]
            }
            doc = "Comparisons with a string, number or boolean inside a JSON value; all given hold together."
            self._operators[JSON_FILTER] = input_type(bare_type(JSON_FILTER), doc, {"path": path} | fields)
        return self._operators[JSON_FILTER]

    def _sort(self, resource: Resource) -> EnumMeta:
        members: dict[str, tuple[str, str]] = {}
        for field in resource.all_fields.values():
            if field.sortable:
                what = camel(field.name)
                members[f"{constant(field.name)}_ASC"] = field.name, f"By `{what}`, ascending, nulls last."
                members[f"{constant(field.name)}_DESC"] = (
                    f"-{field.name}",
                    f"By `{what}`, descending, nulls last.",
                )
        doc = f"Ways to sort {words(resource.plural)}."
        return enum_type(f"{pascal(resource.name)}Sort", doc, members)


def _operand(operator: Operator, value: Any) -> Any:
    if operator is Operator.NULL:
        return bool | None
    return list[value] | None if operator in _LISTS else value | None


def _scalar_name(value: Any) -> str:
    return {str: "String", int: "Int", bool: "Boolean"}.get(value) or str(value.__name__)


def _summary(values: type[StrEnum]) -> str:
    return (values.__doc__ or values.__name__).strip().splitlines()[0]


def enum_type(name: str, doc: str, members: dict[str, tuple[str, str]]) -> EnumMeta:
    """Return an enum from its members' values and descriptions."""
    values = {key: strawberry.enum_value(value, description=text) for key, (value, text) in members.items()}
    made: EnumMeta = EnumMeta.__call__(Enum, name, values)
    return strawberry.enum(made, name=name, description=doc)


def bare_type(name: str) -> Any:
    """Return a class without fields, so that others can refer to it before it has them."""
    return type(name, (), {"__module__": __name__})


def input_type(bare: Any, doc: str, fields: dict[str, tuple[Any, str]]) -> Any:
    """Make an input type of a bare class, from its fields' types and descriptions."""
    for name, (annotation, text) in fields.items():
        field = StrawberryField(
            python_name=safe_name(name),
            graphql_name=name,
            type_annotation=StrawberryAnnotation(annotation),
            description=text,
            default=strawberry.UNSET,
        )
        setattr(bare, safe_name(name), field)
    return strawberry.input(bare, name=bare.__name__, description=doc)
