"""MCP: every operation of REST as a tool, and what can be read as resources, over JSON-RPC and over REST."""
