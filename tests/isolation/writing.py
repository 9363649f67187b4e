"""Writes of one workspace, generated from the catalogue: at what is its own, and at what is others'."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.engine.resource import Action, ActionKind, Embedded, Field, Kind, Resource
from services.engine.versions import tag
from tests.isolation.asking import Asker
from tests.isolation.estate import KEY
from tests.isolation.requests import Ask, of_write
from tests.parity.writing import graphql_side, rest_side
from tests.parity.writing.neutral import BULK, VALUED, Item, WriteCase
from tests.parity.writing.values import full, valid

_MOST_LINES = 3
_MOST_AT_ONCE = 4
_MOST_CHANGED = 3


@dataclass(slots=True)
class Writer:
    """Makes the writes of one tenant."""

    asker: Asker

    def writing(self) -> Ask:
        """Return a write in either way to ask it."""
        dice, estate = self.asker.dice, self.asker.estate
        resource = dice.choice([each for each in estate.catalog if each.actions])
        case = self.case(resource, dice.choice(resource.actions))
        if dice.chance(50):
            request: Any = rest_side.request(case)
        else:
            write = graphql_side.with_variables if dice.chance(60) else graphql_side.with_literals
            request = write(case, estate.catalog, embedded=dice.chance(70))
        label = f"{case.action.name} {resource.plural}{' in bulk' if case.bulk else ''}"
        return self.asker.dressed(of_write(label, request, still=case.dry_run))

    def case(self, resource: Resource, action: Action) -> WriteCase:
        """Return an action on one row or on several."""
        dice = self.asker.dice
        bulk = resource.bulk and action.kind in BULK and dice.chance(35)
        size = dice.randint(1, _MOST_AT_ONCE) if bulk else 1
        items = tuple(self._item(resource, action) for _ in range(size))
        return WriteCase(
            "step",
            resource,
            action,
            items,
            bulk=bulk,
            atomic=dice.chance(50),
            if_match=None if bulk else self._if_match(resource, action, items[0]),
            key=self._key() if dice.chance(40) else None,
            dry_run=dice.chance(25),
            merge=action.kind is ActionKind.UPDATE and dice.chance(20),
        )

    def _item(self, resource: Resource, action: Action) -> Item:
        values = self.values(resource, action) if action.kind in VALUED else {}
        if action.kind is ActionKind.CREATE:
            return Item(values)
        return Item(values, self.asker.spelled(self._target(resource)))

    def _target(self, resource: Resource) -> str:
        """Return the id of a row to be written; seldom of a token in use, without which little follows."""
        held = self.asker.estate.in_use
        for _ in range(5):
            id_ = self.asker.id(resource, own=55)
            if id_ not in held or self.asker.dice.chance(10):
                break
        return id_

    def _if_match(self, resource: Resource, action: Action, item: Item) -> str | None:
        if action.kind is ActionKind.CREATE or (
            action.kind is not ActionKind.REPLACE and self.asker.dice.chance(70)
        ):
            return None
        for letter in self.asker.estate.loot:
            for row in self.asker.estate.rows_of(letter, resource):
                if row["id"] == item.id and self.asker.dice.chance(80):
                    return tag(row["id"], row["version"])
        return self.asker.etag()

    def _key(self) -> str:
        """Return a key: anybody's, or a new one that tells whose it is."""
        keys = self.asker.estate.loot[self.asker.someone(30)].keys
        if keys and self.asker.dice.chance(60):
            return self.asker.dice.choice(keys)
        made = f"{KEY}{self.asker.estate.marks.canary(self.asker.letter, self.asker.tenant.id)}"
        self.asker.estate.loot[self.asker.letter].keys.append(made)
        return made

    # Values

    def values(self, resource: Resource, action: Action) -> dict[str, Any]:
        """Return values for a write, most of them valid."""
        dice = self.asker.dice
        fields = [
            each
            for each in resource.writable
            if action.kind is ActionKind.CREATE or not each.fixed or dice.chance(5)
        ]
        if action.kind is ActionKind.UPDATE:
            fields = dice.some(fields, _MOST_CHANGED, 1)
        else:
            fields = [each for each in fields if each.required or dice.chance(50)]
        found = {each.name: self._value(resource, each) for each in fields}
        for item in resource.embedded:
            if dice.chance(50) or action.kind is ActionKind.CREATE:
                found[item.name] = [self._line(item) for _ in range(dice.randint(1, _MOST_LINES))]
        return found

    def _line(self, item: Embedded) -> dict[str, Any]:
        named = [item.resource.all_fields[name] for name in item.fields]
        found = {
            each.name: self._value(item.resource, each)
            for each in named
            if each.required or self.asker.dice.chance(60)
        }
        return {"id": self.asker.id(item.resource), **found} if self.asker.dice.chance(25) else found

    def _value(self, resource: Resource, field: Field) -> Any:
        dice, estate = self.asker.dice, self.asker.estate
        relation = next((each for each in resource.relations if each.one and each.via == field.name), None)
        if relation is not None:
            return self.asker.id(estate.catalog.target(relation), own=65)
        if field.enum is not None:
            return str(dice.choice(list(field.enum)))
        if field.among is not None:
            return dice.some(sorted(field.among(estate.catalog)), 3)
        facts = resource.facts_of(field)
        if facts.kind is Kind.JSON:
            made: Any = {self._text(resource, field): {"deep": [self._text(resource, field), 1]}}
            made = [self._text(resource, field)] if facts.array else made
            return made if valid(resource, field, made) else field.example
        if facts.kind is Kind.STRING:
            found = next(
                (each for each in self._spellings(resource, field) if valid(resource, field, each)), None
            )
            return found or full(resource, self._picks(resource), dice.randint(1, 10**6))[field.name]
        if facts.kind is Kind.DECIMAL:
            return "0.25"
        if facts.kind in (Kind.INTEGER, Kind.BIG_INTEGER):
            number = dice.choice((1, 2, estate.marks.number(self.asker.tenant.id)))
            return number if valid(resource, field, number) else int(field.minimum or 1)
        if facts.kind is Kind.DATETIME:
            return f"2031-02-{dice.randint(1, 28):02d}T10:20:30Z"
        return self.asker.plain(facts.kind)

    def _text(self, resource: Resource, field: Field) -> str:
        """Return a text to be stored: a new one of our own, or one of another workspace's."""
        estate = self.asker.estate
        # Slugs of workspaces are unique among all, so there the answer may depend on others'.
        shared = not resource.tenant and field in resource.writable and field.filterable
        if self.asker.dice.chance(20) and not shared:
            # What is unique elsewhere may well be the same here.
            found = self.asker.row(resource, own=10).get(field.name)
            return found if isinstance(found, str) and found else self.asker.canary()
        return estate.marks.canary(self.asker.letter, self.asker.tenant.id)

    def _spellings(self, resource: Resource, field: Field) -> Iterator[str]:
        text = self._text(resource, field)
        yield from (text, text.upper(), f"{text}@example.com", f"https://{text}.example/{field.name}")

    def _picks(self, resource: Resource) -> dict[str, Any]:
        picks: dict[str, Any] = {
            each.name: str(next(iter(each.enum))) for each in resource.writable if each.enum
        }
        picks |= {each.via: self.asker.id(resource) for each in resource.relations if each.one}
        return picks | {each.name: self._picks(each.resource) for each in resource.embedded}
