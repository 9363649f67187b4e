"""Operations that follow from a resource and its actions, address by address as the router derives them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rest.bodies import JSON_TYPE, PATCHES
from rest.openapi import parameters, schemas, searching
from rest.openapi.deprecation import marked
from rest.openapi.draft import Draft, Json, camel, pascal
from rest.openapi.headers import answered
from rest.openapi.problems import ALWAYS, WITH_BODY, WITH_TOKEN, refusals
from services.engine.access import Permission, permission
from services.engine.deprecation import Deprecation
from services.engine.resource import Action, ActionKind, Relation, Resource
from services.exporting import Format

JSON_ALONE = (JSON_TYPE,)
_ABOUT_A_ROW = (409, 412)
_IN_BULK = (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.DELETE)
_METHODS = {
    ActionKind.CREATE: "post",
    ActionKind.REPLACE: "put",
    ActionKind.UPDATE: "patch",
    ActionKind.DELETE: "delete",
}


@dataclass(slots=True)
class Operation:
    """One method of one address below the base path; `module` is the tag that it goes by.

    `scope` is None where a live token is enough; a `public` one needs none. `server` is where the path
    begins, if not at the base path. One that is `deprecated` works as before.
    """

    path: str
    method: str
    id: str
    summary: str
    module: str
    description: str = ""
    scope: str | None = None
    public: bool = False
    parameters: list[Json] = field(default_factory=list)
    body: Json | None = None
    responses: Json = field(default_factory=dict)
    server: str | None = None
    deprecated: Deprecation | None = None

    def document(self, draft: Draft, *refused: int) -> Json:
        """Return the operation object; `refused` are the statuses of problems beyond the usual ones."""
        usual = (*ALWAYS, *(() if self.public else WITH_TOKEN), *(WITH_BODY if self.body else ()))
        found: dict[str, Any] = {
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description or f"{self.summary}.",
            "tags": [self.module],
            "parameters": [*self.parameters, parameters.header(draft, "RequestId")],
            "requestBody": self.body,
            "responses": {**self.responses, **refusals(draft, (*usual, *refused))},
            "security": [] if self.public else None,
            "x-required-scopes": [] if self.scope is None else [self.scope],
        }
        return marked({name: value for name, value in found.items() if value is not None}, self.deprecated)


def body(schema: Json, types: tuple[bytes, ...] = JSON_ALONE, *, required: bool = True) -> Json:
    """Return a request body of these media types."""
    return {"required": required, "content": {kind.decode(): {"schema": schema} for kind in types}}


def response(draft: Draft, said: str, schema: Json | None, *headers: str) -> Json:
    """Return a response with a JSON document, or without any content."""
    content = {} if schema is None else {"content": {JSON_TYPE.decode(): {"schema": schema}}}
    return {"description": said, "headers": answered(draft, *headers), **content}


class Operations:
    """The operations of one resource."""

    def __init__(self, draft: Draft, resource: Resource) -> None:
        self._draft, self._resource = draft, resource
        self._module = draft.catalog.module_of(resource)
        self._one, self._many = pascal(resource.name), pascal(resource.plural)
        self._words, self._plural = resource.name.replace("_", " "), resource.plural.replace("_", " ")
        self._row = f"/{resource.path}/{{id}}"

    def all(self) -> Iterator[tuple[Operation, Json]]:
        """Yield every operation with its object in the document."""
        yield from self._reading()
        for action in self._resource.actions:
            yield self._writing(action)
            if self._resource.bulk and action.kind in _IN_BULK:
                yield self._writing_many(action, f"/{self._resource.path}/bulk", _METHODS[action.kind])
            if self._resource.bulk and action.kind is ActionKind.DELETE:
                yield self._writing_many(action, f"/{self._resource.path}/bulk-delete", "post")

    # Reading

    def _reading(self) -> Iterator[tuple[Operation, Json]]:
        resource, draft = self._resource, self._draft
        yield self._listing(resource, f"/{resource.path}", f"list{self._many}", f"List {self._plural}")
        found = self._operation(self._row, "get", f"get{self._one}", f"Get one {self._words}")
        known = parameters.header(draft, "IfNoneMatch")
        found.parameters = [self._id, *parameters.of_one(draft, resource), known]
        found.responses = {
            "200": response(draft, "The row.", schemas.one(draft, resource), "ETag"),
            "304": {"description": "The client has it already.", "headers": answered(draft, "ETag")},
        }
        yield found, found.document(draft)
        yield self._searching()
        if resource.exported:
            yield self._exporting()
        for relation in resource.relations:
            if relation.many and relation.nested:
                yield self._nested(relation)

    def _listing(self, shown: Resource, path: str, id_: str, summary: str) -> tuple[Operation, Json]:
        found = self._operation(path, "get", id_, summary, shown.doc)
        found.parameters = parameters.of_many(self._draft, shown)
        found.responses = {"200": self._page(shown)}
        return found, found.document(self._draft)

    def _nested(self, relation: Relation) -> tuple[Operation, Json]:
        target = self._draft.catalog.target(relation)
        id_ = f"list{self._one}{pascal(relation.name)}"
        if id_ == f"list{pascal(target.plural)}":
            # The order items of all orders have this name already.
            id_ = f"list{pascal(relation.name)}Of{self._one}"
        path = f"{self._row}/{relation.name.replace('_', '-')}"
        found, _ = self._listing(target, path, id_, f"List the {relation.name} of one {self._words}")
        found.description = relation.doc
        found.deprecated = relation.deprecated or target.deprecated or self._resource.deprecated
        found.parameters = [self._id, *found.parameters]
        return found, found.document(self._draft)

    def _searching(self) -> tuple[Operation, Json]:
        resource, draft = self._resource, self._draft
        found = self._operation(
            f"/{resource.path}/search",
            "post",
            f"search{self._many}",
            f"Search {self._plural}",
            "As listing does, with a body; nothing is written. The links of a page lead on by the same body: "
            "paging in the address comes before that in the body.",
        )
        found.parameters = parameters.query(draft, *parameters.PAGING)
        found.body = body(searching.search(draft, resource), required=False)
        found.responses = {"200": self._page(resource)}
        return found, found.document(draft)

    def _exporting(self) -> tuple[Operation, Json]:
        resource, draft = self._resource, self._draft
        found = self._operation(
            f"/{resource.path}/export",
            "get",
            f"export{self._many}",
            f"Export {self._plural}",
            "All rows that the same filters list, as one file.",
        )
        shaping = parameters.query(draft, "ExportFormat", "IncludeDeleted")
        found.parameters = [*shaping, *parameters.narrowing(draft, resource)]
        text = {"schema": {"type": "string"}}
        content = {each.media_type: text for each in reversed(Format)}
        headers = answered(draft, "Content-Disposition")
        found.responses = {"200": {"description": "The file.", "headers": headers, "content": content}}
        return found, found.document(draft)

    def _page(self, shown: Resource) -> Json:
        return response(self._draft, "A page.", schemas.page(self._draft, shown), "Link")

    # Writing

    def _writing(self, action: Action) -> tuple[Operation, Json]:
        draft, kind = self._draft, action.kind
        on_row = kind is not ActionKind.CREATE
        named = camel(f"{action.name}_{self._resource.name}")
        summary = f"{action.name.replace('_', ' ').capitalize()} one {self._words}"
        found = self._operation(self._address(action), _METHODS.get(kind, "post"), named, summary, action.doc)
        found.deprecated = action.deprecated or found.deprecated
        found.scope = f"{self._resource.scope}:{permission(action)}"
        found.parameters = [
            *([self._id] if on_row else []),
            *parameters.query(draft, "DryRun"),
            *([parameters.header(draft, "IfMatch", required=kind is ActionKind.REPLACE)] if on_row else []),
            parameters.header(draft, "IdempotencyKey"),
        ]
        found.body = self._body(action)
        found.responses = self._answer(action)
        refused = (*_ABOUT_A_ROW, 428) if kind is ActionKind.REPLACE else _ABOUT_A_ROW if on_row else (409,)
        return found, found.document(draft, 422, *refused)

    def _address(self, action: Action) -> str:
        if action.kind is ActionKind.CREATE:
            return f"/{self._resource.path}"
        verb = action.name.replace("_", "-")
        return self._row if action.kind in _METHODS else f"{self._row}/{verb}"

    def _body(self, action: Action) -> Json | None:
        draft, resource = self._draft, self._resource
        if action.inputs:
            needed = any(item.required for item in action.inputs)
            return body(schemas.inputs(draft, resource, action), required=needed)
        if action.kind not in (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE):
            return None
        types = PATCHES if action.kind is ActionKind.UPDATE else JSON_ALONE
        return body(schemas.sent(draft, resource, action.kind), types)

    def _answer(self, action: Action) -> Json:
        draft = self._draft
        if action.kind is ActionKind.DELETE:
            return {"204": response(draft, "It is done.", None, "Idempotency-Replayed")}
        made = action.kind is ActionKind.CREATE
        headers = ("ETag", "Idempotency-Replayed", *(["Location"] if made else []))
        schema = schemas.written(draft, self._resource, action)
        found = response(draft, "The row as it is now.", schema, *headers)
        return {"201": {**found, "links": self._onward()}} if made else {"200": found}

    def _onward(self) -> Json:
        """Return where a new row leads: to each operation on it."""
        named = {"parameters": {"id": "$response.body#/data/id"}}
        kinds = (ActionKind.UPDATE, ActionKind.DELETE, ActionKind.RESTORE, ActionKind.ITEM)
        verbs = ["get", *(each.name for each in self._resource.actions if each.kind in kinds)]
        ids = [camel(f"{verb}_{self._resource.name}") for verb in verbs]
        return {id_: {"operationId": id_, **named} for id_ in ids}

    def _writing_many(self, action: Action, path: str, method: str) -> tuple[Operation, Json]:
        draft, kind = self._draft, action.kind
        named = camel(f"bulk_{action.name}_{self._resource.plural}")
        aliased = path.endswith("bulk-delete")
        found = self._operation(
            path,
            method,
            f"{named}ByPost" if aliased else named,
            f"{action.name.capitalize()} many {self._plural}",
            "For clients that cannot send a body with DELETE." if aliased else action.doc,
        )
        found.deprecated = action.deprecated or found.deprecated
        found.scope = f"{self._resource.scope}:{permission(action)}"
        found.parameters = [
            *parameters.query(draft, "Atomic", "DryRun"),
            parameters.header(draft, "IdempotencyKey"),
        ]
        types = PATCHES if kind is ActionKind.UPDATE else JSON_ALONE
        found.body = body(schemas.many(draft, self._resource, kind), types)
        result = schemas.results(draft, self._resource, action)
        done = "201" if kind is ActionKind.CREATE else "200"
        found.responses = {
            done: response(draft, "Every row was written.", result, "Idempotency-Replayed"),
            "207": response(draft, "Some rows were not written.", result, "Idempotency-Replayed"),
        }
        return found, found.document(draft, 409)

    # Parts

    @property
    def _id(self) -> Json:
        return parameters.identity(self._draft)

    def _operation(self, path: str, method: str, id_: str, summary: str, said: str = "") -> Operation:
        scope = f"{self._resource.scope}:{Permission.READ}"
        found = Operation(path, method, id_, summary, self._module, said, scope)
        found.deprecated = self._resource.deprecated
        return found
