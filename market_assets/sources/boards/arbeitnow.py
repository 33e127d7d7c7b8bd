"""Arbeitnow: jobs in Germany and remote ones, in pages, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import Page, PagedBoard, WebAddress, single_list
from market_assets.sources.boards.fields import FieldPaths, at
from market_assets.sources.protocol import Request, Tools


class Arbeitnow(PagedBoard):
    """The newest postings of Arbeitnow."""

    record_path: ClassVar[tuple[str, ...]] = ("data",)
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "slug",
        "title": "title",
        "company": "company_name",
        "location": "location",
        "description": "description",
        "url": "url",
        "posted_at": "created_at",
        "employment_type": "job_types",
        "industry": "tags",
        "workplace": "remote",
    }

    type: Literal["arbeitnow"] = "arbeitnow"
    url: WebAddress = "https://www.arbeitnow.com/api/job-board-api"

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        return single_list(self.url)

    def next_request(self, page: Page, document: Any) -> Request | None:
        more = at(document, "links", "next") and at(document, "data")
        return replace(page.request, params={"page": str(page.number + 1)}) if more else None
