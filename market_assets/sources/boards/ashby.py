"""Ashby: the boards of companies, each with all its postings in one answer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from market_assets.sources.boards.board import CompanyBoards, WebAddress
from market_assets.sources.boards.fields import Fields, at, pay, stated, with_country
from market_assets.sources.request import Request


class Ashby(CompanyBoards):
    """The postings of companies that use Ashby. Those that are not listed are not read."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)

    type: Literal["ashby"] = "ashby"
    url: WebAddress = "https://api.ashbyhq.com/posting-api/job-board"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}", {"includeCompensation": "true"})

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:
        if record.get("isListed") is False:
            return None
        salary = _salary(record)
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("title")),
            "company": self.company_of(file),
            "location": with_country(
                stated(record.get("location")), stated(at(record, "address", "postalAddress", "addressCountry"))
            ),
            "description": stated(record.get("descriptionHtml")) or stated(record.get("descriptionPlain")),
            "url": stated(record.get("jobUrl")),
            "salary_min": pay(at(salary, "minValue")),
            "salary_max": pay(at(salary, "maxValue")),
            "salary_currency": stated(at(salary, "currencyCode")),
            "salary_period": stated(at(salary, "interval")),
            "salary_text": stated(at(record, "compensation", "scrapeableCompensationSalarySummary"))
            or stated(at(record, "compensation", "compensationTierSummary")),
            "posted_at": stated(record.get("publishedAt")),
            "employment_type": stated(record.get("employmentType")),
            # A hybrid job "is remote" too, so the narrower word counts.
            "workplace": stated(record.get("workplaceType")) or stated(record.get("isRemote")),
        }


def _salary(record: dict[str, Any]) -> Any:
    """The component of the compensation that is the salary: not a bonus, commission or equity."""
    components = at(record, "compensation", "summaryComponents")
    listed = components if isinstance(components, list) else []
    return next((each for each in listed if at(each, "compensationType") == "Salary"), None)
