"""Example Board: what it has, and how its answers come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, record_list, stated
from market_assets.sources.request import Request


# A board whose answer is a single page is a `Board`, without next_request; one with boards of companies is
# `CompanyBoards`. What may need a key says so in `needed_keys`. See docs/sources.md.
class ExampleBoard(PagedBoard):
    """The newest postings of Example Board."""

    # The settings of its entry in sources.yaml, checked by pydantic.
    type: Literal["example_board"] = "example_board"
    url: WebAddress = "https://board.example/api/jobs"
    category: str = "all"

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        # What to ask for. The name is that of the landed file.
        yield Page("postings", Request(self.url, {"category": self.category, "page": "1"}))

    def next_request(self, page: Page, document: Any) -> Request | None:
        # What to ask for after a page; None after the last.
        params = {**page.request.params, "page": str(page.number + 1)}
        return replace(page.request, params=params) if at(document, "more") else None

    def records(self, document: Any) -> list[dict[str, Any]]:
        # Where the postings are in an answer.
        return record_list(document, "jobs")

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        # Which field is which, as text and as it is stated: `postings.schemas.RAW_POSTING` has them all. What pay,
        # dates and places mean is found out later. None in place of fields: not meant to be read.
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("title")),
            "company": stated(at(record, "company", "name")),
            "location": stated(record.get("locations")),
            "description": stated(record.get("html")),
            "url": stated(record.get("link")),
            "salary_text": stated(record.get("pay")),
            "posted_at": stated(record.get("published")),
        }
