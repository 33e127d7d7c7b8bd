"""How much a posting wants each of its skills, and by which rules they were found

What was found before keeps its skills, without weights, until `reextract_skills` has searched it again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None

_VIEWS = {
    # SQLite gives the number of a byte only as that of an ASCII character; weights are 1 to 100.
    "sqlite": """
        CREATE VIEW posting_skills AS
        WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < 999)
        SELECT f.posting_id, s.skill,
               unicode(CAST(substr(f.skill_weights, p.number + 1, 1) AS TEXT)) / 100.0 AS weight
        FROM posting_facts f
        JOIN place p ON p.number < length(f.skills) / 2
        JOIN skills s ON s.code = substr(f.skills, 2 * p.number + 1, 2)
        WHERE f.in_store
    """,
    "postgresql": """
        CREATE VIEW posting_skills AS
        SELECT f.posting_id, s.skill,
               get_byte(f.skill_weights, p.number)::double precision / 100 AS weight
        FROM posting_facts f
        CROSS JOIN LATERAL generate_series(0, length(f.skills) / 2 - 1) AS p(number)
        JOIN skills s ON s.code = substring(f.skills FROM 2 * p.number + 1 FOR 2)
        WHERE f.in_store
    """,
}


def upgrade() -> None:
    op.execute("DROP VIEW posting_skills")
    op.add_column("posting_facts", sa.Column("skill_weights", sa.LargeBinary(), nullable=True))
    op.add_column("posting_facts", sa.Column("skills_version", sa.BigInteger(), nullable=True))
    op.add_column("skill_demand", sa.Column("required_share", sa.Float(precision=53), nullable=True))
    op.execute(_VIEWS[op.get_bind().dialect.name])
    op.create_table(
        "extraction_versions",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("taxonomy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_extraction_versions")),
    )
