"""The key that tokens are signed with: JWT_SECRET_KEY, or one that is made and kept in the data folder."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import tempfile
from pathlib import Path

from market_assets.settings import Settings, SettingsError

_SHORTEST_BYTES = 32
_FEWEST_CHARACTERS = 8
#: What the examples of many projects hold, as letters alone.
_PLACEHOLDERS = (
    *("changeme", "changethis", "changein", "replaceme", "replacethis", "placeholder", "insecure", "notsecret"),
    *("yoursecret", "yourjwt", "mysecret", "supersecret", "secretkey", "jwtsecret", "password"),
)
_HOW = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def signing_key(settings: Settings) -> bytes:
    """The key of this installation.

    Raises:
        SettingsError: others than this machine can reach the process, and there is no key or a weak one.
    """
    stated = settings.jwt_secret_key.get_secret_value().encode() if settings.jwt_secret_key else None
    if is_reachable(settings):
        if stated is None:
            raise SettingsError(f"JWT_SECRET_KEY: it is not set, and others can reach {settings.host}; {_HOW}")
        if weakness := _weakness(stated):
            raise SettingsError(f"JWT_SECRET_KEY: {weakness}, and others can reach {settings.host}; {_HOW}")
    return stated or _kept_key(settings.data_dir / "jwt_secret_key")


def is_reachable(settings: Settings) -> bool:
    """Whether others than this machine can reach the process, through a proxy or without."""
    return bool(settings.trusted_proxies) or not _is_loopback_name(settings.host)


def _is_loopback_name(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _weakness(key: bytes) -> str | None:
    if len(key) < _SHORTEST_BYTES:
        return f"it has {len(key)} bytes, fewer than {_SHORTEST_BYTES}"
    letters = "".join(character for character in key.decode(errors="replace").lower() if character.isalpha())
    if any(placeholder in letters for placeholder in _PLACEHOLDERS):
        return "it is a placeholder that others know"
    return "it is too regular" if len(set(key)) < _FEWEST_CHARACTERS else None


def _kept_key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        path.chmod(0o600)
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"JWT_SECRET_KEY: {path} can't be used: {error.strerror}") from None
    if len(key) < _SHORTEST_BYTES:
        raise SettingsError(f"JWT_SECRET_KEY: {path} holds no key; remove it, and another is made")
    return key


def _make(path: Path) -> None:
    """Write a key so that whoever reads the file finds it whole, and only the first of two processes makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
