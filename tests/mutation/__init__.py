"""Mutants of the modules that decide who may do what, and the tests that must notice them."""
