"""Other people's tools on the GraphQL surface: its HTTP, its schema, and what Relay makes of it."""

from tests.judges.graphql.document import written
from tests.judges.graphql.relay import compiled
from tests.judges.graphql.served import live

JUDGES = (live, compiled, written)
