"""Tables of accounts: users, their access tokens, the sessions that they ended, the audit log.

Apart from all others, so that who may read results need not be given password hashes: in a file of their own on
SQLite, in a schema of their own on PostgreSQL (see `Database.accounts`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table

from market_assets.store.database import ACCOUNTS_SCHEMA
from market_assets.store.tables.columns import integer, metadata, text, time

accounts = MetaData(schema=ACCOUNTS_SCHEMA, naming_convention=metadata.naming_convention)

ROLES = ("admin", "viewer")

users = Table(
    "users",
    accounts,
    text("name_key", "Name without regard to case, so that no two users differ by case alone.", key=True),
    text("name", "Name to sign in with.", null=False),
    text("role", "What the user may do.", null=False, choices=ROLES),
    text("password_hash", "Hash of the password, with its salt.", null=False),
    integer("token_version", "Goes up with password and role; older tokens are worth nothing.", null=False),
    time("created_at", "When the user was added."),
    time("changed_at", "When password or role last changed."),
)

#: What a token may do: what viewers may, or what admins may.
SCOPES = READ_SCOPE, ADMIN_SCOPE = "read", "admin"

#: Personal access tokens, for programs.
access_tokens = Table(
    "access_tokens",
    accounts,
    text("token_id", "Names the token, to revoke it.", key=True),
    text("token_hash", "SHA-256 of the token.", null=False),
    text("name_key", "The user, as in users.", null=False),
    integer("token_version", "That of the user when it was made.", null=False),
    text("name", "What the token is for.", null=False),
    text("scope", "What it may do.", null=False, choices=SCOPES),
    time("created_at", "When it was made."),
    time("expires_at", "When it stops working by itself."),
    Index(None, "token_hash", unique=True),
    Index(None, "name_key"),
)

#: Sessions that were signed out of before they ran out.
ended_sessions = Table(
    "ended_sessions",
    accounts,
    text("session_id", "Session that was signed out of.", key=True),
    time("expires_at", "When its tokens run out; the row is of no use after."),
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
    time("at", "When it was done."),
    text("who", "User, or the program that acts for one.", null=False),
    text("address", "Address that the request came from.", null=False),
    text("action", "What was done.", null=False),
    text("target", "To what.", null=False),
    text("result", "How it ended.", null=False),
    text("detail", "Further words; empty without any.", null=False),
    Index(None, "at"),
)
