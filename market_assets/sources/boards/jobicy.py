"""Jobicy: the newest remote jobs in one list, of one region, industry or tag if wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from market_assets.sources.boards.board import Board, FetchContext, Page, WebAddress
from market_assets.sources.boards.fields import Fields, pay, stated
from market_assets.sources.request import Request


class Jobicy(Board):
    """The newest postings of Jobicy."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    type: Literal["jobicy"] = "jobicy"
    url: WebAddress = "https://jobicy.com/api/v2/remote-jobs"
    count: int = Field(default=50, ge=1, le=100)
    geo: str | None = None
    industry: str | None = None
    tag: str | None = None

    def first_pages(self, context: FetchContext) -> Iterator[Page]:  # noqa: ARG002
        settings = {"count": str(self.count), "geo": self.geo, "industry": self.industry, "tag": self.tag}
        yield Page("postings", Request(self.url, {key: value for key, value in settings.items() if value}))

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        # Postings of some years have annualSalaryMin and no period.
        annual = {"salaryMin": record.get("annualSalaryMin"), "salaryMax": record.get("annualSalaryMax")}
        amounts = {key: pay(record.get(key)) or pay(value) for key, value in annual.items()}
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("jobTitle")),
            "company": stated(record.get("companyName")),
            "location": stated(record.get("jobGeo")),
            "description": stated(record.get("jobDescription")) or stated(record.get("jobExcerpt")),
            "url": stated(record.get("url")),
            "salary_min": amounts["salaryMin"],
            "salary_max": amounts["salaryMax"],
            "salary_currency": stated(record.get("salaryCurrency")),
            "salary_period": stated(record.get("salaryPeriod")) or ("yearly" if any(annual.values()) else None),
            "posted_at": stated(record.get("pubDate")),
            "employment_type": stated(record.get("jobType")),
            "industry": stated(record.get("jobIndustry")),
            "workplace": "remote",
        }
