"""Sign-in and sign-out: `/api/auth/…` for programs (`auth_router`), `/login` and `/logout` for people."""

from __future__ import annotations

import html
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.store import audit
from market_assets.store.users import User, end_session, find_user, renew_hash
from market_assets.web.auth import csrf
from market_assets.web.auth.guard import Access, access_of, session_of
from market_assets.web.auth.identity import ApiError
from market_assets.web.auth.passwords import hash_password, is_outdated, is_right
from market_assets.web.auth.tokens import ACCESS_TIME, SESSION_TIME, Session, TokenError

_LARGEST_FORM = 16_384
_WRONG = "The name or the password is wrong"

auth_router = APIRouter(prefix="/api/auth", tags=["sign-in"])


class Credentials(BaseModel):
    """Who wants to sign in."""

    username: str = Field(max_length=200, examples=["admin"])
    password: str = Field(max_length=2_000, examples=["correct horse battery staple"])


class TokenAnswer(BaseModel):
    """A token for the header `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds until it has to be refreshed", examples=[900])


class SignedOut(BaseModel):
    """The session has ended."""

    success: Literal[True] = True
    message: str = "Signed out"


@auth_router.post("/login")
def login(credentials: Credentials, request: Request) -> TokenAnswer:
    """Sign in: a token for 15 minutes, which `/api/auth/refresh` renews for 12 hours."""
    user = authenticate(request, credentials.username, credentials.password)
    if user is None:
        raise ApiError(401, _WRONG)
    _session, token, _cookie = access_of(request).tokens.open_session(user)
    return TokenAnswer(access_token=token, expires_in=int(ACCESS_TIME.total_seconds()))


@auth_router.post("/refresh")
def refresh(request: Request) -> TokenAnswer:
    """A new token, while the present one holds and the session lasts: 12 hours from the sign-in."""
    session = _required_session(request)
    try:
        token = access_of(request).tokens.renew(session)
    except TokenError as error:
        raise ApiError(401, str(error)) from None
    left = min(ACCESS_TIME, session.ends_at - datetime.now(UTC))
    return TokenAnswer(access_token=token, expires_in=max(0, int(left.total_seconds())))


@auth_router.post("/logout")
def logout(request: Request, response: Response) -> SignedOut:
    """End the session, with every token of it, and clear the browser's cookie."""
    _end(request, _required_session(request))
    _clear_cookies(response)
    return SignedOut()


def authenticate(request: HTTPConnection, username: str, password: str) -> User | None:
    """The user, where name and password are right; writes it down in any case."""
    access = access_of(request)
    user = find_user(access.engine, username)
    right = is_right(password, user.password_hash if user else None)
    audit.record(
        access.engine,
        # What was typed for a name that does not exist may well be a password.
        who=user.name if user else "(unknown)",
        address=request.client.host if request.client else "",
        action="sign-in",
        target="",
        result="ok" if right else "refused",
    )
    if user is None or not right:
        return None
    if is_outdated(user.password_hash):
        renew_hash(access.engine, user, hash_password(password))
    return user


def login_routes() -> list[BaseRoute]:
    """The pages for people."""
    return [
        Route("/login", _login_page, methods=["GET"]),
        Route("/login", _sign_in, methods=["POST"]),
        Route("/logout", _sign_out, methods=["POST"]),
    ]


async def _login_page(request: Request) -> Response:
    return _page(request, local_path(request.query_params.get("next")))


async def _sign_in(request: Request) -> Response:
    form = await _form(request)
    target = local_path(form.get("next"))
    if not csrf.holds_token(request, form.get("csrf")):
        return _page(request, target, "This page was out of date. Please try again.", status=403)
    user = await run_in_threadpool(authenticate, request, form.get("username", ""), form.get("password", ""))
    if user is None:
        return _page(request, target, f"{_WRONG}.", status=401)
    _session, _token, cookie = access_of(request).tokens.open_session(user)
    answer = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
    _set_cookie(request, answer, csrf.SESSION_COOKIE, cookie, hidden=True)
    _set_cookie(request, answer, csrf.CSRF_COOKIE, csrf.new_csrf_token(), hidden=False)
    return answer


async def _sign_out(request: Request) -> Response:
    form = await _form(request)
    session = session_of(request)
    if session is not None:
        if not csrf.holds_token(request, form.get("csrf")):
            return _page(request, "/", "This page was out of date. Please try again.", status=403)
        await run_in_threadpool(_end, request, session)
    answer = RedirectResponse("/login", status_code=303, headers={"Cache-Control": "no-store"})
    _clear_cookies(answer)
    return answer


def local_path(wanted: str | None) -> str:
    """Where to go after sign-in: a path of this site, whatever was asked for."""
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    # Browsers take a backslash for a slash, and drop tabs and line ends.
    if "\\" in wanted or not wanted.isprintable():
        return "/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or parts.path in ("/login", "/logout"):
        return "/"
    return quote(wanted, safe="/?&=%:@+,;~!$'()*-._[]#")


def _required_session(request: Request) -> Session:
    session = session_of(request)
    if session is None:
        raise ApiError(401, "Sign in first")
    return session


def _end(request: HTTPConnection, session: Session) -> None:
    access: Access = access_of(request)
    end_session(access.engine, session.session_id, session.ends_at)
    access.tokens.forget()
    address = request.client.host if request.client else ""
    audit.record(
        access.engine, who=session.identity.name, address=address, action="sign-out", target="", result="ok"
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; nothing where the body is none, or larger than any form of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            return {}
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _page(request: Request, target: str, problem: str = "", status: int = 200) -> Response:
    token = request.cookies.get(csrf.CSRF_COOKIE) or csrf.new_csrf_token()
    nonce = secrets.token_urlsafe(16)
    session = session_of(request)
    hidden = f'<input type="hidden" name="csrf" value="{html.escape(token)}">'
    content = _form_of_sign_in(hidden, target) if session is None else _form_of_sign_out(hidden, session, target)
    shown = f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else ""
    answer = HTMLResponse(
        _template().substitute(nonce=nonce, problem=shown, content=content),
        status,
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        },
    )
    if request.cookies.get(csrf.CSRF_COOKIE) is None:
        _set_cookie(request, answer, csrf.CSRF_COOKIE, token, hidden=False)
    return answer


def _form_of_sign_in(hidden: str, target: str) -> str:
    return f"""<form method="post" action="/login">
{hidden}<input type="hidden" name="next" value="{html.escape(target)}">
<label>Name <input name="username" autocomplete="username" required autofocus maxlength="200"></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>"""


def _form_of_sign_out(hidden: str, session: Session, target: str) -> str:
    who = f"{html.escape(session.identity.name)} ({html.escape(session.identity.role)})"
    return f"""<p>You are signed in as {who}.</p>
<p><a href="{html.escape(target)}">Continue</a> · <a href="/market">The market report</a> ·
<a href="/executions">Executions</a></p>
<form method="post" action="/logout">{hidden}<button>Sign out</button></form>"""


def _set_cookie(request: Request, answer: Response, name: str, value: str, *, hidden: bool) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=int(SESSION_TIME.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=hidden,
        samesite="strict",
    )


def _clear_cookies(answer: Response) -> None:
    answer.delete_cookie(csrf.SESSION_COOKIE, path="/", httponly=True, samesite="strict")
    answer.delete_cookie(csrf.CSRF_COOKIE, path="/", samesite="strict")


@lru_cache(maxsize=1)
def _template() -> Template:
    return Template(Path(__file__).with_name("login.html").read_text(encoding="utf-8"))
