"""What Alembic runs for a migration; the connection comes from `store.schema`."""

from __future__ import annotations

from alembic import context

import market_assets.store.tables.access
import market_assets.store.tables.extraction
import market_assets.store.tables.schedule_overrides
import market_assets.store.tables.skills  # noqa: F401 - declare their tables on `metadata`
from market_assets.store.tables.market import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
