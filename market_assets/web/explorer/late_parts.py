"""What of a page is not kept for all who ask: who is signed in, and postings as the store has them by now.

A page is made with marks in these places, and each answer is filled in anew.
"""

from __future__ import annotations

import re
import secrets
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from market_assets.statistics.window import Window
from market_assets.store.database import Database
from market_assets.store.shown_postings import ShownPosting, read_shown_postings
from market_assets.web.auth.cross_site import CSRF_COOKIE
from market_assets.web.auth.tokens import identity_of
from market_assets.web.explorer.templates import environment
from market_assets.web.market.answer_cache import copied

SAMPLE = 5
#: Pages read postings in few threads, fewer than there are connections, and not in those that count.
_READERS = CapacityLimiter(4)
#: No posting can state it, since it is in no answer.
_MARK = secrets.token_hex(16)
SIGN_OUT = Markup(f"{_MARK}-sign-out")
_POSTINGS = re.compile(rf"{_MARK}-postings-([\d,]*)-".encode())


class PostingLine(NamedTuple):
    """A posting of a page; `href` is its link where that is one for browsers."""

    posting: ShownPosting
    href: str | None


def newest_postings(window: Window) -> Markup:
    """The place of the newest postings of a window."""
    newest = window.postings.select("posted_at", "posting_id").top_k(SAMPLE, by=["posted_at", "posting_id"])
    return Markup(f"{_MARK}-postings-{','.join(map(str, newest['posting_id']))}-")


async def filled(page: Response, request: Request, database: Database) -> Response:
    """An answer for one user, made of one for all; postings that are no longer in the store are left out.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the store can't be read.
    """
    identity = identity_of(request)
    sign_out = (
        environment()
        .get_template("sign_out.html")
        .render(csrf_token=request.cookies.get(CSRF_COOKIE), user=identity.name if identity else None)
    )
    body = bytes(page.body).replace(SIGN_OUT.encode(), sign_out.encode())
    if _POSTINGS.search(body):
        body = await to_thread.run_sync(_POSTINGS.sub, partial(_sample, database), body, limiter=_READERS)
    return copied(page, body)


def _sample(database: Database, mark: re.Match[bytes]) -> bytes:
    posting_ids = [int(number) for number in mark[1].split(b",") if number]
    with database.pooled_engine().connect() as connection:
        found = read_shown_postings(connection, posting_ids)
    lines = [PostingLine(posting, web_address(posting.url)) for posting in found]
    shown: Markup = environment().get_template("macros.html").module.sample(lines)  # type: ignore[attr-defined]
    return shown.encode()


def web_address(url: str | None) -> str | None:
    """The link of a posting if it is one of the web; None for any other, such as one that would run a script."""
    if url is None or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
