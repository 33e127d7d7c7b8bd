"""Security headers on every answer of the process; pages that set their own policy keep it.

Other sites get nothing: no CORS header is sent, and one that something behind sets is taken away.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.settings import Settings
from market_assets.web.auth.proxies import seen_through

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Data for programs: nothing in it may ever run or be shown as a page.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
#: Our own pages: scripts, styles and images from this process alone, and none inline.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: The report: one file with its styles and pictures in it, and no script.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
#: Where our own pages are; everything else that is HTML is Dagster's, which sets a policy with a nonce.
_OWN_PAGES = ("/login", "/api/", "/executions")
HSTS = "max-age=31536000"


def wrap(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application with security headers on its answers."""

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        scheme = seen_through(scope, settings.trusted_proxies).get("scheme")

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message.setdefault("headers", [])
                _secure(MutableHeaders(scope=message), scope["path"], scheme)
            await send(message)

        await app(scope, receive, send_with_headers)

    return with_headers


def _secure(headers: MutableHeaders, path: str, scheme: str | None) -> None:
    for name in [name for name in headers if name.lower().startswith("access-control-")]:
        del headers[name]
    for name, value in EVERYWHERE.items():
        headers[name] = value
    policy = _policy(path, headers.get("content-type", ""))
    if policy:
        headers.setdefault("Content-Security-Policy", policy)
    if path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if scheme in ("https", "wss"):
        headers.setdefault("Strict-Transport-Security", HSTS)


def _policy(path: str, content_type: str) -> str | None:
    if path == "/market":
        return REPORT_POLICY
    if path.startswith(_OWN_PAGES):
        return PAGE_POLICY if content_type.startswith("text/html") else DATA_POLICY
    return None
