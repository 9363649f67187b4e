"""What several test suites share: a seeded database and a client of the whole application."""
