"""Parity of writes: the same write through REST in one database and through GraphQL in its twin."""
