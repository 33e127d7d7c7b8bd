"""Sign-in and sign-out: `/api/auth/…` for programs (`auth_router`), `/login` and `/logout` for people.

`/api/auth/tokens`: personal access tokens, made, listed and revoked by who has signed in with a password.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from market_assets.store import users
from market_assets.store.users import User, UserError, end_session, find_user
from market_assets.web.auth import cross_site
from market_assets.web.auth.credentials import ACCESS_TIME, SESSION_TIME, Session, is_right
from market_assets.web.auth.guard import attempts_of, record, session_of, signed_in_session, tokens_of
from market_assets.web.errors import NOT_ADMIN, ApiError, problems
from market_assets.web.pages import render

_WRONG = "The name or the password is wrong"
_OUT_OF_DATE = "This page was out of date. Please try again."
_BUSY = problems(_503=("Too many sign in at once", 503, "Too many sign in at once: try again in 2 s"))
_TOKEN_ERRORS = problems(
    _403=("Not allowed to this user, or to an access token", 403, NOT_ADMIN),
    _409=("The user has too many tokens", 409, "ada has 50 tokens already: revoke one"),
)
_UNKNOWN_TOKEN = problems(_404=("No such token", 404, "there is no token 5c0f3a91d2e8"))
TokenId = Annotated[str, Path(max_length=64, description="Its id", examples=["5c0f3a91d2e8"])]
_NOT_STORED = {"Cache-Control": "no-store"}

auth_router = APIRouter(prefix="/api/auth", tags=["sign-in"])


class Credentials(BaseModel):
    """The name and the password of a user."""

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


@auth_router.post("/login", openapi_extra={"security": []}, responses=_BUSY)
async def login(credentials: Credentials, request: Request) -> TokenAnswer:
    """Sign in: a token for 15 minutes, which `/api/auth/refresh` renews for 12 hours."""
    user = await authenticate(request, credentials.username, credentials.password)
    if user is None:
        raise ApiError(401, _WRONG)
    token, _cookie = tokens_of(request).open_session(user)
    return TokenAnswer(access_token=token, expires_in=int(ACCESS_TIME.total_seconds()))


@auth_router.post("/refresh")
def refresh(request: Request) -> TokenAnswer:
    """A new token, while the present one holds and the session lasts: 12 hours from the sign-in."""
    session = signed_in_session(request)
    left = min(ACCESS_TIME, session.ends_at - datetime.now(UTC))
    token = tokens_of(request).renew(session)
    return TokenAnswer(access_token=token, expires_in=max(0, int(left.total_seconds())))


@auth_router.post("/logout")
def logout(request: Request, response: Response) -> SignedOut:
    """End the session, with every token of it, and clear the browser's cookie."""
    _end(request, signed_in_session(request))
    _clear_cookies(response)
    return SignedOut()


async def authenticate(request: HTTPConnection, username: str, password: str) -> User | None:
    """The user, where name and password are right; None otherwise. The audit log has every attempt.

    Raises:
        ApiError: too many sign in at once.
    """
    return await attempts_of(request).check(username, partial(_check_password, request, username, password))


def _check_password(request: HTTPConnection, username: str, password: str) -> User | None:
    engine = tokens_of(request).engine
    user = find_user(engine, username)
    right = is_right(password, user.password_hash if user else None)
    # A name that does not exist may well be a password that was typed into the wrong field.
    record(request, user.name if user else "(unknown)", "sign-in", result="ok" if right else "refused")
    return user if right else None


def login_routes() -> list[BaseRoute]:
    """The pages of sign-in and sign-out."""
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
    if not cross_site.matches_csrf_cookie(request, form.get("csrf")):
        return _page(request, target, _OUT_OF_DATE, status=403)
    try:
        user = await authenticate(request, form.get("username", ""), form.get("password", ""))
    except ApiError as busy:
        page = _page(request, target, f"{busy.detail}.", status=busy.status_code)
        page.headers.update(busy.headers or {})
        return page
    if user is None:
        return _page(request, target, f"{_WRONG}.", status=401)
    _token, cookie = tokens_of(request).open_session(user)
    response = RedirectResponse(target, status_code=303, headers=_NOT_STORED)
    _set_cookie(request, response, cross_site.SESSION_COOKIE, cookie, for_scripts=False)
    _set_cookie(request, response, cross_site.CSRF_COOKIE, cross_site.new_csrf_token(), for_scripts=True)
    return response


async def _sign_out(request: Request) -> Response:
    form = await _form(request)
    session = session_of(request)
    if session is not None and session.session_id is not None:
        if not cross_site.matches_csrf_cookie(request, form.get("csrf")):
            return _page(request, "/", _OUT_OF_DATE, status=403)
        await run_in_threadpool(_end, request, session)
    response = RedirectResponse("/login", status_code=303, headers=_NOT_STORED)
    _clear_cookies(response)
    return response


def local_path(wanted: str | None) -> str:
    """The path of this site to go to after sign-in; `/` for anything that may lead to another site."""
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    # Browsers take a backslash for a slash, and drop tabs and line ends.
    if "\\" in wanted or not wanted.isprintable():
        return "/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or parts.path in ("/login", "/logout"):
        return "/"
    return quote(wanted, safe="/?&=%:@+,;~!$'()*-._[]#")


def _end(request: HTTPConnection, session: Session) -> None:
    assert session.session_id is not None
    end_session(tokens_of(request).engine, session.session_id, session.ends_at)
    record(request, session.identity.name, "sign-out")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; none where the body is no form."""
    try:
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _page(request: Request, target: str, problem: str = "", status: int = 200) -> Response:
    token = request.cookies.get(cross_site.CSRF_COOKIE) or cross_site.new_csrf_token()
    nonce = secrets.token_urlsafe(16)
    session = session_of(request)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    response = render(
        "login.html",
        status_code=status,
        headers={**_NOT_STORED, "Content-Security-Policy": policy},
        nonce=nonce,
        problem=problem,
        user=session.identity if session else None,
        target=target,
        csrf_token=token,
    )
    if request.cookies.get(cross_site.CSRF_COOKIE) is None:
        _set_cookie(request, response, cross_site.CSRF_COOKIE, token, for_scripts=True)
    return response


def _set_cookie(request: Request, response: Response, name: str, value: str, *, for_scripts: bool) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(SESSION_TIME.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=not for_scripts,
        samesite="strict",
    )


def _clear_cookies(response: Response) -> None:
    response.delete_cookie(cross_site.SESSION_COOKIE, path="/", httponly=True, samesite="strict")
    response.delete_cookie(cross_site.CSRF_COOKIE, path="/", samesite="strict")


class TokenRequest(BaseModel):
    """What a token is for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "notebook", "scope": "read", "days": 90}]}
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")] = Field(
        description="What it is for, in words of yours"
    )
    scope: Literal["read", "admin"] = Field(
        "read", description="What it may do: what viewers may, or what admins may"
    )
    days: int = Field(90, ge=1, le=users.LONGEST_TOKEN_DAYS, description="For how long it holds")


class TokenEntry(BaseModel):
    """A token that holds; its secret is not kept."""

    id: str = Field(description="Names the token, to revoke it")
    user: str = Field(description="Whose it is")
    name: str = Field(description="What it is for")
    scope: Literal["read", "admin"] = Field(description="What it may do")
    created_at: datetime = Field(description="When it was made")
    expires_at: datetime = Field(description="When it stops working by itself")


class NewToken(TokenEntry):
    """A token with its secret, which is shown this once."""

    token: str = Field(description="For the header `Authorization: Bearer …`")


class TokenList(BaseModel):
    """The tokens of the user; of everybody, for admins."""

    tokens: list[TokenEntry] = Field(description="The newest first")


class Revoked(BaseModel):
    """The token is worth nothing any more."""

    success: Literal[True] = True


@auth_router.post("/tokens", status_code=201, responses=_TOKEN_ERRORS)
def make_token(body: TokenRequest, request: Request) -> NewToken:
    """Make a token for programs, which needs no refreshing; only with a sign-in by password."""
    session = signed_in_session(request)
    name = session.identity.name
    if body.scope == "admin" and not session.identity.is_admin:
        record(request, name, "token.create", body.name, "refused", body.scope)
        raise ApiError(403, NOT_ADMIN)
    try:
        made, secret = users.add_access_token(tokens_of(request).engine, name, body.name, body.scope, body.days)
    except UserError as error:
        raise ApiError(409, str(error)) from None
    record(request, name, "token.create", made.token_id, "ok", f"{body.scope}, {body.days} days: {body.name}")
    return NewToken(**_fields(made), token=secret)


@auth_router.get("/tokens", responses=_TOKEN_ERRORS)
def list_tokens(request: Request) -> TokenList:
    """Your tokens; an admin sees everybody's."""
    found = users.list_access_tokens(tokens_of(request).engine, _whose(signed_in_session(request)))
    return TokenList(tokens=[TokenEntry(**_fields(token)) for token in found])


@auth_router.delete("/tokens/{token_id}", responses={**_TOKEN_ERRORS, **_UNKNOWN_TOKEN})
def revoke_token(token_id: TokenId, request: Request) -> Revoked:
    """End a token of yours at once; an admin ends anybody's."""
    session = signed_in_session(request)
    try:
        token = users.revoke_access_token(tokens_of(request).engine, token_id, _whose(session))
    except UserError as error:
        raise ApiError(404, str(error)) from None
    record(request, session.identity.name, "token.revoke", token.token_id, "ok", f"of {token.user}: {token.name}")
    return Revoked()


def _whose(session: Session) -> str | None:
    """Whose tokens a user may see and end; None: everybody's."""
    return None if session.identity.is_admin else session.identity.name


def _fields(token: users.AccessToken) -> dict[str, object]:
    return {"id": token.token_id, **{name: value for name, value in vars(token).items() if name != "token_id"}}
