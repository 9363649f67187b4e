"""The GraphQL surface under /graphql."""
