"""Alembic's entry: runs the revisions on the connection that db.migrate hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # Each revision commits alone, so a long one that fails loses none of its predecessors' work.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
