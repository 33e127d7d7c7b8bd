"""Personal access tokens of users, for programs: stored as hashes only.

A token holds until it expires or is revoked, or until its user's password or role changes or the user is removed.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from market_assets.store.database import Database, accounts_engine_of
from market_assets.store.tables.accounts import ADMIN_SCOPE, access_tokens, users
from market_assets.store.users import ADMIN, User, UserError, changing, existing_user, name_key, user_of

#: Of every token, so that programs that look for secrets in files know one.
PREFIX = "mapat_"
MOST_OF_USER = 50
LONGEST_DAYS = 366


@dataclass(frozen=True)
class AccessToken:
    """A token as it is listed, without its secret."""

    token_id: str
    user: str
    name: str
    scope: str
    created_at: datetime
    expires_at: datetime


def add_access_token(
    store: Database | sa.Engine, user_name: str, name: str, scope: str, days: int
) -> tuple[AccessToken, str]:
    """Make a token; returns it with its secret, which is not stored.

    Raises:
        UserError: there is no such user, a viewer can't have the scope, or the user has too many.
    """
    secret, now = PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    with changing(store) as connection:
        user = existing_user(connection, user_name)
        if scope == ADMIN_SCOPE and user.role != ADMIN:
            raise UserError(f"{user.name} is no admin: make a token with the scope read")
        connection.execute(sa.delete(access_tokens).where(access_tokens.c.expires_at <= now))
        if len(connection.execute(_valid(now, user.name)).all()) >= MOST_OF_USER:
            raise UserError(f"{user.name} has {MOST_OF_USER} tokens already: revoke one")
        token = AccessToken(secrets.token_hex(6), user.name, name, scope, now, now + timedelta(days=days))
        connection.execute(
            sa.insert(access_tokens).values(
                token_id=token.token_id,
                token_hash=_hash(secret),
                name_key=name_key(user.name),
                token_version=user.token_version,
                name=name,
                scope=scope,
                created_at=token.created_at,
                expires_at=token.expires_at,
            )
        )
    return token, secret


def find_access_token(store: Database | sa.Engine, secret: str) -> tuple[AccessToken, User] | None:
    """The token of a secret and its user; None where there is none that holds."""
    query = _valid(datetime.now(UTC)).where(access_tokens.c.token_hash == _hash(secret))
    with accounts_engine_of(store).connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else (_token(row), user_of(row))


def list_access_tokens(store: Database | sa.Engine, user_name: str | None = None) -> list[AccessToken]:
    """The tokens that hold, of a user or of all, the newest first."""
    query = _valid(datetime.now(UTC), user_name).order_by(
        access_tokens.c.created_at.desc(), access_tokens.c.token_id
    )
    with accounts_engine_of(store).connect() as connection:
        return [_token(row) for row in connection.execute(query)]


def revoke_access_token(store: Database | sa.Engine, token_id: str, user_name: str | None = None) -> AccessToken:
    """End a token, of a user or of anybody, and return it.

    Raises:
        UserError: there is no such token.
    """
    with changing(store) as connection:
        query = _valid(datetime.now(UTC), user_name).where(access_tokens.c.token_id == token_id)
        row = connection.execute(query).first()
        if row is None:
            raise UserError(f"there is no token {token_id}")
        connection.execute(sa.delete(access_tokens).where(access_tokens.c.token_id == token_id))
    return _token(row)


def _valid(now: datetime, user_name: str | None = None) -> sa.Select[tuple[object, ...]]:
    """The tokens that hold, with their users."""
    tokens = access_tokens.c
    columns = (tokens.token_id, tokens.name.label("label"), tokens.scope, tokens.expires_at)
    query = sa.select(*users.columns, *columns, tokens.created_at.label("made_at")).join(
        access_tokens,
        sa.and_(tokens.name_key == users.c.name_key, tokens.token_version == users.c.token_version),
    )
    query = query.where(tokens.expires_at > now)
    return query if user_name is None else query.where(users.c.name_key == name_key(user_name))


def _token(row: sa.Row[tuple[object, ...]]) -> AccessToken:
    return AccessToken(row.token_id, row.name, row.label, row.scope, row.made_at, row.expires_at)


def _hash(secret: str) -> str:
    # Not a slow hash, as for passwords: nobody guesses 256 random bits.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
