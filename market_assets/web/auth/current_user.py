"""The user of a request: the guard (`web.auth.guard`) stores it in the scope, everything else reads it here."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request

from market_assets.web.errors import NOT_ADMIN, NOT_SIGNED_IN, ApiError

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


# Dependencies are coroutines, because FastAPI runs plain functions in a thread each time.
async def signed_in(request: Request) -> Identity:
    """FastAPI dependency: any user.

    Raises:
        ApiError: 401, nobody signed in.
    """
    identity = identity_of(request)
    if identity is None:
        raise ApiError(401, NOT_SIGNED_IN)
    return identity


async def admin(request: Request) -> Identity:
    """FastAPI dependency: an admin.

    Raises:
        ApiError: 401, nobody signed in; 403, a viewer did.
    """
    identity = await signed_in(request)
    if not identity.is_admin:
        raise ApiError(403, NOT_ADMIN)
    return identity
