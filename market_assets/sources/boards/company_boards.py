"""Boards of companies at Greenhouse, Lever and Ashby, each with all its postings in one answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from market_assets.postings.gazetteer import countries
from market_assets.sources.boards.board import Board, Page, WebAddress
from market_assets.sources.boards.fields import FieldPaths, Fields, at, fields_at, stated, with_country
from market_assets.sources.protocol import Request, Tools

#: A company's name in the addresses of its boards.
Company = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$")]


class CompanyBoards(Board):
    """Boards of companies at one provider. A company that can't be read fails alone."""

    #: The names in the boards' addresses; with a colon, the company's full name: `matchgroup: Match Group`.
    companies: dict[Company, str] | list[Company] = Field(min_length=1)

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        for company in dict.fromkeys(self.companies):
            yield Page(company, self.request(company))

    @abstractmethod
    def request(self, company: str) -> Request:
        """The request for all postings of a company."""

    def company_of(self, file: str) -> str:
        """The name of the company whose page was landed as `file`."""
        company = file.removesuffix(".json")
        return self.companies.get(company, company) if isinstance(self.companies, dict) else company

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:
        fields = self.stated_fields(record)
        return {**fields, "company": fields.get("company") or self.company_of(file)}


class Greenhouse(CompanyBoards):
    """The postings of companies that use Greenhouse. Their text is HTML that was escaped once more."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "title",
        "company": "company_name",
        "location": "location.name",
        "description": "content",
        "url": "absolute_url",
        # `updated_at` changes with every edit, so it is no time of publication.
        "posted_at": "first_published",
    }

    type: Literal["greenhouse"] = "greenhouse"
    url: WebAddress = "https://boards-api.greenhouse.io/v1/boards"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}/jobs", {"content": "true"})


class Lever(CompanyBoards):
    """The postings of companies that use Lever; those in its European service have another `url`."""

    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "text",
        "url": "hostedUrl",
        "salary_min": "salaryRange.min",
        "salary_max": "salaryRange.max",
        "salary_currency": "salaryRange.currency",
        "salary_period": "salaryRange.interval",
        "posted_at": "createdAt",
        "employment_type": "categories.commitment",
    }

    type: Literal["lever"] = "lever"
    url: WebAddress = "https://api.lever.co/v0/postings"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}", {"mode": "json"})

    def posting(self, record: dict[str, Any], file: str) -> Fields:
        workplace = stated(record.get("workplaceType"))
        return {
            **self.stated_fields(record),
            "company": self.company_of(file),
            "location": _locations(record),
            "description": _description(record),
            "workplace": None if workplace == "unspecified" else workplace,
        }


class Ashby(CompanyBoards):
    """The postings of companies that use Ashby. Those that are not listed are not read."""

    record_path: ClassVar[tuple[str, ...]] = ("jobs",)
    field_paths: ClassVar[FieldPaths] = {
        "external_id": "id",
        "title": "title",
        "description": ("descriptionHtml", "descriptionPlain"),
        "url": "jobUrl",
        "salary_text": (
            "compensation.scrapeableCompensationSalarySummary",
            "compensation.compensationTierSummary",
        ),
        "posted_at": "publishedAt",
        "employment_type": "employmentType",
        # A hybrid job "is remote" too, so the narrower word counts.
        "workplace": ("workplaceType", "isRemote"),
    }

    type: Literal["ashby"] = "ashby"
    url: WebAddress = "https://api.ashbyhq.com/posting-api/job-board"

    def request(self, company: str) -> Request:
        return Request(f"{self.url}/{company}", {"includeCompensation": "true"})

    def posting(self, record: dict[str, Any], file: str) -> Fields | None:
        if record.get("isListed") is False:
            return None
        country = stated(at(record, "address", "postalAddress", "addressCountry"))
        return {
            **self.stated_fields(record),
            **fields_at(_salary(record), _ASHBY_SALARY),
            "company": self.company_of(file),
            "location": with_country(stated(record.get("location")), country),
        }


_ASHBY_SALARY = {
    "salary_min": "minValue",
    "salary_max": "maxValue",
    "salary_currency": "currencyCode",
    "salary_period": "interval",
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


def _salary(record: dict[str, Any]) -> Any:
    """The component of the compensation that is the salary: not a bonus, commission or equity."""
    components = at(record, "compensation", "summaryComponents")
    listed = components if isinstance(components, list) else []
    return next((each for each in listed if at(each, "compensationType") == "Salary"), None)
