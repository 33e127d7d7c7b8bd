"""Single postings on pages: what sources stated, which is anybody's text."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from market_assets.statistics.window import Window
from market_assets.store.shown_postings import ShownPosting, read_shown_postings
from market_assets.web.explorer.view import View

SAMPLE = 5


class PostingLine(NamedTuple):
    """A posting of a page; `href` is its link where that is one for browsers."""

    posting: ShownPosting
    href: str | None


def newest_postings(view: View, window: Window) -> list[PostingLine]:
    """The newest postings of a window that are still in the store."""
    newest = window.postings.select("posted_at", "posting_id").top_k(SAMPLE, by=["posted_at", "posting_id"])
    with view.explorer.database.pooled_engine().connect() as connection:
        found = read_shown_postings(connection, newest["posting_id"].to_list())
    return [PostingLine(posting, web_address(posting.url)) for posting in found]


def web_address(url: str | None) -> str | None:
    """The link of a posting if it is one of the web; None for any other, such as one that would run a script."""
    if url is None or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
