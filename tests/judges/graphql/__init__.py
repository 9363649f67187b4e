"""Other people's tools on the GraphQL surface: its HTTP, its schema, and what Relay makes of it."""

from tests.judges.graphql.live import live
from tests.judges.graphql.relay import compiled
from tests.judges.graphql.written import written

JUDGES = (live, compiled, written)
