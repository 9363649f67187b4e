"""Messages of MCP sent to the application in process, each answer held against the schema of its tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from rest.mcp.tools import Tool, Toolbox
from rest.openapi.document import document
from services.catalog import CATALOG
from tests.support.client import Answer, Client
from tests.support.described import FORMATS

MODERN, OLDER = "2026-07-28", "2025-11-25"
_NAMED = {"tools/call": "name", "resources/read": "uri"}
_META = "io.modelcontextprotocol/"


@cache
def toolbox() -> Toolbox:
    """Return the tools of the catalogue."""
    return Toolbox(document(CATALOG, "0.0.0"))


@dataclass(frozen=True, slots=True)
class Called:
    """What a tool answered."""

    tool: Tool
    result: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """Return what it answered with, after checking that it is no refusal and as the tool says."""
        assert self.result["isError"] is False, self.result
        found = self.result["structuredContent"]
        faults = Draft202012Validator(self.tool.answers, format_checker=FORMATS).iter_errors(found)
        assert [fault.message for fault in faults] == []
        assert isinstance(found, dict)
        return found

    @property
    def text(self) -> str:
        """Return the first of its texts, which is what REST answers."""
        return str(self.result["content"][0]["text"])

    @property
    def headers(self) -> dict[str, str]:
        """Return what the headers of REST said."""
        return dict(self.result["_meta"]["diptych.http/headers"])

    def problem(self, status: int) -> dict[str, Any]:
        """Return the problem that it was refused with, after checking that it is whole."""
        assert self.result["isError"] is True, self.result
        found = self.result["structuredContent"]
        assert found["status"] == status == self.result["_meta"]["diptych.http/status"], found
        assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(found)
        assert found["instance"] == "/mcp"
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True, slots=True)
class Agent:
    """Speaks one revision of the protocol with one token, or with none."""

    client: Client
    revision: str = MODERN

    async def send(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post one message, and return the answer of HTTP; `headers` are added, or stand in for others."""
        params = dict(params or {})
        told = {"accept": "application/json, text/event-stream", "mcp-protocol-version": self.revision}
        if self.revision == MODERN:
            told["mcp-method"] = method
            if method in _NAMED:
                told["mcp-name"] = str(params.get(_NAMED[method]))
            params["_meta"] = {f"{_META}protocolVersion": MODERN, f"{_META}clientCapabilities": {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.client.post("/mcp", message, headers=list((told | dict(headers or {})).items()))

    async def result(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Return the result of a message."""
        answer = await self.send(method, params)
        assert answer.status == 200, (answer.status, answer.body[:500])
        found = answer.json()
        assert found.keys() == {"jsonrpc", "id", "result"}, found
        assert isinstance(found["result"], dict)
        return found["result"]

    async def error(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Return the error that a message is answered with."""
        found = (await self.send(method, params)).json()
        assert found.keys() == {"jsonrpc", "id", "error"}, found
        assert isinstance(found["error"], dict)
        return found["error"]

    async def call(self, name: str, /, **arguments: Any) -> Called:
        """Call a tool."""
        return await self.calling(name, arguments)

    async def calling(self, name: str, arguments: Mapping[str, Any]) -> Called:
        """Call a tool with arguments that no keyword can be named after."""
        result = await self.result("tools/call", name=name, arguments=arguments)
        return Called(toolbox().by_name[name], result)
