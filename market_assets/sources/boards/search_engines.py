"""Search engines for jobs, for those with a key: Adzuna, country by country, and JSearch, by Google."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from market_assets.sources.boards.board import Page, PagedBoard, WebAddress, given
from market_assets.sources.boards.fields import FieldPaths, Fields, at, stated
from market_assets.sources.protocol import Request, Tools

_ADZUNA_PAGE_SIZE = 50
Country = Literal[
    "at", "au", "be", "br", "ca", "ch", "de", "es", "fr", "gb",
    "in", "it", "mx", "nl", "nz", "pl", "sg", "us", "za",
]  # fmt: skip


class Adzuna(PagedBoard):
    """The newest postings that Adzuna finds in some countries."""

    needed_keys: ClassVar[tuple[str, ...]] = ("ADZUNA_APP_ID", "ADZUNA_APP_KEY")
    record_path: ClassVar[tuple[str, ...]] = ("results",)
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "title",
        "company": "company.display_name",
        "description": "description",
        "url": "redirect_url",
        "salary_min": "salary_min",
        "salary_max": "salary_max",
        "posted_at": "created",
        "industry": "category.label",
    }

    type: Literal["adzuna"] = "adzuna"
    url: WebAddress = "https://api.adzuna.com/v1/api/jobs"
    countries: list[Country] = Field(min_length=1)
    what: str | None = None
    where: str | None = None
    max_days_old: int | None = Field(default=None, ge=1)

    def first_pages(self, tools: Tools) -> Iterator[Page]:
        params = given(
            results_per_page=_ADZUNA_PAGE_SIZE,
            sort_by="date",
            what=self.what,
            where=self.where,
            max_days_old=self.max_days_old,
        )
        secrets = {"app_id": tools.keys["ADZUNA_APP_ID"], "app_key": tools.keys["ADZUNA_APP_KEY"]}
        for country in dict.fromkeys(self.countries):
            url = f"{self.url}/{country}/search/1"
            yield Page(country, Request(url, params, secret_params=secrets, key_names=self.needed_keys))

    def next_request(self, page: Page, document: Any) -> Request | None:
        results, count = at(document, "results"), at(document, "count")
        more = results and isinstance(count, int) and page.number * _ADZUNA_PAGE_SIZE < count
        return replace(page.request, url=f"{self.url}/{page.name}/search/{page.number + 1}") if more else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        fields = {**self.stated_fields(record), "location": _adzuna_location(record)}
        # Salaries that Adzuna predicts are not the employer's; the mark is a text or a number.
        if stated(record.get("salary_is_predicted")) in ("1", "true"):
            fields |= {"salary_min": None, "salary_max": None}
        contract = [record.get("contract_time"), record.get("contract_type")]
        has_pay = fields["salary_min"] or fields["salary_max"]
        return {**fields, "salary_period": "yearly" if has_pay else None, "employment_type": stated(contract)}


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


def _adzuna_location(record: dict[str, Any]) -> str | None:
    """The areas from the narrowest to the country, as addresses are written."""
    areas = at(record, "location", "area")
    named = [text for area in reversed(areas) if (text := stated(area))] if isinstance(areas, list) else []
    return ", ".join(named) or stated(at(record, "location", "display_name"))
