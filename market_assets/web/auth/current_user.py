"""The user of a request: the guard (`web.auth.guard`) stores it in the scope, everything else reads it here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

#: Key of the Identity in `scope["state"]`.
IDENTITY_KEY = "market_assets.identity"

ADMIN = "admin"
VIEWER = "viewer"


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
