"""JSearch: a search over the job listings that Google shows, for those with a RapidAPI key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from market_assets.sources.boards.board import Page, PagedBoard, WebAddress, given
from market_assets.sources.boards.fields import FieldPaths, Fields, at, stated
from market_assets.sources.protocol import Request, Tools


class JSearch(PagedBoard):
    """What JSearch finds for some queries."""

    needed_keys: ClassVar[tuple[str, ...]] = ("RAPIDAPI_KEY",)
    record_path: ClassVar[tuple[str, ...]] = ("data",)
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "job_id",
        "title": "job_title",
        "company": "employer_name",
        "location": "job_location",
        "description": "job_description",
        "url": ("job_apply_link", "job_google_link"),
        "salary_min": "job_min_salary",
        "salary_max": "job_max_salary",
        "salary_currency": "job_salary_currency",
        "salary_period": "job_salary_period",
        "salary_text": "job_salary",
        "posted_at": "job_posted_at_datetime_utc",
        "employment_type": ("job_employment_type", "job_employment_types"),
        "workplace": "job_is_remote",
    }

    type: Literal["jsearch"] = "jsearch"
    url: WebAddress = "https://jsearch.p.rapidapi.com/search"
    queries: list[str] = Field(min_length=1)
    country: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    date_posted: Literal["all", "today", "3days", "week", "month"] = "3days"
    #: Each page is paid for.
    pages: int = Field(default=1, ge=1, le=100)

    def first_pages(self, tools: Tools) -> Iterator[Page]:
        secrets = {"X-RapidAPI-Key": tools.keys["RAPIDAPI_KEY"]}
        headers = {"X-RapidAPI-Host": urlsplit(self.url).netloc}
        for position, query in enumerate(dict.fromkeys(self.queries), 1):
            params = given(query=query, page=1, num_pages=1, date_posted=self.date_posted, country=self.country)
            request = Request(self.url, params, headers, secret_headers=secrets, key_names=self.needed_keys)
            yield Page(f"query_{position}", request)

    def next_request(self, page: Page, document: Any) -> Request | None:
        params = {**page.request.params, "page": str(page.number + 1)}
        return replace(page.request, params=params) if at(document, "data") else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        fields = self.stated_fields(record)
        place = [stated(record.get(f"job_{part}")) for part in ("city", "state", "country")]
        return {**fields, "location": ", ".join(part for part in place if part) or fields["location"]}
