"""Boards that anyone may read: Remotive, Remote OK, Jobicy and Himalayas, of remote jobs alone, and Arbeitnow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from market_assets.sources.boards.board import ListBoard, Page, PagedBoard, WebAddress, given
from market_assets.sources.boards.fields import FieldPaths, Fields, at, stated
from market_assets.sources.protocol import Request, Tools

_HIMALAYAS_PAGE_SIZE = 20
#: Some pay by the hour at Himalayas has the period "annual"; less than this is not paid for a year.
_LEAST_ANNUAL_PAY = 500


class Remotive(ListBoard):
    """The postings of Remotive, in one list."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)
    query: ClassVar[tuple[str, ...]] = ("category", "search")
    remote_only: ClassVar[bool] = True
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "title",
        "company": "company_name",
        "location": "candidate_required_location",
        "description": "description",
        "url": "url",
        "salary_text": "salary",
        "posted_at": "publication_date",
        "employment_type": "job_type",
        "industry": "category",
    }

    type: Literal["remotive"] = "remotive"
    url: WebAddress = "https://remotive.com/api/remote-jobs"
    category: str | None = None
    search: str | None = None


class RemoteOk(ListBoard):
    """The newest postings of Remote OK, in one list behind a legal notice that asks to link back to it."""

    remote_only: ClassVar[bool] = True
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "position",
        "company": "company",
        "location": "location",
        "description": "description",
        "url": "url",
        "salary_min": "salary_min",
        "salary_max": "salary_max",
        "posted_at": ("date", "epoch"),
    }

    type: Literal["remoteok"] = "remoteok"
    url: WebAddress = "https://remoteok.com/api"

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:  # noqa: ARG002
        return None if "legal" in record else self.stated_fields(record)


class Jobicy(ListBoard):
    """The newest postings of Jobicy in one list, of one region, industry or tag if wanted."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)
    query: ClassVar[tuple[str, ...]] = ("count", "geo", "industry", "tag")
    remote_only: ClassVar[bool] = True
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "jobTitle",
        "company": "companyName",
        "location": "jobGeo",
        "description": ("jobDescription", "jobExcerpt"),
        "url": "url",
        # Postings of some years have annualSalaryMin and no period.
        "salary_min": ("salaryMin", "annualSalaryMin"),
        "salary_max": ("salaryMax", "annualSalaryMax"),
        "salary_currency": "salaryCurrency",
        "salary_period": "salaryPeriod",
        "posted_at": "pubDate",
        "employment_type": "jobType",
        "industry": "jobIndustry",
        "seniority": "jobLevel",
    }

    type: Literal["jobicy"] = "jobicy"
    url: WebAddress = "https://jobicy.com/api/v2/remote-jobs"
    count: int = Field(default=50, ge=1, le=100)
    geo: str | None = None
    industry: str | None = None
    tag: str | None = None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        fields = self.stated_fields(record)
        is_annual = record.get("annualSalaryMin") or record.get("annualSalaryMax")
        return {**fields, "salary_period": fields["salary_period"] or ("yearly" if is_annual else None)}


class Himalayas(PagedBoard):
    """The newest postings of Himalayas, in pages of twenty."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)
    remote_only: ClassVar[bool] = True
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "guid",
        "title": "title",
        "location": "locationRestrictions",
        "description": "description",
        "url": "applicationLink",
        "salary_min": "minSalary",
        "salary_max": "maxSalary",
        "salary_currency": "currency",
        "salary_period": "salaryPeriod",
        "posted_at": "pubDate",
        "employment_type": "employmentType",
        "industry": "parentCategories",
        "seniority": "seniority",
    }

    type: Literal["himalayas"] = "himalayas"
    url: WebAddress = "https://himalayas.app/jobs/api"

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        yield Page("postings", Request(self.url, given(limit=_HIMALAYAS_PAGE_SIZE, offset=0)))

    def next_request(self, page: Page, document: Any) -> Request | None:
        offset, total = page.number * _HIMALAYAS_PAGE_SIZE, at(document, "totalCount")
        more = at(document, "jobs") and isinstance(total, int) and offset < total
        return replace(page.request, params={**page.request.params, "offset": str(offset)}) if more else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        fields = {**self.stated_fields(record), "company": _himalayas_company(record)}
        bounds = (record.get("minSalary"), record.get("maxSalary"))
        highest = max((amount for amount in bounds if isinstance(amount, int | float)), default=None)
        by_year = fields["salary_period"] == "annual"
        if highest is None or (by_year and highest < _LEAST_ANNUAL_PAY):
            fields["salary_period"] = None
        return fields


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

    def next_request(self, page: Page, document: Any) -> Request | None:
        more = at(document, "links", "next") and at(document, "data")
        return replace(page.request, params={"page": str(page.number + 1)}) if more else None


def _himalayas_company(record: dict[str, Any]) -> str | None:
    """The company's name; where the answer holds the word "name" in its place, the slug in words."""
    name, slug = stated(record.get("companyName")), stated(record.get("companySlug"))
    return slug.replace("-", " ").title() if slug and name in (None, "name") else name
