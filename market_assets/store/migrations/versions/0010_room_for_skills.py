"""Room beside each narrow row for its skills, which come a moment after it

PostgreSQL writes a changed row anew, and with it an entry into each of the table's indexes, unless the new row
finds room on the old one's page. Every narrow row is changed once, when its skills have been found.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE posting_facts SET (fillfactor = 45)")
