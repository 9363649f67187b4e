"""The engine: declarations, intents, plans, cursors and errors, free of any resource."""
