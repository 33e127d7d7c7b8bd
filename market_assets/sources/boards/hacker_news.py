"""Hacker News: the monthly "Ask HN: Who is hiring?" threads, whose comments begin with a line about the job."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from market_assets.sources.boards.board import Board, NoPostingError, Page, WebAddress
from market_assets.sources.boards.fields import Fields, record_list, stated
from market_assets.sources.protocol import Request, SourceError, Tools

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
