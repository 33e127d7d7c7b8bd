"""Example Board: which postings it has, and the form of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, stated
from market_assets.sources.request import Request


# A board with a single page is a `Board`, without next_request; boards of companies are `CompanyBoards`. Keys that
# a board needs are in `needed_keys`. See docs/sources.md.
class ExampleBoard(PagedBoard):
    """The newest postings of Example Board."""

    # The keys that lead to the list of postings in an answer.
    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    # The settings of its entry in sources.yaml, checked by pydantic.
    type: Literal["example_board"] = "example_board"
    url: WebAddress = "https://board.example/api/jobs"
    category: str = "all"

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        # The first requests. The name is that of the landed file.
        yield Page("postings", Request(self.url, {"category": self.category, "page": "1"}))

    def next_request(self, page: Page, document: Any) -> Request | None:
        # The request for the page after this one; None after the last.
        params = {**page.request.params, "page": str(page.number + 1)}
        return replace(page.request, params=params) if at(document, "more") else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        # The fields of `postings.schemas.RAW_POSTING`, as text and as they are stated; pay, dates and places are
        # interpreted later, the same for all sources. Return None to skip a record.
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
