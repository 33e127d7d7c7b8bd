"""Who a request comes from, and what a route may ask of them.

The guard (`web.guard`) finds out who it is; everything behind it reads the answer here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection, Request

#: Where the guard leaves the Identity: `scope["state"][IDENTITY_KEY]`.
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


class ApiError(Exception):
    """An answer of the API other than success: `{"error": …}` and, beside it, what `extra` holds."""

    def __init__(self, status: int, error: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.extra = extra or {}


def identity_of(connection: HTTPConnection) -> Identity | None:
    """Who is asking; None where nobody signed in, or where the guard does not stand in front."""
    identity = connection.scope.get("state", {}).get(IDENTITY_KEY)
    return identity if isinstance(identity, Identity) else None


def signed_in(request: Request) -> Identity:
    """FastAPI dependency: whoever signed in.

    Raises:
        ApiError: 401, nobody did.
    """
    identity = identity_of(request)
    if identity is None:
        raise ApiError(401, "Sign in first")
    return identity


def admin(request: Request) -> Identity:
    """FastAPI dependency: an admin.

    Raises:
        ApiError: 401, nobody signed in; 403, a viewer did.
    """
    identity = signed_in(request)
    if not identity.is_admin:
        raise ApiError(403, "Admin access required")
    return identity
