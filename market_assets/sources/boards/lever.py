"""Lever: the boards of companies, each a bare list of all its postings."""

from __future__ import annotations

from typing import Any, Literal

from market_assets.postings.gazetteer import countries
from market_assets.sources.boards.board import CompanyBoards, WebAddress
from market_assets.sources.boards.fields import Fields, at, pay, stated, with_country
from market_assets.sources.request import Request


class Lever(CompanyBoards):
    """The postings of companies that use Lever; those in its European service have another `url`."""

    type: Literal["lever"] = "lever"
    url: WebAddress = "https://api.lever.co/v0/postings"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}", {"mode": "json"})

    def posting(self, record: dict[str, Any], file: str) -> Fields:
        workplace = stated(record.get("workplaceType"))
        return {
            "external_id": stated(record.get("id")),
            "title": stated(record.get("text")),
            "company": self.company_of(file),
            "location": _locations(record),
            "description": _description(record),
            "url": stated(record.get("hostedUrl")),
            "salary_min": pay(at(record, "salaryRange", "min")),
            "salary_max": pay(at(record, "salaryRange", "max")),
            "salary_currency": stated(at(record, "salaryRange", "currency")),
            "salary_period": stated(at(record, "salaryRange", "interval")),
            "posted_at": stated(record.get("createdAt")),
            "employment_type": stated(at(record, "categories", "commitment")),
            "workplace": None if workplace == "unspecified" else workplace,
        }


def _locations(record: dict[str, Any]) -> str | None:
    """The main location with the country, whose code alone could be a state's, then the others."""
    code, names = record.get("country"), {country.alpha2: country.name for country in countries().values()}
    main = stated(at(record, "categories", "location"))
    others = at(record, "categories", "allLocations")
    others = [other for other in others if other != main] if isinstance(others, list) else []
    return stated([with_country(main, names.get(code) if isinstance(code, str) else None), *others])


def _description(record: dict[str, Any]) -> str | None:
    """The parts of the text in the order in which the board shows them."""
    parts = [stated(record.get("description"))]
    lists = record.get("lists")
    for each in lists if isinstance(lists, list) else []:
        heading, items = stated(at(each, "text")), stated(at(each, "content"))
        parts.append(f"<h3>{heading or ''}</h3>\n<ul>{items or ''}</ul>" if heading or items else None)
    parts += [stated(record.get("salaryDescription")), stated(record.get("additional"))]
    return "\n".join(part for part in parts if part) or None
