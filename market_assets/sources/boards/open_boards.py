"""Boards that anyone may read: Remotive, Remote OK, Jobicy and Himalayas, of remote jobs alone, Arbeitnow, and
the threads "Who is hiring?" of Hacker News.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from market_assets.sources.boards.board import (
    Board,
    ListBoard,
    NoPostingError,
    Page,
    PagedBoard,
    WebAddress,
    given,
)
from market_assets.sources.boards.fields import FieldPaths, Fields, at, record_list, stated
from market_assets.sources.protocol import Request, SourceError, Tools

_HIMALAYAS_PAGE_SIZE = 20
#: Some pay by the hour at Himalayas has the period "annual"; less than this is not paid for a year.
_LEAST_ANNUAL_PAY = 500
#: How the threads of Hacker News are called, and what the parts of a comment's first line are told by.
_TITLE = "Ask HN: Who is hiring?"
_ROLE = re.compile(
    r"(?i)engineer|develop|design|scien|manage|lead\b|head of|analyst|architect|devops|\bsre\b|founder|\bc[te]o\b"
    r"|market|sales|account|recruit|research|admin|intern(?:s|ship)?\b|specialist|consult|full[- ]?stack|director"
    r"|front[- ]?end|back[- ]?end|program|writer|support|operations|role|position|multiple|various|\bswe\b|\bml\b"
)
_WORKPLACE = re.compile(r"(?i)\b(?:remote|hybrid|on[- ]?site|in[- ]office|in[- ]person)\b")
_EMPLOYMENT = re.compile(
    r"(?i)\b(?:full|part)[- ]?time\b|\bcontract(?:or)?\b|\bfreelance\b|\bintern(?:s|ship)?\b|\bft\b"
)
_SALARY = re.compile(r"(?i)[$€£₹]\s?\d|\b\d{2,3}\s?k\b|\b(?:usd|eur|gbp|chf)\b.*\d")
_LINK = re.compile(r"(?i)https?://|\bwww\.")


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


class HackerNews(Board):
    """The comments of the newest threads, each with one company's jobs."""

    record_path: ClassVar[tuple[str, ...]] = ("children",)

    type: Literal["hacker_news"] = "hacker_news"
    url: WebAddress = "https://hn.algolia.com/api/v1"
    threads: int = Field(default=1, ge=1, le=24)

    def first_pages(self, tools: Tools) -> Iterator[Page]:
        found = tools.get(Request(f"{self.url}/search_by_date", {"tags": "story,author_whoishiring"}))
        try:
            hits = record_list(json.loads(found), "hits")
        except ValueError:
            raise SourceError(f"{self.url}: the search for threads is not JSON", permanent=False) from None
        threads = [hit.get("objectID") for hit in hits if str(hit.get("title")).startswith(_TITLE)]
        if not threads:
            raise SourceError(f"{self.url}: there is no thread called {_TITLE!r} among the newest")
        for thread in threads[: self.threads]:
            yield Page(f"thread-{thread}", Request(f"{self.url}/items/{thread}"))

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:  # noqa: ARG002
        text = stated(record.get("text"))
        if text is None:
            return None
        return {
            **_heading(text),
            "external_id": stated(record.get("id")),
            "description": text,
            "url": f"https://news.ycombinator.com/item?id={record.get('id')}",
            "posted_at": stated(record.get("created_at")) or stated(record.get("created_at_i")),
        }


def _himalayas_company(record: dict[str, Any]) -> str | None:
    """The company's name; where the answer holds the word "name" in its place, the slug in words."""
    name, slug = stated(record.get("companyName")), stated(record.get("companySlug"))
    return slug.replace("-", " ").title() if slug and name in (None, "name") else name


def _heading(text: str) -> dict[str, str | None]:
    """Company, job, place, workplace, employment and pay, out of `Company | Job | Place | …` in any order."""
    line = html.unescape(re.sub(r"<[^>]*>", "", re.split(r"(?i)<p>|\n", text.strip(), maxsplit=1)[0]))
    company, *parts = [part.strip() for part in line.split("|") if part.strip()] or [""]
    if not parts:
        raise NoPostingError("its first line is not of the form 'Company | Job | Place'")
    found: dict[str, str | None] = {"company": re.sub(r"\s*\((?:https?:|www\.)[^)]*\)", "", company)}
    unclear: list[str] = []
    for part in parts:
        if _SALARY.search(part):
            found.setdefault("salary_text", part)
        elif _LINK.search(part):
            continue
        elif _EMPLOYMENT.search(part) and not _ROLE.search(_EMPLOYMENT.sub("", part)):
            found.setdefault("employment_type", part)
            if workplace := _WORKPLACE.search(part):
                found.setdefault("workplace", workplace[0])
        elif _WORKPLACE.search(part) and not _ROLE.search(part):
            found.setdefault("workplace", part)
            if _WORKPLACE.sub("", part).strip(" ()/,-"):
                found.setdefault("location", part)
        elif "title" not in found and _ROLE.search(part):
            found["title"] = part
        else:
            unclear.append(part)
    # A part without any known word is the job if none was found yet, else the place.
    for field in ("title", "location"):
        if field not in found and unclear:
            found[field] = unclear.pop(0)
    if "title" not in found:
        raise NoPostingError("its first line names no job")
    return found
