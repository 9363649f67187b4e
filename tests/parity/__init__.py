"""Parity: both surfaces are asked the same, generated from the catalogue, and must answer the same."""
