"""Tables of the web process: who may sign in, which sessions were ended, and who changed what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from market_assets.store.column_types import UtcDateTime
from market_assets.store.tables.columns import metadata

ROLES = ("admin", "viewer")

#: `name_key` is the name without regard to case, so that no two users differ by case alone.
#: `token_version` goes up with the password or the role; tokens of an older version are worth nothing.
users = Table(
    "users",
    metadata,
    Column("name_key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False, info={"choices": ROLES}),
    Column("password_hash", Text, nullable=False),
    Column("token_version", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

#: Sessions that were signed out of before they ran out; a row is of no use after `expires_at`.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    # SQLite numbers rows by itself only where the key is an INTEGER.
    Column("audit_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at"),
)
