"""Web pages that describe their jobs in JSON-LD, as schema.org's `JobPosting`; also those that a feed lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from market_assets.sources.boards.board import Board, Page, WebAddress, page_name
from market_assets.sources.boards.feeds import links
from market_assets.sources.boards.fields import Fields, at, pay, stated
from market_assets.sources.protocol import Request, SourceError, Tools


class JsonLd(Board):
    """The postings of some pages, and of the pages that feeds (RSS, Atom, sitemaps) list."""

    type: Literal["jsonld"] = "jsonld"
    pages: list[WebAddress] = Field(default_factory=list)
    feeds: list[WebAddress] = Field(default_factory=list)
    #: How many pages of a feed are read at most.
    pages_per_feed: int = Field(default=100, ge=1, le=10_000)

    @model_validator(mode="after")
    def _has_some(self) -> JsonLd:
        if not (self.pages or self.feeds):
            raise ValueError("it needs `pages` or `feeds`")
        return self

    def first_pages(self, tools: Tools) -> Iterator[Page]:
        addresses = list(self.pages)
        for feed in self.feeds:
            addresses += self._pages_of(feed, tools)
        for url in dict.fromkeys(addresses):
            yield Page(page_name(url), Request(url))

    def _pages_of(self, feed: str, tools: Tools) -> list[str]:
        request = Request(feed)
        try:
            listed = links(tools.get(request))
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{request.shown}: {error}", permanent=False) from None
        # A feed is untrusted: its links to other hosts are ignored.
        host = urlsplit(feed).netloc.lower()
        own = (f"https://{host}/", f"http://{host}/")
        return [url for url in listed if url.lower().startswith(own)][: self.pages_per_feed]

    def document(self, content: bytes) -> Any:
        """The `JobPosting` objects of a page of HTML, or of JSON alone."""
        if content.lstrip()[:1] in (b"{", b"["):
            return list(_postings_in(json.loads(content)))
        return _postings_of_html(content)

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        url = stated(record.get("url")) or stated(at(record, "mainEntityOfPage", "@id"))
        identifier = record.get("identifier")
        remote = "TELECOMMUTE" in (stated(record.get("jobLocationType")) or "").upper()
        places = [_place(each) for each in _as_list(record.get("jobLocation"))]
        allowed = [_name(each) for each in _as_list(record.get("applicantLocationRequirements"))]
        return {
            # An identifier is only known to be unique at its employer; the address is unique everywhere.
            "external_id": None if url else stated(at(identifier, "value")) or stated(identifier),
            "title": stated(record.get("title")) or stated(record.get("name")),
            "company": _name(record.get("hiringOrganization")),
            "location": stated(places) or stated(allowed),
            "description": stated(record.get("description")),
            "url": url,
            **_salary(record),
            "posted_at": stated(record.get("datePosted")),
            "employment_type": stated(record.get("employmentType")),
            "industry": stated([_name(each) for each in _as_list(record.get("industry"))]),
            "workplace": "remote" if remote else None,
        }


def _postings_of_html(content: bytes) -> list[dict[str, Any]]:
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(content.decode("utf-8", "replace"))
    found: list[dict[str, Any]] = []
    broken: ValueError | None = None
    for script in page.css('script[type="application/ld+json"]'):
        text = script.text().strip().removeprefix("<!--").removesuffix("-->")
        try:
            # Line breaks inside of texts are a common mistake.
            found += _postings_in(json.loads(text, strict=False))
        except ValueError as error:
            broken = error if "JobPosting" in text else broken
    if broken is not None and not found:
        raise ValueError(f"its JSON-LD can't be read: {broken}")
    link = page.css_first('link[rel="canonical"]')
    address = link.attributes.get("href") if link else None
    if len(found) == 1 and address and not found[0].get("url"):
        found[0] = {**found[0], "url": address}
    return found


def _postings_in(value: Any) -> Iterator[dict[str, Any]]:
    """The postings anywhere in lists, `@graph` and the other properties of a value."""
    if isinstance(value, list):
        for item in value:
            yield from _postings_in(item)
    elif isinstance(value, dict):
        types = [str(each).rpartition("/")[2] for each in _as_list(value.get("@type"))]
        if "JobPosting" in types:
            yield value
        else:
            for item in value.values():
                yield from _postings_in(item)


def _salary(record: dict[str, Any]) -> dict[str, str | None]:
    base = next(iter(_as_list(record.get("baseSalary"))), None)
    if not isinstance(base, dict):
        return {"salary_text": stated(base), "salary_currency": stated(record.get("salaryCurrency"))}
    value = next(iter(_as_list(base.get("value"))), None)
    amount = value if isinstance(value, dict) else base
    single = amount.get("value") if isinstance(value, dict) else value
    return {
        "salary_min": pay(amount.get("minValue")) or pay(single),
        "salary_max": pay(amount.get("maxValue")) or pay(single),
        "salary_currency": stated(base.get("currency")) or stated(record.get("salaryCurrency")),
        "salary_period": stated(amount.get("unitText")) or stated(base.get("unitText")),
    }


def _place(place: Any) -> str | None:
    """The address of a place in one line, from the town to the country."""
    address = next(iter(_as_list(at(place, "address") or place)), None)
    if not isinstance(address, dict):
        return stated(address)
    parts = [_name(address.get(key)) for key in ("addressLocality", "addressRegion", "addressCountry")]
    return ", ".join(part for part in parts if part) or stated(address.get("name"))


def _name(value: Any) -> str | None:
    return stated(at(value, "name")) or stated(value)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
