"""Passwords and tokens: how they are made, what tokens contain, and whether one is right or still valid.

A check of a password takes as long for a user who does not exist as for one who does, so that it does not reveal
names.

A sign-in opens a session of 12 hours. The browser's cookie holds a token for all of it; programs get one for
15 minutes, which they renew while the session lasts. Both are checked against the store at every request, so a
changed password or role, a removed user and a session that was signed out of end at once.

Personal access tokens (`store.users`) are not signed: they hold for months, and are known by their hashes.

The signing key is JWT_SECRET_KEY, or one that is made and kept in the data folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import HTTPConnection

from market_assets.settings import Settings, SettingsError
from market_assets.store.database import make_private_folder
from market_assets.store.tables.administration import ADMIN_SCOPE
from market_assets.store.users import ADMIN, TOKEN_PREFIX, VIEWER, User, find_access_token, find_session
from market_assets.web.auth.proxies import parse_address

#: Characters of a password.
SHORTEST, LONGEST = 8, 1_000
#: Key of the Identity in `scope["state"]`, where the guard puts it.
IDENTITY_KEY = "market_assets.identity"
ALGORITHM = "HS256"
ISSUER = "market_assets"
#: Audiences: a token for one is not accepted from the other.
PROGRAMS, BROWSERS = "market_assets:api", "market_assets:browser"
ACCESS_TIME = timedelta(minutes=15)
SESSION_TIME = timedelta(hours=12)
_CLAIM_TYPES = {"sub": str, "sid": str, "role": str, "ver": int, "ses": int}
_CLAIMS = [*_CLAIM_TYPES, "aud", "iss", "iat", "nbf", "exp"]
_INVALID, _EXPIRED = "The token is not valid: sign in", "The token has expired: sign in again"

_SHORTEST_KEY_BYTES = 32
_FEWEST_DIFFERENT_BYTES = 8
#: What the examples of many projects hold, as letters alone.
_PLACEHOLDERS = (
    *("changeme", "changethis", "changein", "replaceme", "replacethis", "placeholder", "insecure", "notsecret"),
    *("yoursecret", "yourjwt", "mysecret", "supersecret", "secretkey", "jwtsecret", "password"),
)
_HOW = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
_hasher = PasswordHasher()


class PasswordError(Exception):
    """A password that can't be used; the message is for people."""


def hash_password(password: str) -> str:
    """The password's argon2 hash.

    Raises:
        PasswordError: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordError(f"a password has {SHORTEST} to {LONGEST:,} characters, not {len(password):,}")
    return _hasher.hash(_bytes(password))


def is_right(password: str, stored_hash: str | None) -> bool:
    """Whether it is the password; `stored_hash` is None where there is no such user."""
    try:
        right = _hasher.verify(stored_hash or _random_hash(), _bytes(password[: LONGEST + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return right and stored_hash is not None


def random_password() -> str:
    """A password that nobody can guess."""
    return secrets.token_urlsafe(15)


@lru_cache(maxsize=1)
def _random_hash() -> str:
    return _hasher.hash(secrets.token_bytes(16))


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


class TokenError(Exception):
    """A token that is not accepted; the message has the reason, without revealing anything."""


@dataclass(frozen=True)
class Identity:
    """A user who has signed in."""

    name: str
    role: str

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN


def identity_of(connection: HTTPConnection) -> Identity | None:
    """The user of a request; None without a sign-in, or where the guard is not in front of the application."""
    identity = connection.scope.get("state", {}).get(IDENTITY_KEY)
    return identity if isinstance(identity, Identity) else None


@dataclass(frozen=True)
class Session:
    """The content of an accepted token; `session_id` is None of a personal access token."""

    identity: Identity
    session_id: str | None
    ends_at: datetime
    token_version: int


class Tokens:
    """Makes and checks tokens, signed with one key, of the users in one store."""

    def __init__(self, key: bytes, engine: sa.Engine) -> None:
        self.engine = engine
        self._key = key

    def open_session(self, user: User) -> tuple[str, str]:
        """Open a session of a user: a token for programs, and one for the browser's cookie."""
        identity, ends_at = Identity(user.name, user.role), _now() + SESSION_TIME
        session = Session(identity, secrets.token_urlsafe(16), ends_at, user.token_version)
        return self.renew(session), self._sign(session, BROWSERS, SESSION_TIME)

    def renew(self, session: Session) -> str:
        """A new token for programs, valid no longer than the session lasts."""
        return self._sign(session, PROGRAMS, ACCESS_TIME)

    def check(self, token: str, audience: str) -> Session:
        """The content of a token, if it is valid by its signature and by the store.

        Raises:
            TokenError: it is not valid.
        """
        if token.startswith(TOKEN_PREFIX) and audience == PROGRAMS:
            return self._of_access_token(token)
        claims = self._decode(token, audience)
        user = find_session(self.engine, claims["sub"], claims["sid"])
        if user is None or (user.token_version, user.role) != (claims["ver"], claims["role"]):
            raise TokenError("The token is not valid any more: sign in again")
        ends_at = datetime.fromtimestamp(claims["ses"], UTC)
        return Session(Identity(user.name, user.role), claims["sid"], ends_at, user.token_version)

    def _of_access_token(self, secret: str) -> Session:
        found = find_access_token(self.engine, secret)
        if found is None:
            raise TokenError("The token is not valid, or not any more")
        token, user = found
        role = user.role if token.scope == ADMIN_SCOPE else VIEWER
        return Session(Identity(user.name, role), None, token.expires_at, user.token_version)

    def _decode(self, token: str, audience: str) -> dict[str, Any]:
        # Not at the start of the process: it imports the whole of `cryptography`.
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                options={"require": _CLAIMS, "strict_aud": True},
            )
        except jwt.ExpiredSignatureError:
            raise TokenError(_EXPIRED) from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise TokenError(_INVALID) from None
        if not all(type(claims[claim]) is kind for claim, kind in _CLAIM_TYPES.items()):
            raise TokenError(_INVALID)
        if claims["ses"] <= time.time():
            raise TokenError(_EXPIRED)
        return claims

    def _sign(self, session: Session, audience: str, lifetime: timedelta) -> str:
        import jwt

        now = _now()
        claims = {
            "aud": audience,
            "iss": ISSUER,
            "sub": session.identity.name,
            "role": session.identity.role,
            "ver": session.token_version,
            "sid": session.session_id,
            "ses": int(session.ends_at.timestamp()),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(min(now + lifetime, session.ends_at).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)


def signing_key(settings: Settings) -> bytes:
    """The key of this installation.

    Raises:
        SettingsError: other machines can reach the process, and there is no key or a weak one.
    """
    stated = settings.jwt_secret_key.get_secret_value().encode() if settings.jwt_secret_key else None
    if is_reachable(settings):
        if stated is None:
            raise SettingsError(f"JWT_SECRET_KEY: it is not set, and others can reach {settings.host}; {_HOW}")
        if weakness := _weakness(stated):
            raise SettingsError(f"JWT_SECRET_KEY: {weakness}, and others can reach {settings.host}; {_HOW}")
    return stated or _kept_key(settings.data_dir / "jwt_secret_key")


def is_reachable(settings: Settings) -> bool:
    """Whether other machines can reach the process, through a proxy or without."""
    address = parse_address(settings.host.strip("[]"))
    is_local = settings.host == "localhost" if address is None else address.is_loopback
    return bool(settings.trusted_proxies) or not is_local


def _weakness(key: bytes) -> str | None:
    if len(key) < _SHORTEST_KEY_BYTES:
        return f"it has {len(key)} bytes, fewer than {_SHORTEST_KEY_BYTES}"
    letters = "".join(character for character in key.decode(errors="replace").lower() if character.isalpha())
    if any(placeholder in letters for placeholder in _PLACEHOLDERS):
        return "it is a placeholder that others know"
    return "it is too regular" if len(set(key)) < _FEWEST_DIFFERENT_BYTES else None


def _kept_key(path: Path) -> bytes:
    try:
        make_private_folder(path.parent)
        if not path.exists():
            # Written whole, since another process may be reading it; only its owner can read such a file.
            with tempfile.NamedTemporaryFile("w", dir=path.parent) as file, contextlib.suppress(FileExistsError):
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.link(file.name, path)
        path.chmod(0o600)
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"JWT_SECRET_KEY: {path} can't be used: {error.strerror}") from None
    if len(key) < _SHORTEST_KEY_BYTES:
        raise SettingsError(f"JWT_SECRET_KEY: {path} holds no key; remove it, and another is made")
    return key


def _now() -> datetime:
    return datetime.now(UTC)
