"""Storage: models, statements, drivers and the embedded engine."""
