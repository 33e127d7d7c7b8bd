"""JSearch: a search over the job listings that Google shows, for those with a RapidAPI key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, pay, stated
from market_assets.sources.request import Request


class JSearch(PagedBoard):
    """What JSearch finds for some queries."""

    needed_keys: ClassVar[tuple[str, ...]] = ("RAPIDAPI_KEY",)
    record_path: ClassVar[tuple[str, ...]] = ("data",)

    type: Literal["jsearch"] = "jsearch"
    url: WebAddress = "https://jsearch.p.rapidapi.com/search"
    queries: list[str] = Field(min_length=1)
    country: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    date_posted: Literal["all", "today", "3days", "week", "month"] = "3days"
    #: Each page is paid for.
    pages: int = Field(default=1, ge=1, le=100)

    def first_pages(self, context: FetchContext) -> Iterator[Page]:
        headers = {"X-RapidAPI-Key": context.keys["RAPIDAPI_KEY"]}
        for position, query in enumerate(dict.fromkeys(self.queries), 1):
            params = {"query": query, "page": "1", "num_pages": "1", "date_posted": self.date_posted}
            params |= {"country": self.country} if self.country else {}
            plain = {"X-RapidAPI-Host": urlsplit(self.url).netloc}
            request = Request(self.url, params, plain, secret_headers=headers, key_names=self.needed_keys)
            yield Page(f"query_{position}", request)

    def next_request(self, page: Page, document: Any) -> Request | None:
        params = {**page.request.params, "page": str(page.number + 1)}
        return replace(page.request, params=params) if at(document, "data") else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        place = [stated(record.get(f"job_{part}")) for part in ("city", "state", "country")]
        return {
            "external_id": stated(record.get("job_id")),
            "title": stated(record.get("job_title")),
            "company": stated(record.get("employer_name")),
            "location": ", ".join(part for part in place if part) or stated(record.get("job_location")),
            "description": stated(record.get("job_description")),
            "url": stated(record.get("job_apply_link")) or stated(record.get("job_google_link")),
            "salary_min": pay(record.get("job_min_salary")),
            "salary_max": pay(record.get("job_max_salary")),
            "salary_currency": stated(record.get("job_salary_currency")),
            "salary_period": stated(record.get("job_salary_period")),
            "salary_text": stated(record.get("job_salary")),
            "posted_at": stated(record.get("job_posted_at_datetime_utc")),
            "employment_type": stated(record.get("job_employment_type"))
            or stated(record.get("job_employment_types")),
            "workplace": stated(record.get("job_is_remote")),
        }
