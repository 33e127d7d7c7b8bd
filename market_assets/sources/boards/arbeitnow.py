"""Arbeitnow: jobs in Germany and remote ones, in pages, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, stated
from market_assets.sources.request import Request


class Arbeitnow(PagedBoard):
    """The newest postings of Arbeitnow."""

    record_path: ClassVar[tuple[str, ...]] = ("data",)

    type: Literal["arbeitnow"] = "arbeitnow"
    url: WebAddress = "https://www.arbeitnow.com/api/job-board-api"

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        yield Page("postings", Request(self.url))

    def next_request(self, page: Page, document: Any) -> Request | None:
        more = at(document, "links", "next") and at(document, "data")
        return replace(page.request, params={"page": str(page.number + 1)}) if more else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        return {
            "external_id": stated(record.get("slug")),
            "title": stated(record.get("title")),
            "company": stated(record.get("company_name")),
            "location": stated(record.get("location")),
            "description": stated(record.get("description")),
            "url": stated(record.get("url")),
            "posted_at": stated(record.get("created_at")),
            "employment_type": stated(record.get("job_types")),
            "industry": stated(record.get("tags")),
            "workplace": stated(record.get("remote")),
        }
