"""What keeps other sites from acting with the cookie of a user who visits them.

The cookie is SameSite=Strict, so that browsers don't send it along with what other sites ask for. That is not
relied on alone: a request that changes something by cookie must come from a page of this site, as the browser
says, and carry what only such a page can send, which is JSON or a token that is also in a cookie.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

SESSION_COOKIE = "market_assets_session"
#: Readable by this site's pages, which send it back in the header, or in a form's field.
CSRF_COOKIE = "market_assets_csrf"
CSRF_HEADER = "x-csrf-token"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def new_csrf_token() -> str:
    return secrets.token_urlsafe(24)


def comes_from_elsewhere(headers: Headers) -> bool:
    """Whether the browser says that a page of another site sent the request; programs say nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    if origin == "null":
        return site != "same-origin"
    return not _is_own_origin(origin, headers.get("host", ""))


def holds_token(connection: HTTPConnection, sent: str | None) -> bool:
    """Whether what was sent is what the cookie holds."""
    kept = connection.cookies.get(CSRF_COOKIE, "")
    return bool(kept) and secrets.compare_digest(kept.encode(), (sent or "").encode())


def may_change(connection: HTTPConnection) -> bool:
    """Whether a request that is signed in by cookie may change something."""
    headers = connection.headers
    if comes_from_elsewhere(headers):
        return False
    if holds_token(connection, headers.get(CSRF_HEADER)):
        return True
    # Dagster's UI knows nothing of the token. A form can't send JSON, and a script of another site only after
    # this one allowed it, which it never does.
    said_so = "origin" in headers or "sec-fetch-site" in headers
    return said_so and headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"


def _is_own_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        own = urlsplit(f"{parts.scheme}://{host}")
        default = _DEFAULT_PORTS.get(parts.scheme)
        return bool(own.hostname) and (parts.hostname, parts.port or default) == (
            own.hostname,
            own.port or default,
        )
    except ValueError:
        return False
