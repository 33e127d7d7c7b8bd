"""What skills were found by: the rules of each version that some posting was searched with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from market_assets.store.tables.market import metadata

#: `taxonomy` is the skills as JSON, so that a later version can tell which of them have changed since; `rules`
#: names everything else that extraction depends on.
extraction_versions = Table(
    "extraction_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
)
