"""RSS and Atom feeds of jobs, and web pages that describe jobs in JSON-LD, as schema.org's `JobPosting`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError, fromstring

from pydantic import Field, field_validator, model_validator

from market_assets.sources.boards.board import Board, Page, WebAddress, page_name
from market_assets.sources.boards.fields import Fields, at, pay, stated
from market_assets.sources.protocol import Request, SourceError, Tools

#: Elements of these namespaces are the feed's own; others (`dc:`, `media:`, a board's) only add to them.
_OWN = (
    "",
    "http://www.w3.org/2005/Atom",
    "http://purl.org/rss/1.0/",
    "http://www.sitemaps.org/schemas/sitemap/0.9",
)
_ITEMS = ("item", "entry")
_PATTERN_FIELDS = {"title", "company", "location", "salary_text"}


class Feed(Board):
    """The items of feeds, each one posting."""

    type: Literal["feed"] = "feed"
    feeds: list[WebAddress] = Field(min_length=1)
    #: How titles are put together, as a regular expression: `(?P<company>.+?): (?P<title>.+)`.
    title_pattern: str | None = None

    @field_validator("title_pattern")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        try:
            groups = set(re.compile(value).groupindex) if value else {"title"}
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from None
        if not {"title"} <= groups <= _PATTERN_FIELDS:
            raise ValueError(f"its groups are title and some of {', '.join(sorted(_PATTERN_FIELDS - {'title'}))}")
        return value

    def first_pages(self, tools: Tools) -> Iterator[Page]:  # noqa: ARG002
        for url in dict.fromkeys(self.feeds):
            yield Page(page_name(url), Request(url))

    def document(self, content: bytes) -> Any:
        root = parse_xml(content)
        if _local(root) not in ("rss", "feed", "RDF", "channel"):
            raise ValueError(f"it is XML but no feed: {_local(root)}")
        return [_record(element) for element in root.iter() if _local(element) in _ITEMS]

    def posting(self, record: dict[str, Any], file: str) -> Fields:  # noqa: ARG002
        def first(*names: str) -> str | None:
            return next((text for name in names if (text := stated(record.get(name)))), None)

        title = first("title")
        parts = re.fullmatch(self.title_pattern, title) if self.title_pattern and title else None
        return {
            "external_id": first("guid", "id"),
            "title": title,
            "company": first("company", "company_name", "employer", "organization"),
            "location": first("location", "job_location", "region", "city", "country"),
            "description": first("encoded", "content", "description", "summary"),
            "url": first("link"),
            "salary_text": first("salary", "compensation"),
            "posted_at": first("pubDate", "published", "date", "updated"),
            "employment_type": first("job_type", "employment_type", "jobtype", "type"),
            "industry": first("industry", "category"),
            **({name: text for name, text in parts.groupdict().items() if text} if parts else {}),
        }


def parse_xml(content: bytes) -> Element:
    """Parse a document, refusing those that declare entities: they can unpack to gigabytes.

    Raises:
        ValueError: it is not XML or declares entities.
    """
    # Without the zeros also UTF-16 is searched.
    if b"<!ENTITY" in content.replace(b"\0", b""):
        raise ValueError("it declares entities, which no feed needs")
    try:
        return fromstring(content.lstrip())
    except ParseError as error:
        raise ValueError(f"it is not XML: {error}") from None


def links(content: bytes) -> list[str]:
    """The addresses that a feed or sitemap lists, each once; errors as in `parse_xml`."""
    root = parse_xml(content)
    found = [stated(_record(element).get("link")) for element in root.iter() if _local(element) in _ITEMS]
    found += [(element.text or "").strip() for element in root.iter() if _local(element) == "loc"]
    return list(dict.fromkeys(link for link in found if link))


def _record(item: Element) -> dict[str, Any]:
    """The texts of an item under the local names of its elements; the feed's own elements come first."""
    record: dict[str, Any] = {}
    for own in (True, False):
        taken = set(record)
        for element in item:
            name = _local(element)
            if (_namespace(element) in _OWN) is own and name not in taken and (text := _text(element)):
                record[name] = [*record[name], text] if name in record else [text]
    return {name: texts[0] if name != "category" or len(texts) == 1 else texts for name, texts in record.items()}


def _text(element: Element) -> str | None:
    """The text of an element; of Atom's links and categories it is in an attribute."""
    if _local(element) == "link" and "href" in element.attrib:
        return element.attrib["href"].strip() if element.get("rel", "alternate") == "alternate" else None
    if _local(element) == "category" and "term" in element.attrib:
        return element.get("label") or element.attrib["term"]
    if len(element) and _local(element) in ("author", "contributor"):
        return next(("".join(part.itertext()).strip() for part in element if _local(part) == "name"), None)
    return "".join(element.itertext()).strip()


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _namespace(element: Element) -> str:
    return element.tag.rpartition("}")[0]


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
