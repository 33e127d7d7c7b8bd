"""Passwords: how they are hashed and checked, and their allowed length.

A check takes as long for a user who does not exist as for one who does, so that it does not reveal names.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 1_000
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
