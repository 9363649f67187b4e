"""Clients of GraphQL, generated from the schema and from documents."""
