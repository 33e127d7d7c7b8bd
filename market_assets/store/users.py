"""Users, their ended sessions and access tokens; passwords and tokens are stored as hashes only.

A token holds until it expires or is revoked, or until its user's password or role changes or the user is removed.

Functions take the market database, or an engine on its accounts.

Every change is one transaction, serialised with all other changes of users, so that concurrent changes can't
remove the last admin.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from market_assets.store.database import Database, accounts_engine_of
from market_assets.store.tables.administration import ADMIN_SCOPE, ROLES, access_tokens, ended_sessions, users

ADMIN, VIEWER = "admin", "viewer"
#: A user name: letters and digits of any script, and the other characters of e-mail addresses.
_NAME = re.compile(r"[\w.@+-]{1,64}")
#: Of every token, so that programs that look for secrets in files know one.
TOKEN_PREFIX = "mapat_"
MOST_TOKENS = 50
LONGEST_TOKEN_DAYS = 366


class UserError(Exception):
    """A change of users that can't be made; the message names the reason."""


@dataclass(frozen=True)
class User:
    """A user as stored."""

    name: str
    role: str
    password_hash: str
    token_version: int
    created_at: datetime


def add_user(store: Database | sa.Engine, name: str, role: str, password_hash: str) -> User:
    """Add a user.

    Raises:
        UserError: the name can't be one or is taken, or there is no such role.
    """
    _check_role(role)
    shown = unicodedata.normalize("NFKC", name)
    if not _NAME.fullmatch(shown):
        raise UserError(f"{name!r} can't be a name: 1 to 64 letters, digits and . _ @ + -")
    now = datetime.now(UTC)
    # Random, so that tokens of a removed user of the same name stay invalid.
    version = secrets.randbits(48)
    with _changing(store) as connection:
        if (taken := _find(connection, shown)) is not None:
            raise UserError(f"there is a user {taken.name} already")
        connection.execute(
            sa.insert(users).values(
                name_key=_name_key(shown),
                name=shown,
                role=role,
                password_hash=password_hash,
                token_version=version,
                created_at=now,
                changed_at=now,
            )
        )
    return User(shown, role, password_hash, version, now)


def find_user(store: Database | sa.Engine, name: str) -> User | None:
    """The user of a name, regardless of case; None where there is none."""
    with accounts_engine_of(store).connect() as connection:
        return _find(connection, name)


def find_session(store: Database | sa.Engine, name: str, session_id: str) -> User | None:
    """The user of a session; None where there is no such user or the session was ended."""
    ended = sa.exists().where(ended_sessions.c.session_id == session_id)
    with accounts_engine_of(store).connect() as connection:
        return _find(connection, name, ~ended)


def list_users(store: Database | sa.Engine) -> list[User]:
    """Every user, by name."""
    with accounts_engine_of(store).connect() as connection:
        return [_user(row) for row in connection.execute(sa.select(users).order_by(users.c.name_key))]


def has_admin(store: Database | sa.Engine) -> bool:
    with accounts_engine_of(store).connect() as connection:
        return _admins(connection) > 0


def set_password(store: Database | sa.Engine, name: str, password_hash: str) -> User:
    """Change a password, which invalidates every token of the user.

    Raises:
        UserError: there is no such user.
    """
    return _change(store, name, password_hash=password_hash)


def set_role(store: Database | sa.Engine, name: str, role: str) -> User:
    """Change a role, which invalidates every token of the user.

    Raises:
        UserError: there is no such user or role, or it is the last admin.
    """
    _check_role(role)
    return _change(store, name, role=role)


def remove_user(store: Database | sa.Engine, name: str) -> User:
    """Remove a user and return it.

    Raises:
        UserError: there is no such user, or it is the last admin.
    """
    with _changing(store) as connection:
        user = _existing(connection, name)
        _keep_an_admin(connection, user, "removed")
        for table in (access_tokens, users):
            connection.execute(sa.delete(table).where(table.c.name_key == _name_key(name)))
    return user


def end_session(store: Database | sa.Engine, session_id: str, expires_at: datetime) -> None:
    """Store that a session was signed out, and delete the ended sessions that have expired since."""
    session = ended_sessions.c
    done = sa.or_(session.expires_at < datetime.now(UTC), session.session_id == session_id)
    with _changing(store) as connection:
        connection.execute(sa.delete(ended_sessions).where(done))
        connection.execute(sa.insert(ended_sessions).values(session_id=session_id, expires_at=expires_at))


def _change(store: Database | sa.Engine, name: str, **values: str) -> User:
    with _changing(store) as connection:
        user = _existing(connection, name)
        if values.get("role", user.role) != user.role:
            _keep_an_admin(connection, user, "made a viewer")
        connection.execute(
            sa.update(users)
            .where(users.c.name_key == _name_key(name))
            .values(token_version=users.c.token_version + 1, changed_at=datetime.now(UTC), **values)
        )
        return _existing(connection, name)


def _keep_an_admin(connection: sa.Connection, user: User, change: str) -> None:
    if user.role == ADMIN and _admins(connection) == 1:
        raise UserError(f"{user.name} is the last admin and can't be {change}: make another user an admin first")


def _admins(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(sa.func.count()).where(users.c.role == ADMIN)) or 0


def _existing(connection: sa.Connection, name: str) -> User:
    if (user := _find(connection, name)) is None:
        raise UserError(f"there is no user {name}")
    return user


def _find(connection: sa.Connection, name: str, *further: sa.ColumnElement[bool]) -> User | None:
    if not _NAME.fullmatch(unicodedata.normalize("NFKC", name)):
        return None
    row = connection.execute(sa.select(users).where(users.c.name_key == _name_key(name), *further)).first()
    return None if row is None else _user(row)


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(row.name, row.role, row.password_hash, row.token_version, row.created_at)


def _name_key(name: str) -> str:
    """The name without regard to case, and to how its letters are encoded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise UserError(f"there is no role {role!r}: {' or '.join(ROLES)}")


@contextlib.contextmanager
def _changing(store: Database | sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other change of users runs beside."""
    with accounts_engine_of(store).connect() as connection:
        if connection.dialect.name == "sqlite":
            # By itself, Python's driver begins the transaction at the first write, after the reads it depends on.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text(f"LOCK TABLE {users.fullname} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection
        connection.commit()


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
    secret, now = TOKEN_PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    with _changing(store) as connection:
        user = _existing(connection, user_name)
        if scope == ADMIN_SCOPE and user.role != ADMIN:
            raise UserError(f"{user.name} is no admin: make a token with the scope read")
        connection.execute(sa.delete(access_tokens).where(access_tokens.c.expires_at <= now))
        if len(connection.execute(_valid(now, user.name)).all()) >= MOST_TOKENS:
            raise UserError(f"{user.name} has {MOST_TOKENS} tokens already: revoke one")
        token = AccessToken(secrets.token_hex(6), user.name, name, scope, now, now + timedelta(days=days))
        connection.execute(
            sa.insert(access_tokens).values(
                token_id=token.token_id,
                token_hash=_hash(secret),
                name_key=_name_key(user.name),
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
    return None if row is None else (_token(row), _user(row))


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
    with _changing(store) as connection:
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
        access_tokens, sa.and_(tokens.name_key == users.c.name_key, tokens.token_version == users.c.token_version)
    )
    query = query.where(tokens.expires_at > now)
    return query if user_name is None else query.where(users.c.name_key == _name_key(user_name))


def _token(row: sa.Row[tuple[object, ...]]) -> AccessToken:
    return AccessToken(row.token_id, row.name, row.label, row.scope, row.made_at, row.expires_at)


def _hash(secret: str) -> str:
    # Not a slow hash, as for passwords: nobody guesses 256 random bits.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
