"""What is known about skills beside pairs of them: communities, and names that may be skills too."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Table, Text

from market_assets.store.tables.market import NOT_NEGATIVE, POSITIVE, SHARE, metadata

#: Skills that are asked for together more than with others; a skill that is surely close to none has no row.
skill_communities = Table(
    "skill_communities",
    metadata,
    Column("skill", Text, primary_key=True),
    Column("community", BigInteger, nullable=False, info=POSITIVE),
    Column("community_name", Text, nullable=False),
    Column("centrality", Float(53), nullable=False, info=SHARE),
)

#: Names that stand in lists with skills but are not in the taxonomy.
skill_candidates = Table(
    "skill_candidates",
    metadata,
    Column("candidate", Text, primary_key=True),
    Column("category", Text),
    Column("listed_postings", BigInteger, nullable=False, info=POSITIVE),
    Column("postings", BigInteger, nullable=False, info=POSITIVE),
    Column("listed_share", Float(53), nullable=False, info=SHARE),
    Column("capital_share", Float(53), nullable=False, info=SHARE),
    Column("score", Float(53), nullable=False, info=NOT_NEGATIVE),
    Column("example", Text, nullable=False),
    Column("suggested_line", Text, nullable=False),
    Column("rank", BigInteger, nullable=False, info=POSITIVE),
)
