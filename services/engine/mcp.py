"""The scopes of what is offered to agents over REST: servers, tools and resources (S2-047 to S2-051)."""

READ, WRITE = "mcp:read", "mcp:write"
SCOPES = (READ, WRITE)
