"""Tokens: how they are signed, what they say, and whether they still hold.

A sign-in opens a session of 12 hours. The browser's cookie holds a token for all of it; programs get one for
15 minutes, which they renew while the session lasts. Both are checked against the store at every request: a
changed password or role, a removed user and a session that was signed out of end at once.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from market_assets.store.users import User, find_session
from market_assets.web.auth.identity import Identity

ALGORITHM = "HS256"
ISSUER = "market_assets"
#: Who a token is meant for: one can't be used as the other.
PROGRAMS, BROWSERS = "market_assets:api", "market_assets:browser"
ACCESS_TIME = timedelta(minutes=15)
SESSION_TIME = timedelta(hours=12)
#: For so long a session that was found in the store is not looked up again.
REMEMBERED_SECONDS = 1.0
_REMEMBERED_SESSIONS = 1_000
_NOT_REMEMBERED = User("", "", "", 0, datetime.min.replace(tzinfo=UTC))
_CLAIMS = ["aud", "iss", "sub", "role", "ver", "sid", "ses", "iat", "nbf", "exp"]


class TokenError(Exception):
    """A token that is not accepted; the message says why, without giving anything away."""


@dataclass(frozen=True)
class Session:
    """What an accepted token says."""

    identity: Identity
    session_id: str
    ends_at: datetime


class Tokens:
    """Makes and checks tokens, signed with one key, of the users in one store."""

    def __init__(self, key: bytes, engine: sa.Engine, remembered_seconds: float = REMEMBERED_SECONDS) -> None:
        self._key = key
        self._engine = engine
        self._remembered_seconds = remembered_seconds
        self._remembered: dict[tuple[str, str], tuple[float, User | None]] = {}
        self._lock = threading.Lock()

    def open_session(self, user: User) -> tuple[Session, str, str]:
        """A new session of a user: the session, a token for programs, and one for the browser's cookie."""
        session = Session(Identity(user.name, user.role), secrets.token_urlsafe(16), _now() + SESSION_TIME)
        return (
            session,
            self._sign(session, user.token_version, PROGRAMS, ACCESS_TIME),
            self._sign(session, user.token_version, BROWSERS, SESSION_TIME),
        )

    def renew(self, session: Session) -> str:
        """A new token for programs, no longer than the session lasts.

        Raises:
            TokenError: the user or the session is no more.
        """
        user = find_session(self._engine, session.identity.name, session.session_id)
        if user is None or user.role != session.identity.role:
            raise TokenError("Sign in again")
        return self._sign(session, user.token_version, PROGRAMS, ACCESS_TIME)

    def check(self, token: str, audience: str) -> Session:
        """What a token says, if it holds; may ask the store.

        Raises:
            TokenError: it does not.
        """
        claims = self._read(token, audience)
        user = self._remembered_user(claims)
        if user is _NOT_REMEMBERED:
            user = self._look_up(claims)
        return _session(claims, user)

    def check_remembered(self, token: str, audience: str) -> Session | None:
        """As `check`, but None where the store would have to be asked."""
        claims = self._read(token, audience)
        user = self._remembered_user(claims)
        return None if user is _NOT_REMEMBERED else _session(claims, user)

    def forget(self) -> None:
        """Ask the store again at the next check: this process has just changed it."""
        with self._lock:
            self._remembered.clear()

    def _read(self, token: str, audience: str) -> dict[str, Any]:
        # Not at the start of the process: it brings the whole of `cryptography` with it.
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
            raise TokenError("The token has expired: sign in again") from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise TokenError("The token is not valid: sign in") from None
        kinds = {"sub": str, "sid": str, "role": str, "ver": int, "ses": int}
        if not all(type(claims[claim]) is kind for claim, kind in kinds.items()):
            raise TokenError("The token is not valid: sign in")
        if claims["ses"] <= time.time():
            raise TokenError("The token has expired: sign in again")
        return claims

    def _remembered_user(self, claims: dict[str, Any]) -> User | None:
        with self._lock:
            until, user = self._remembered.get((claims["sub"], claims["sid"]), (0.0, None))
        return user if until > time.monotonic() else _NOT_REMEMBERED

    def _look_up(self, claims: dict[str, Any]) -> User | None:
        asked_at = time.monotonic()
        user = find_session(self._engine, claims["sub"], claims["sid"])
        with self._lock:
            if len(self._remembered) >= _REMEMBERED_SESSIONS:
                self._remembered.clear()
            self._remembered[claims["sub"], claims["sid"]] = (asked_at + self._remembered_seconds, user)
        return user

    def _sign(self, session: Session, version: int, audience: str, lasts: timedelta) -> str:
        import jwt

        now = _now()
        claims = {
            "aud": audience,
            "iss": ISSUER,
            "sub": session.identity.name,
            "role": session.identity.role,
            "ver": version,
            "sid": session.session_id,
            "ses": int(session.ends_at.timestamp()),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(min(now + lasts, session.ends_at).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)


def _session(claims: dict[str, Any], user: User | None) -> Session:
    if user is None or (user.token_version, user.role) != (claims["ver"], claims["role"]):
        raise TokenError("The token does not hold any more: sign in again")
    return Session(Identity(user.name, user.role), claims["sid"], datetime.fromtimestamp(claims["ses"], UTC))


def _now() -> datetime:
    return datetime.now(UTC)
