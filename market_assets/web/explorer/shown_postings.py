"""Single postings and their employers on pages: what sources stated, which is anybody's text."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import polars as pl

from market_assets.statistics.window import Window
from market_assets.store.shown_postings import ShownPosting, read_companies, read_shown_postings
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


def company_counts(view: View, window: Window, most: int) -> list[dict[str, Any]]:
    """company and postings of the employers with most postings, under the name that the newest one states."""
    counts = (
        window.postings.select("company_key", "posting_id", "posted_at")
        .drop_nulls("company_key")
        .group_by("company_key")
        .agg(postings=pl.len(), newest=pl.col("posting_id").sort_by("posted_at", "posting_id").last())
        .sort("postings", "newest", descending=True)
        .head(most)
    )
    with view.explorer.database.pooled_engine().connect() as connection:
        names = read_companies(connection, counts["newest"].to_list())
    rows = counts.select("newest", "postings").iter_rows()
    return [{"company": names[newest], "postings": postings} for newest, postings in rows if newest in names]


def web_address(url: str | None) -> str | None:
    """The link of a posting if it is one of the web; None for any other, such as one that would run a script."""
    if url is None or any(letter.isspace() or not letter.isprintable() for letter in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else None
