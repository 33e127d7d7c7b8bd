"""What Alembic runs for a migration; the connection comes from `store.schema`."""

from __future__ import annotations

from alembic import context

from market_assets.store.tables.catalog import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
