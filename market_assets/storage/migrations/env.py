"""What Alembic runs for a migration; the connection comes from `storage.schema`."""

from __future__ import annotations

from alembic import context

import market_assets.storage.access_tables
import market_assets.storage.extraction_tables
import market_assets.storage.scheduler_tables
import market_assets.storage.skill_tables  # noqa: F401 - declare their tables on `metadata`
from market_assets.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
