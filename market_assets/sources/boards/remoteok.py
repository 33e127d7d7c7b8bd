"""Remote OK: one list of all its newest postings, behind a legal notice that asks to link back to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from market_assets.sources.boards.board import Board, FetchContext, Page, WebAddress
from market_assets.sources.boards.fields import Fields, pay, stated
from market_assets.sources.request import Request


class RemoteOk(Board):
    """The newest postings of Remote OK."""

    type: Literal["remoteok"] = "remoteok"
    url: WebAddress = "https://remoteok.com/api"

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        yield Page("postings", Request(self.url))

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:  # noqa: ARG002
        if "legal" in record:
            return None
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("position")),
            "company": stated(record.get("company")),
            "location": stated(record.get("location")),
            "description": stated(record.get("description")),
            "url": stated(record.get("url")),
            "salary_min": pay(record.get("salary_min")),
            "salary_max": pay(record.get("salary_max")),
            "posted_at": stated(record.get("date")) or stated(record.get("epoch")),
            "workplace": "remote",
        }
