"""Clients that other people's generators make of what Diptych serves, and one story that each of them tells."""
