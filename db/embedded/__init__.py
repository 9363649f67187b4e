"""A real PostgreSQL inside the product: started on first use, shared by its users, stopped after the last.

How the parts hold together, under one data folder::

    every user process ── shared flock ──► postgres/lease
    the watcher ── waits for an exclusive flock on the lease, then stops the server
                └─ holds postgres/watch.lock while it lives, and restarts a server that dies
    postgres.lock ── held while a process initialises or starts the server

The kernel frees these locks however a process ends, so neither a crash nor `kill -9` leaves a server
behind.
"""

from db.embedded.errors import EngineError
from db.embedded.server import Embedded, start, status

__all__ = ["Embedded", "EngineError", "start", "status"]
