"""RSS and Atom feeds of jobs, and the XML that they and sitemaps are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal
from xml.etree.ElementTree import Element, ParseError, fromstring

from pydantic import Field, field_validator

from market_assets.sources.boards.board import Board, Page, WebAddress, page_name
from market_assets.sources.boards.fields import Fields, stated
from market_assets.sources.protocol import Request, Tools

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
