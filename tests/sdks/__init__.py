"""Clients that generators of other people make of what Diptych serves, all telling the same story."""
