"""Procedures on both surfaces, by what is declared of them."""
