"""Tables of accounts: users, their access tokens, the sessions that they ended, the audit log.

Apart from all others, so that who may read results need not be given password hashes: in a file of their own on
SQLite, in a schema of their own on PostgreSQL (see `Database.accounts`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table

from market_assets.store.database import ACCOUNTS_SCHEMA
from market_assets.store.tables.columns import metadata, text, time

accounts = MetaData(schema=ACCOUNTS_SCHEMA, naming_convention=metadata.naming_convention)

ROLES = ("admin", "viewer")

users = Table(
    "users",
    accounts,
    text("name_key", key=True, comment="Name without regard to case, so that no two users differ by case alone."),
    text("name", null=False, comment="Name to sign in with."),
    text("role", null=False, choices=ROLES, comment="What the user may do."),
    text("password_hash", null=False, comment="Hash of the password, with its salt."),
    Column(
        "token_version",
        BigInteger,
        nullable=False,
        comment="Goes up with password and role; older tokens are worth nothing.",
    ),
    time("created_at", comment="When the user was added."),
    time("changed_at", comment="When password or role last changed."),
)

#: What a token may do: what viewers may, or what admins may.
SCOPES = READ_SCOPE, ADMIN_SCOPE = "read", "admin"

#: Personal access tokens, for programs.
access_tokens = Table(
    "access_tokens",
    accounts,
    text("token_id", key=True, comment="Names the token, to revoke it."),
    text("token_hash", null=False, comment="SHA-256 of the token."),
    text("name_key", null=False, comment="The user, as in users."),
    Column("token_version", BigInteger, nullable=False, comment="That of the user when it was made."),
    text("name", null=False, comment="What the token is for."),
    text("scope", null=False, choices=SCOPES, comment="What it may do."),
    time("created_at", comment="When it was made."),
    time("expires_at", comment="When it stops working by itself."),
    Index(None, "token_hash", unique=True),
    Index(None, "name_key"),
)

#: Sessions that were signed out of before they ran out.
ended_sessions = Table(
    "ended_sessions",
    accounts,
    text("session_id", key=True, comment="Session that was signed out of."),
    time("expires_at", comment="When its tokens run out; the row is of no use after."),
)

audit_log = Table(
    "audit_log",
    accounts,
    # SQLite numbers rows by itself only where the key is an INTEGER.
    Column(
        "audit_id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        comment="Number of the entry.",
    ),
    time("at", comment="When it was done."),
    text("who", null=False, comment="User, or the program that acts for one."),
    text("address", null=False, comment="Address that the request came from."),
    text("action", null=False, comment="What was done."),
    text("target", null=False, comment="To what."),
    text("result", null=False, comment="How it ended."),
    text("detail", null=False, comment="Further words; empty without any."),
    Index(None, "at"),
)
