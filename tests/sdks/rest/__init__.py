"""Clients of REST, generated from the OpenAPI document."""
