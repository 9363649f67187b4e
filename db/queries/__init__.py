"""Bespoke statements, one module per resource."""
