"""Himalayas: remote jobs in pages of twenty, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, pay, stated
from market_assets.sources.request import Request

_PAGE_SIZE = 20
#: Some pay by the hour has the period "annual"; less than this is not paid for a year.
_LEAST_ANNUAL_PAY = 500


class Himalayas(PagedBoard):
    """The newest postings of Himalayas."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    type: Literal["himalayas"] = "himalayas"
    url: WebAddress = "https://himalayas.app/jobs/api"

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        yield Page("postings", Request(self.url, {"limit": str(_PAGE_SIZE), "offset": "0"}))

    def next_request(self, page: Page, document: Any) -> Request | None:
        offset, total = page.number * _PAGE_SIZE, at(document, "totalCount")
        more = at(document, "jobs") and isinstance(total, int) and offset < total
        return replace(page.request, params={**page.request.params, "offset": str(offset)}) if more else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        lowest, highest = record.get("minSalary"), record.get("maxSalary")
        amounts = [amount for amount in (lowest, highest) if isinstance(amount, int | float)]
        period_is_right = bool(amounts) and (
            record.get("salaryPeriod") != "annual" or max(amounts) >= _LEAST_ANNUAL_PAY
        )
        return {
            "external_id": stated(record.get("guid")),
            "title": stated(record.get("title")),
            "company": _company(record),
            "location": stated(record.get("locationRestrictions")),
            "description": stated(record.get("description")),
            "url": stated(record.get("applicationLink")),
            "salary_min": pay(lowest),
            "salary_max": pay(highest),
            "salary_currency": stated(record.get("currency")),
            "salary_period": stated(record.get("salaryPeriod")) if period_is_right else None,
            "posted_at": stated(record.get("pubDate")),
            "employment_type": stated(record.get("employmentType")),
            "industry": stated(record.get("parentCategories")),
            "workplace": "remote",
        }


def _company(record: dict[str, Any]) -> str | None:
    """The company's name; where the answer holds the word "name" in its place, the slug in words."""
    name, slug = stated(record.get("companyName")), stated(record.get("companySlug"))
    return slug.replace("-", " ").title() if slug and name in (None, "name") else name
