"""Adzuna: a search engine for jobs, country by country, for those with a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from market_assets.sources.boards.board import FetchContext, Page, PagedBoard, WebAddress
from market_assets.sources.boards.fields import Fields, at, pay, stated
from market_assets.sources.request import Request

_PAGE_SIZE = 50
Country = Literal[
    "at", "au", "be", "br", "ca", "ch", "de", "es", "fr", "gb",
    "in", "it", "mx", "nl", "nz", "pl", "sg", "us", "za",
]  # fmt: skip


class Adzuna(PagedBoard):
    """The newest postings that Adzuna finds in some countries."""

    needed_keys: ClassVar[tuple[str, ...]] = ("ADZUNA_APP_ID", "ADZUNA_APP_KEY")
    record_path: ClassVar[tuple[str, ...]] = ("results",)

    type: Literal["adzuna"] = "adzuna"
    url: WebAddress = "https://api.adzuna.com/v1/api/jobs"
    countries: list[Country] = Field(min_length=1)
    what: str | None = None
    where: str | None = None
    max_days_old: int | None = Field(default=None, ge=1)

    def first_pages(self, context: FetchContext) -> Iterator[Page]:
        settings = {
            "results_per_page": str(_PAGE_SIZE),
            "sort_by": "date",
            "what": self.what,
            "where": self.where,
            "max_days_old": stated(self.max_days_old),
        }
        params = {key: value for key, value in settings.items() if value}
        secrets = {"app_id": context.keys["ADZUNA_APP_ID"], "app_key": context.keys["ADZUNA_APP_KEY"]}
        for country in dict.fromkeys(self.countries):
            url = f"{self.url}/{country}/search/1"
            yield Page(country, Request(url, params, secret_params=secrets, key_names=self.needed_keys))

    def next_request(self, page: Page, document: Any) -> Request | None:
        results, count = at(document, "results"), at(document, "count")
        more = results and isinstance(count, int) and page.number * _PAGE_SIZE < count
        return replace(page.request, url=f"{self.url}/{page.name}/search/{page.number + 1}") if more else None

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        # Salaries that Adzuna predicts are not the employer's; the mark is a text or a number.
        predicted = stated(record.get("salary_is_predicted")) in ("1", "true")
        lowest, highest = (None if predicted else pay(record.get(key)) for key in ("salary_min", "salary_max"))
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("title")),
            "company": stated(at(record, "company", "display_name")),
            "location": _location(record),
            "description": stated(record.get("description")),
            "url": stated(record.get("redirect_url")),
            "salary_min": lowest,
            "salary_max": highest,
            "salary_period": "yearly" if lowest or highest else None,
            "posted_at": stated(record.get("created")),
            "employment_type": stated([record.get("contract_time"), record.get("contract_type")]),
            "industry": stated(at(record, "category", "label")),
        }


def _location(record: dict[str, Any]) -> str | None:
    """The areas from the narrowest to the country, as addresses are written."""
    areas = at(record, "location", "area")
    named = [text for area in reversed(areas) if (text := stated(area))] if isinstance(areas, list) else []
    return ", ".join(named) or stated(at(record, "location", "display_name"))
