"""Protection of browsers from other sites: CSRF checks, and security headers on every answer of the process.

The session cookie is SameSite=Strict, so browsers don't send it with requests that other sites make. That is not
relied on alone: a request that changes something by cookie must come from a page of this site, by the browser's
own headers, and carry what only such a page can send, which is JSON or a token that is also in a cookie.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.report.search_script import SEARCH_SCRIPT_HASH

SESSION_COOKIE = "market_assets_session"
#: Readable by this site's pages, which send it back in the header, or in a form's field.
CSRF_COOKIE = "market_assets_csrf"
CSRF_HEADER = "x-csrf-token"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Data for programs: nothing in it may ever run or be shown as a page.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
#: The project's pages: scripts, styles and images from this process alone, and none inline.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: The report: one file with its styles and pictures in it, and the script that searches its longest table.
REPORT_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src {SEARCH_SCRIPT_HASH}; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: The scripts of Dagster's UI: a worker has the policy of the script that it begins with, and loads others.
SCRIPT_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
HSTS = "max-age=31536000"
#: Paths of the project's pages; Dagster's have policies of their own.
_PAGES = ("/login", "/api/", "/executions", "/market")
_UI_SCRIPTS = "/_next/"
#: What everybody's Dagster has, or nobody needs a sign-in for; browsers may keep it.
_PUBLIC_FILES = (_UI_SCRIPTS, "/vendor/", "/favicon")


def new_csrf_token() -> str:
    return secrets.token_urlsafe(24)


def is_cross_site(headers: Headers) -> bool:
    """Whether the browser's headers name a page of another site as the sender; programs send no such headers."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    if origin == "null":
        return site != "same-origin"
    # Browsers leave the default port out of both.
    return origin.partition("://")[2].lower() != headers.get("host", "").lower()


def matches_csrf_cookie(connection: HTTPConnection, sent: str | None) -> bool:
    """Whether the token that was sent is the one in the cookie."""
    kept = connection.cookies.get(CSRF_COOKIE, "")
    return bool(kept) and secrets.compare_digest(kept.encode(), (sent or "").encode())


def may_change(connection: HTTPConnection) -> bool:
    """Whether a request of this site that is signed in by cookie may change something."""
    headers = connection.headers
    if matches_csrf_cookie(connection, headers.get(CSRF_HEADER)):
        return True
    # Dagster's UI does not send the token. A form can't send JSON, and a script of another site only after
    # this site allowed it, which it never does.
    is_browser = "origin" in headers or "sec-fetch-site" in headers
    return is_browser and headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"


def with_security_headers(app: ASGIApp) -> ASGIApp:
    """The application with security headers on its answers; pages that set a policy themselves keep it.

    No CORS header leaves the process: other sites may read nothing. `scope["scheme"]` must be the client's own, so
    trusted proxies are seen through further out.
    """

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                _secure(MutableHeaders(scope=message), scope["path"], scope.get("scheme"))
            await send(message)

        await app(scope, receive, send_secured)

    return secured


def _secure(headers: MutableHeaders, path: str, scheme: str | None) -> None:
    for name in [name for name in headers if name.lower().startswith("access-control-")]:
        del headers[name]
    # Dagster's, an older form of `Permissions-Policy`; browsers warn of both.
    del headers["Feature-Policy"]
    headers.update(SECURITY_HEADERS)
    headers.setdefault("Content-Security-Policy", _policy(path, headers.get("content-type", "")))
    if not path.startswith(_PUBLIC_FILES):
        headers.setdefault("Cache-Control", "no-store")
    if scheme in ("https", "wss"):
        headers.setdefault("Strict-Transport-Security", HSTS)


def _policy(path: str, content_type: str) -> str:
    if path == "/market/report":
        return REPORT_POLICY
    if path.startswith(_UI_SCRIPTS):
        return SCRIPT_POLICY
    is_page = path.startswith(_PAGES) and content_type.startswith("text/html")
    return PAGE_POLICY if is_page else DATA_POLICY
