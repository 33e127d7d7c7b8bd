"""Example Board: which postings it has, and the form of its answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import FieldPaths, at
from market_assets.sources.protocol import Request, Tools


# A board with a single page is a `ListBoard`, without both requests; boards of companies are `CompanyBoards`. Keys
# that a board needs are in `needed_keys`. See docs/sources.md.
class ExampleBoard(PagedBoard):
    """The newest postings of Example Board."""

    # The keys that lead to the list of postings in an answer.
    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    # The fields of `postings.schemas.RAW_POSTING`, and where they are in a record; pay, dates and places are
    # interpreted later, the same for all sources. Override `posting` where that is not enough.
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "title",
        "company": "company.name",
        "location": "locations",
        "description": "html",
        "url": "link",
        "salary_text": "pay",
        "posted_at": "published",
    }

    # The settings of its entry in sources.yaml, checked by pydantic.
    type: Literal["example_board"] = "example_board"
    url: WebAddress = "https://board.example/api/jobs"
    category: str = "all"

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        # The first requests. The name is that of the landed file.
        yield Page("postings", Request(self.url, {"category": self.category, "page": "1"}))

    def next_request(self, page: Page, document: Any) -> Request | None:
        # The request for the page after this one; None after the last.
        params = {**page.request.params, "page": str(page.number + 1)}
        return replace(page.request, params=params) if at(document, "more") else None
