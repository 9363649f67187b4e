"""Calls of procedures, generated from their declarations, with what is ours and with what is others'."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from schema.names import camel
from services.engine.procedures import AnyProcedure, Method, Output, Part, PublicProcedure
from services.engine.resource import Field, Kind
from tests.isolation.asking import BASE, Asker
from tests.isolation.requests import Ask, get, graphql, sent
from tests.parity.graphql_side import Name, _literal, constant

_ENOUGH = 30
_SELDOM = 85


@dataclass(slots=True)
class Procedures:
    """Makes the calls of one tenant."""

    asker: Asker

    def calling(self) -> Ask:
        """Return a call of any procedure, or a question about the caller."""
        dice, declared = self.asker.dice, self.asker.estate.catalog.procedures
        if not declared or dice.chance(_ENOUGH):
            return self.asker.identity()
        procedure = dice.choice(declared)
        if isinstance(procedure, PublicProcedure) and dice.chance(_SELDOM):
            # Whoever shows no token is in no workspace, and hashing what they send takes long.
            return self.asker.identity()
        values = {
            each.name: self._value(each)
            for each in procedure.inputs
            if each.required or each.name in procedure.in_path or dice.chance(60)
        }
        ask = self.over_rest(procedure, values) if dice.chance(50) else self.over_graphql(procedure, values)
        return self.asker.dressed(ask)

    def over_rest(self, procedure: AnyProcedure, values: dict[str, Any]) -> Ask:
        """Return a call over REST."""
        parts = [
            quote(str(values[text[1:-1]]), safe="") if text.startswith("{") else text
            for text in self.asker.dice.choice(procedure.places)
        ]
        rest = {name: value for name, value in values.items() if name not in procedure.in_path}
        label, target = f"call {procedure.name}", f"{BASE}/{'/'.join(parts)}"
        if procedure.method is Method.POST:
            return sent(label, "POST", target, rest)
        query = urlencode({name: _plain(value) for name, value in rest.items()})
        whole = f"{target}?{query}" if query else target
        return get(label, whole) if procedure.method is Method.GET else Ask(label, "DELETE", whole)

    def over_graphql(self, procedure: AnyProcedure, values: dict[str, Any]) -> Ask:
        """Return a call over GraphQL."""
        given = ", ".join(
            f"{camel(name)}: {self._argument(procedure, name, value)}" for name, value in values.items()
        )
        shown = _selection(procedure.outputs)
        reading = procedure.method is Method.GET
        inner = shown if reading else f"{shown} problem {{ code detail errors extensions }}"
        called = f"{camel(procedure.name)}{f'({given})' if given else ''} {{ {inner} }}"
        return graphql(
            f"call {procedure.name}", f"{'query' if reading else 'mutation'} {{ {called} }}", still=reading
        )

    def _argument(self, procedure: AnyProcedure, name: str, value: Any) -> str:
        enum = procedure.inputs_by_name[name].enum
        return _literal(Name(constant(value)) if enum is not None and isinstance(value, str) else value)

    def _value(self, field: Field) -> Any:
        asker, dice = self.asker, self.asker.dice
        if getattr(field, "many", False):
            return [self._one(field) for _ in range(dice.randint(0, 2))]
        return self._one(field) if asker.dice.chance(95) else None

    def example(self, field: Field) -> Any:
        """Return a value for an input."""
        return [] if getattr(field, "many", False) else self._one(field)

    def _one(self, field: Field) -> Any:
        if field.enum is not None:
            return str(self.asker.dice.choice(list(field.enum)))
        if field.kind is Kind.STRING or field.kind is None:
            return self.asker.canary()
        return self.asker.plain(field.kind)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _selection(outputs: tuple[Output, ...]) -> str:
    """Return the selection of everything that is answered."""
    return " ".join(
        f"{camel(each.name)} {{ {_selection(each.fields)} }}" if isinstance(each, Part) else camel(each.name)
        for each in outputs
    )
