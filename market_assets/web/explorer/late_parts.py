"""What of a page is not kept for all who ask: who is signed in, and postings as the store has them by now.

A page is made with marks in these places, and each answer is filled in anew.
"""

from __future__ import annotations

import re
import secrets
import time
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
#: So long are the postings of a page shown again without a look into the store.
_KEPT_SECONDS = 1.0
#: Pages whose postings are kept; those of all are forgotten when there are more.
_MOST_KEPT = 1_000
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


class NewestPostings:
    """The newest postings of pages, as they show them: of a page that many ask for, one a second reads them.

    Those that have left the store are left out, a second later at most.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[bytes, tuple[float, bytes]] = {}

    async def put_in(self, body: bytes) -> bytes:
        """A page with its postings in their places."""
        shown = {mark: self._fresh(mark) for mark in _POSTINGS.findall(body)}
        if None in shown.values():
            return await to_thread.run_sync(_POSTINGS.sub, self._read, body, limiter=_READERS)
        return _POSTINGS.sub(lambda mark: shown[mark[1]] or b"", body)

    def _fresh(self, posting_ids: bytes) -> bytes | None:
        until, shown = self._kept.get(posting_ids, (0.0, b""))
        return shown if time.monotonic() < until else None

    def _read(self, mark: re.Match[bytes]) -> bytes:
        posting_ids = [int(number) for number in mark[1].split(b",") if number]
        with self._database.pooled_engine().connect() as connection:
            found = read_shown_postings(connection, posting_ids)
        lines = [PostingLine(posting, web_address(posting.url)) for posting in found]
        shown: Markup = environment().get_template("macros.html").module.sample(lines)  # type: ignore[attr-defined]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[mark[1]] = time.monotonic() + _KEPT_SECONDS, shown.encode()
        return shown.encode()


async def filled(page: Response, request: Request, newest: NewestPostings) -> Response:
    """An answer for one user, made of one for all.

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
    return copied(page, await newest.put_in(body))


def web_address(url: str | None) -> str | None:
    """The link of a posting if it is one of the web; None for any other, such as one that would run a script."""
    if url is None or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
