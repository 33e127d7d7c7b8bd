"""`/api/auth/tokens`: personal access tokens, made, listed and revoked by who has signed in with a password."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request

from market_assets.store import access_tokens
from market_assets.store.users import UserError
from market_assets.web.auth.guard import record, signed_in_session, tokens_of
from market_assets.web.auth.tokens import Session
from market_assets.web.errors import NOT_ADMIN, ApiError
from market_assets.web.openapi_document import problems

tokens_router = APIRouter(prefix="/api/auth/tokens", tags=["sign-in"])
_ERRORS = problems(
    _403=("Not allowed to this user, or to an access token", 403, NOT_ADMIN),
    _409=("The user has too many tokens", 409, "ada has 50 tokens already: revoke one"),
)
_UNKNOWN = problems(_404=("No such token", 404, "there is no token 5c0f3a91d2e8"))
TokenId = Annotated[str, Path(max_length=64, description="Its id", examples=["5c0f3a91d2e8"])]


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
    days: int = Field(90, ge=1, le=access_tokens.LONGEST_DAYS, description="For how long it holds")


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


@tokens_router.post("", status_code=201, responses=_ERRORS)
def make_token(body: TokenRequest, request: Request) -> NewToken:
    """Make a token for programs, which needs no refreshing; only with a sign-in by password."""
    session = signed_in_session(request)
    name = session.identity.name
    if body.scope == "admin" and not session.identity.is_admin:
        record(request, name, "token.create", body.name, "refused", body.scope)
        raise ApiError(403, NOT_ADMIN)
    try:
        made, secret = access_tokens.add_access_token(
            tokens_of(request).engine, name, body.name, body.scope, body.days
        )
    except UserError as error:
        raise ApiError(409, str(error)) from None
    record(
        request,
        session.identity.name,
        "token.create",
        made.token_id,
        "ok",
        f"{body.scope}, {body.days} days: {body.name}",
    )
    return NewToken(**_fields(made), token=secret)


@tokens_router.get("", responses=_ERRORS)
def list_tokens(request: Request) -> TokenList:
    """Your tokens; an admin sees everybody's."""
    found = access_tokens.list_access_tokens(tokens_of(request).engine, _whose(signed_in_session(request)))
    return TokenList(tokens=[TokenEntry(**_fields(token)) for token in found])


@tokens_router.delete("/{token_id}", responses={**_ERRORS, **_UNKNOWN})
def revoke_token(token_id: TokenId, request: Request) -> Revoked:
    """End a token of yours at once; an admin ends anybody's."""
    session = signed_in_session(request)
    try:
        token = access_tokens.revoke_access_token(tokens_of(request).engine, token_id, _whose(session))
    except UserError as error:
        raise ApiError(404, str(error)) from None
    record(request, session.identity.name, "token.revoke", token.token_id, "ok", f"of {token.user}: {token.name}")
    return Revoked()


def _whose(session: Session) -> str | None:
    """Whose tokens a user may see and end; None: everybody's."""
    return None if session.identity.is_admin else session.identity.name


def _fields(token: access_tokens.AccessToken) -> dict[str, object]:
    return {"id": token.token_id, **{name: value for name, value in vars(token).items() if name != "token_id"}}
