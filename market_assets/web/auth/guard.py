"""Access control in front of everything that the web process serves, over HTTP and WebSocket.

Paths that are not in `_PUBLIC` need a sign-in; requests that change something need an admin, unless their path is
in `_FOR_VIEWERS`. So a route that a new version of Dagster adds is closed until it is listed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

import sqlalchemy as sa
from anyio import to_thread
from limits import parse_many
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from market_assets.store import audit
from market_assets.web.auth import cross_site
from market_assets.web.auth.credentials import (
    BROWSERS,
    IDENTITY_KEY,
    PROGRAMS,
    Session,
    TokenError,
    Tokens,
    identity_of,
)
from market_assets.web.auth.limits import DEFAULT_LIMITS, UNCOUNTED, Attempts, Rates, RequestLimits, too_many
from market_assets.web.auth.proxies import is_loopback
from market_assets.web.errors import NOT_ADMIN, NOT_SIGNED_IN, POLICY_VIOLATION, TRY_AGAIN_LATER, ApiError, refuse

TOKENS_KEY = "market_assets.tokens"
ATTEMPTS_KEY = "market_assets.attempts"
SESSION_KEY = "market_assets.session"
#: Whether the caller may see the details of `/health`, in `scope["state"]`.
DETAILS_KEY = "market_assets.details"
#: Open WebSockets of one user.
MOST_SOCKETS = 50
#: How often the sign-in of an open WebSocket is checked.
SOCKET_CHECK_SECONDS = 2.0

_PUBLIC = {"/health/live", "/api/auth/login"}
#: Public too: without a sign-in it shows whether all is well and which part is not, else also why.
_HEALTH = "/health"
#: Public too, but it shows the signed-in user.
_LOGIN_PAGE = "/login"
#: Viewers may make tokens, and end theirs.
_TOKENS = "/api/auth/tokens"
#: What viewers may POST to: Dagster checks each mutation, the others change nothing of the market.
_FOR_VIEWERS = {
    *("/graphql", "/logout", "/api/auth/refresh", "/api/auth/logout", _TOKENS),
    *("/api/v1/market/skill-gap", "/api/v1/market/recommendations"),
    # Redirects to these.
    *("/api/market/skill-gap", "/api/market/recommendations"),
}
#: How long `/health` waits for the store of users.
_STORE_TIMEOUT_SECONDS = 2.0
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
#: Pages with an HTML form, whose handlers compare the CSRF token, since it comes in the body.
_FORMS = {_LOGIN_PAGE, "/logout"}


class Guard:
    """Pure ASGI middleware, since Starlette's BaseHTTPMiddleware does not see WebSockets."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        metrics_token: str | None = None,
        limits: RequestLimits = DEFAULT_LIMITS,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._metrics_token = metrics_token
        self._rates = Rates()
        self._user_limit = parse_many(limits.user)
        self._attempts = Attempts(limits.account, limits.account_delay_seconds)
        self._sockets: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        parts = {TOKENS_KEY: self._tokens, ATTEMPTS_KEY: self._attempts}
        scope = {**scope, "state": {**scope.get("state", {}), **parts}}
        connection = HTTPConnection(scope)
        try:
            await self._admit(connection)
        except ApiError as error:
            await refuse(_refusal(connection, error), scope, receive, send, POLICY_VIOLATION)
            return
        if scope["type"] == "websocket":
            await self._serve_socket(connection, receive, send)
        else:
            await self._app(scope, receive, self._with_rate(connection, send))

    def _with_rate(self, connection: HTTPConnection, send: Send) -> Send:
        """`send` that says in an answer of the API how many requests are left to the user."""
        identity = identity_of(connection)
        if identity is None or not connection.scope["path"].startswith("/api/"):
            return send

        async def send_with_rate(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._rates.headers(self._user_limit, identity.name))
            await send(message)

        return send_with_rate

    async def _serve_socket(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        identity = identity_of(connection)
        name = identity.name if identity else ""
        if self._sockets[name] >= MOST_SOCKETS:
            error = ApiError(429, f"You have {MOST_SOCKETS} WebSockets open already")
            await refuse(
                error.response(connection.scope["path"]), connection.scope, receive, send, TRY_AGAIN_LATER
            )
            return
        self._sockets[name] += 1
        try:
            is_valid = partial(self._is_still_valid, connection)
            await _serve_while_valid(is_valid, self._app, connection.scope, receive, send)
        finally:
            self._sockets[name] -= 1

    async def _admit(self, connection: HTTPConnection) -> None:
        """Identify the user, and leave the identity in the scope.

        Raises:
            ApiError: the request may go no further.
        """
        scope = connection.scope
        path, method = scope["path"], scope.get("method", "GET")
        if ".." in path.replace("\\", "/").split("/"):
            raise ApiError(400, "There is no such path")
        changes = method not in _SAFE_METHODS
        if cross_site.is_cross_site(connection.headers) and (changes or scope["type"] == "websocket"):
            raise ApiError(403, "Requests of other sites are not answered")
        if path == _HEALTH:
            scope["state"][DETAILS_KEY] = self._may_read_metrics(connection) or await self._is_user(connection)
            return
        if path in _PUBLIC or (path == "/metrics" and self._may_read_metrics(connection)):
            return
        session = await self._session(connection)
        if session is not None:
            scope["state"] |= {IDENTITY_KEY: session.identity, SESSION_KEY: session}
            if changes and path not in _FORMS and _bearer_token(connection) is None:
                _refuse_forged(connection)
        if path == _LOGIN_PAGE:
            return
        if session is None:
            raise ApiError(401, NOT_SIGNED_IN)
        name = session.identity.name
        if not path.startswith(UNCOUNTED) and (wait := self._rates.take(self._user_limit, name)):
            raise too_many(wait, self._rates.headers(self._user_limit, name))
        is_for_viewers = not changes or path in _FOR_VIEWERS or path.startswith(f"{_TOKENS}/")
        needs_admin = f"{path}/".startswith("/api/admin/") or not is_for_viewers
        if needs_admin and not session.identity.is_admin:
            if changes:
                await self._record_refusal(connection, name)
            raise ApiError(403, NOT_ADMIN)
        _refuse_query_by_get(connection)

    async def _record_refusal(self, connection: HTTPConnection, name: str) -> None:
        target = f"{connection.scope['method']} {connection.scope['path']}"
        try:
            await to_thread.run_sync(record, connection, name, "request", target, "refused")
        except sa.exc.SQLAlchemyError:
            raise ApiError(503, "The audit log can't be written", headers={"Retry-After": "5"}) from None

    async def _session(self, connection: HTTPConnection) -> Session | None:
        """The session of the request; on the login page, a token that is not valid counts as none."""
        try:
            return await self._checked(connection)
        except TokenError as error:
            if connection.scope["path"] == _LOGIN_PAGE:
                return None
            raise ApiError(401, str(error)) from None

    async def _checked(self, connection: HTTPConnection) -> Session | None:
        token, audience = _bearer_token(connection), PROGRAMS
        if token is None:
            token, audience = connection.cookies.get(cross_site.SESSION_COOKIE), BROWSERS
        if not token:
            return None
        try:
            return await to_thread.run_sync(self._tokens.check, token, audience, abandon_on_cancel=True)
        except sa.exc.SQLAlchemyError:
            raise ApiError(503, "The store of users does not answer", headers={"Retry-After": "5"}) from None

    async def _is_user(self, connection: HTTPConnection) -> bool:
        """Whether a user signed in; no, where the store does not answer soon."""
        try:
            return await asyncio.wait_for(self._checked(connection), _STORE_TIMEOUT_SECONDS) is not None
        except (TokenError, ApiError, TimeoutError):
            return False

    async def _is_still_valid(self, connection: HTTPConnection) -> bool:
        """Whether the sign-in that opened a WebSocket still holds."""
        try:
            session = await self._checked(connection)
        except TokenError:
            return False
        except ApiError:
            # A store that does not answer for a while ends nothing.
            return True
        return session is not None and session.identity == identity_of(connection)

    def _may_read_metrics(self, connection: HTTPConnection) -> bool:
        if connection.scope.get("method") not in _SAFE_METHODS:
            return False
        sent = _bearer_token(connection)
        if self._metrics_token and sent and secrets.compare_digest(sent.encode(), self._metrics_token.encode()):
            return True
        return is_loopback(connection.scope)


def tokens_of(connection: HTTPConnection) -> Tokens:
    """The tokens and, in their `engine`, the store of users, for the routes of sign-in."""
    tokens = connection.scope["state"][TOKENS_KEY]
    assert isinstance(tokens, Tokens)
    return tokens


def record(
    connection: HTTPConnection, who: str, action: str, target: str = "", result: str = "ok", detail: str = ""
) -> None:
    """Write into the audit log what a user did by a request."""
    address = connection.client.host if connection.client else ""
    engine = tokens_of(connection).engine
    audit.record(engine, who=who, address=address, action=action, target=target, result=result, detail=detail)


def attempts_of(connection: HTTPConnection) -> Attempts:
    """What checks passwords, for the routes of sign-in."""
    attempts = connection.scope["state"][ATTEMPTS_KEY]
    assert isinstance(attempts, Attempts)
    return attempts


def session_of(connection: HTTPConnection) -> Session | None:
    """The session of a request."""
    session = connection.scope["state"].get(SESSION_KEY)
    return session if isinstance(session, Session) else None


def signed_in_session(request: HTTPConnection) -> Session:
    """The session of a sign-in by password.

    Raises:
        ApiError: there is none: nobody has signed in, or it is a personal access token.
    """
    session = session_of(request)
    if session is None:
        raise ApiError(401, NOT_SIGNED_IN)
    if session.session_id is None:
        raise ApiError(403, "An access token can't do this: sign in with a password")
    return session


async def _serve_while_valid(
    is_valid: Callable[[], Awaitable[bool]], app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a WebSocket, and close it at most `SOCKET_CHECK_SECONDS` after its sign-in ended."""
    serving = asyncio.ensure_future(app(scope, receive, send))
    try:
        while not serving.done():
            await asyncio.wait({serving}, timeout=SOCKET_CHECK_SECONDS)
            if not serving.done() and not await is_valid():
                break
    finally:
        is_over = serving.done()
        serving.cancel()
        await asyncio.wait({serving})
    if is_over:
        await serving
        return
    with contextlib.suppress(RuntimeError, OSError):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "Sign in again"})


def _refuse_forged(connection: HTTPConnection) -> None:
    if not cross_site.may_change(connection):
        cookie, header = cross_site.CSRF_COOKIE, cross_site.CSRF_HEADER
        raise ApiError(403, f"Send JSON from a page of this site, or the cookie {cookie} as {header}")


def _refuse_query_by_get(connection: HTTPConnection) -> None:
    """Dagster would run mutations by GET; only its page for writing queries is served that way."""
    scope = connection.scope
    if scope["type"] != "http" or scope["path"].rstrip("/") != "/graphql" or scope["method"] == "POST":
        return
    if scope["method"] != "GET" or not _accepts_html(connection):
        raise ApiError(405, "Send GraphQL by POST", headers={"Allow": "POST"})


def _bearer_token(connection: HTTPConnection) -> str | None:
    """The bearer token; an empty one, which is never valid, where the header has another scheme."""
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _accepts_html(connection: HTTPConnection) -> bool:
    return "text/html" in connection.headers.get("accept", "")


def _refusal(connection: HTTPConnection, error: ApiError) -> Response:
    scope = connection.scope
    is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and _accepts_html(connection)
    if error.status_code == 401 and is_page:
        wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        return RedirectResponse(f"/login?next={quote(wanted)}", 303, {"Cache-Control": "no-store"})
    response = error.response(scope["path"])
    response.headers["Cache-Control"] = "no-store"
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
