"""Remotive: one list of remote jobs, of all categories or of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import Board, FetchContext, Page, WebAddress
from market_assets.sources.boards.fields import Fields, stated
from market_assets.sources.request import Request


class Remotive(Board):
    """The postings of Remotive."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    type: Literal["remotive"] = "remotive"
    url: WebAddress = "https://remotive.com/api/remote-jobs"
    category: str | None = None
    search: str | None = None

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        settings = {"category": self.category, "search": self.search}
        yield Page("postings", Request(self.url, {key: value for key, value in settings.items() if value}))

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("title")),
            "company": stated(record.get("company_name")),
            "location": stated(record.get("candidate_required_location")),
            "description": stated(record.get("description")),
            "url": stated(record.get("url")),
            "salary_text": stated(record.get("salary")),
            "posted_at": stated(record.get("publication_date")),
            "employment_type": stated(record.get("job_type")),
            "industry": stated(record.get("category")),
            "workplace": "remote",
        }
