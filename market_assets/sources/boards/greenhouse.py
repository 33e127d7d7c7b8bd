"""Greenhouse: the boards of companies, each with all its postings in one answer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import CompanyBoards, WebAddress
from market_assets.sources.boards.fields import Fields, at, stated
from market_assets.sources.request import Request


class Greenhouse(CompanyBoards):
    """The postings of companies that use Greenhouse. Their text is HTML that was escaped once more."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    type: Literal["greenhouse"] = "greenhouse"
    url: WebAddress = "https://boards-api.greenhouse.io/v1/boards"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}/jobs", {"content": "true"})

    def posting(self, record: dict[str, Any], file: str) -> Fields:
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("title")),
            "company": stated(record.get("company_name")) or self.company_of(file),
            "location": stated(at(record, "location", "name")),
            "description": stated(record.get("content")),
            "url": stated(record.get("absolute_url")),
            # `updated_at` changes with every edit, so it is no time of publication.
            "posted_at": stated(record.get("first_published")),
        }
