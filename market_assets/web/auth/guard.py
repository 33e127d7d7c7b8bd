"""The door in front of everything that the web process serves, over HTTP and WebSocket.

Whatever is not named in `_FOR_ANYBODY` needs a sign-in; whatever changes something needs an admin, unless it is
named in `_FOR_VIEWERS`. So a route that a new version of Dagster adds is closed until somebody opens it.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from urllib.parse import quote

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from market_assets.web.auth import csrf
from market_assets.web.auth.identity import IDENTITY_KEY, identity_of
from market_assets.web.auth.proxies import is_loopback
from market_assets.web.auth.socket_expiry import serve_while_holding
from market_assets.web.auth.tokens import BROWSERS, PROGRAMS, Session, TokenError, Tokens

ACCESS_KEY = "market_assets.access"
SESSION_KEY = "market_assets.session"
#: Where the guard leaves whether the details of `/health` may be told.
DETAILS_KEY = "market_assets.details"

_FOR_ANYBODY = {"/health/live", "/api/auth/login"}
#: Open too: strangers learn whether all is well and what is not, those who may read metrics learn why.
_HEALTH = "/health"
#: Open too, but it shows who is signed in.
_LOGIN_PAGE = "/login"
#: What viewers may POST to: Dagster checks each mutation, the others change nothing of the market.
_FOR_VIEWERS = {
    *("/graphql", "/logout", "/api/auth/refresh", "/api/auth/logout"),
    *("/api/market/skill-gap", "/api/market/recommendations"),
}
_STORE_PATIENCE_SECONDS = 2.0
_SAFE = {"GET", "HEAD", "OPTIONS"}
#: Pages with a form of their own, whose token their handlers compare, since it comes in the body.
_FORMS = {_LOGIN_PAGE, "/logout"}


@dataclass(frozen=True)
class Access:
    """What sign-in needs: the users in the store, and the tokens made for them."""

    engine: sa.Engine
    tokens: Tokens


class RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers or {}


class Guard:
    """Pure ASGI middleware, since Starlette's own kind does not see WebSockets."""

    def __init__(self, app: ASGIApp, access: Access, metrics_token: str | None = None) -> None:
        self._app = app
        self._access = access
        self._metrics_token = metrics_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = {**scope, "state": {**scope.get("state", {}), ACCESS_KEY: self._access}}
        connection = HTTPConnection(scope)
        try:
            await self._admit(connection)
        except RefusedError as refusal:
            await _answer(_refused(connection, refusal), scope, receive, send)
            return
        if scope["type"] == "websocket":
            await serve_while_holding(lambda: self._holds(connection), self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admit(self, connection: HTTPConnection) -> None:
        """Find out who it is, and leave that in the scope.

        Raises:
            RefusedError: the request may go no further.
        """
        scope = connection.scope
        path, method = scope["path"], scope.get("method", "GET")
        if ".." in path.replace("\\", "/").split("/"):
            raise RefusedError(400, "There is no such path")
        if csrf.comes_from_elsewhere(connection.headers) and (method not in _SAFE or scope["type"] == "websocket"):
            raise RefusedError(403, "Requests of other sites are not answered")
        if path == _HEALTH:
            scope["state"][DETAILS_KEY] = self._may_read_metrics(connection) or await self._is_known(connection)
            return
        if path in _FOR_ANYBODY or (path == "/metrics" and self._may_read_metrics(connection)):
            return
        session = await self._session(connection)
        if session is not None:
            scope["state"] |= {IDENTITY_KEY: session.identity, SESSION_KEY: session}
            if method not in _SAFE and path not in _FORMS and not _sent_token(connection):
                self._refuse_forged(connection)
        if path == _LOGIN_PAGE:
            return
        if session is None:
            raise RefusedError(401, "Sign in first")
        if _needs_admin(path, method) and not session.identity.is_admin:
            raise RefusedError(403, "Admin access required")
        _refuse_query_by_get(connection)

    async def _session(self, connection: HTTPConnection) -> Session | None:
        """The session of the request; on the login page, a token that does not hold counts as none."""
        try:
            return await self._checked(connection)
        except TokenError as error:
            if connection.scope["path"] == _LOGIN_PAGE:
                return None
            raise RefusedError(401, str(error)) from None

    async def _checked(self, connection: HTTPConnection) -> Session | None:
        token, audience = _sent_token(connection), PROGRAMS
        if token is None:
            token, audience = connection.cookies.get(csrf.SESSION_COOKIE), BROWSERS
        if not token:
            return None
        tokens = self._access.tokens
        session = tokens.check_remembered(token, audience)
        if session is not None:
            return session
        try:
            return await to_thread.run_sync(tokens.check, token, audience, abandon_on_cancel=True)
        except sa.exc.SQLAlchemyError:
            raise RefusedError(503, "The store of users does not answer", {"Retry-After": "5"}) from None

    async def _is_known(self, connection: HTTPConnection) -> bool:
        """Whether somebody signed in; no, where the store does not say so at once."""
        try:
            return await asyncio.wait_for(self._checked(connection), _STORE_PATIENCE_SECONDS) is not None
        except (TokenError, RefusedError, TimeoutError):
            return False

    async def _holds(self, connection: HTTPConnection) -> bool:
        """Whether who opened a WebSocket may keep it."""
        try:
            session = await self._checked(connection)
        except TokenError:
            return False
        except RefusedError:
            # A store that does not answer for a moment ends nothing.
            return True
        return session is not None and session.identity == identity_of(connection)

    def _refuse_forged(self, connection: HTTPConnection) -> None:
        if not csrf.may_change(connection):
            raise RefusedError(
                403, f"Send JSON from a page of this site, or the cookie {csrf.CSRF_COOKIE} as {csrf.CSRF_HEADER}"
            )

    def _may_read_metrics(self, connection: HTTPConnection) -> bool:
        if connection.scope.get("method") not in _SAFE:
            return False
        sent = _sent_token(connection)
        if self._metrics_token and sent and secrets.compare_digest(sent.encode(), self._metrics_token.encode()):
            return True
        return is_loopback(connection.scope)


def access_of(connection: HTTPConnection) -> Access:
    """What the guard left for the routes of sign-in."""
    access = connection.scope["state"][ACCESS_KEY]
    assert isinstance(access, Access)
    return access


def session_of(connection: HTTPConnection) -> Session | None:
    """The session that a request is of."""
    session = connection.scope["state"].get(SESSION_KEY)
    return session if isinstance(session, Session) else None


def _needs_admin(path: str, method: str) -> bool:
    if _is_under(path, "/api/admin"):
        return True
    return method not in _SAFE and path not in _FOR_VIEWERS


def _is_under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _refuse_query_by_get(connection: HTTPConnection) -> None:
    """Dagster would run mutations by GET; only its page for writing queries is served that way."""
    scope = connection.scope
    if scope["type"] != "http" or scope["path"].rstrip("/") != "/graphql" or scope["method"] == "POST":
        return
    if scope["method"] != "GET" or not _is_for_a_browser(connection):
        raise RefusedError(405, "Send GraphQL by POST", {"Allow": "POST"})


def _sent_token(connection: HTTPConnection) -> str | None:
    """The bearer token; an empty one, which holds nothing, where the header says anything else."""
    stated = connection.headers.get("authorization")
    if stated is None:
        return None
    scheme, _, token = stated.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_for_a_browser(connection: HTTPConnection) -> bool:
    return "text/html" in connection.headers.get("accept", "")


def _refused(connection: HTTPConnection, refusal: RefusedError) -> Response:
    scope = connection.scope
    is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and _is_for_a_browser(connection)
    if refusal.status == 401 and is_page:
        wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"/login?next={quote(wanted)}", 303, {"Cache-Control": "no-store"})
    headers = {"Cache-Control": "no-store", **refusal.headers}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": refusal.error}, refusal.status, headers)


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
