"""Attacks: every numbered one of the list that applies, on both surfaces, with what has to come of it."""
