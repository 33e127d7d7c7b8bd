"""Every declared table, the views, and the row that writers of postings queue on

Nothing has been released yet, so this version is what `store.tables` declares. With the first release its
statements are to be written out here, and every later change gets another version.
"""

from __future__ import annotations

from alembic import op

from market_assets.store.revisions import POSTINGS
from market_assets.store.tables.catalog import metadata, view_statements
from market_assets.store.tables.postings import POSTING_SKILLS_VIEW, data_revision, posting_locations_view

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    for statement in (POSTING_SKILLS_VIEW, posting_locations_view(op.get_bind().dialect.name), *view_statements()):
        op.execute(statement)
    op.bulk_insert(data_revision, [{"id": POSTINGS, "revision": 0}])
    if op.get_bind().dialect.name == "postgresql":
        # Room on each page for the rows as they are after their skills have been found: a changed row that
        # does not fit on its page costs an entry in every index.
        op.execute("ALTER TABLE posting_facts SET (fillfactor = 45)")
