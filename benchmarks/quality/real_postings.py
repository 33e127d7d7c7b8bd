"""Real postings beside the checkout, with the fields that distinguish jobs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

#: Field → what boards call it, the first that is there.
_NAMES = {
    "title": ("title", "text", "position", "jobTitle"),
    "company": ("company_name", "companySlug", "companyName", "company"),
    "location": ("location", "candidate_required_location", "jobGeo", "locationRestrictions", "categories"),
    "description": ("descriptionHtml", "description", "content", "jobDescription"),
}

Posting = dict[str, str | None]


def real_postings() -> list[Posting]:
    """title, company, location, description of every recorded posting, each text once."""
    postings = [*_table(DATA / "postings" / "glassdoor.csv")]
    for path in sorted((DATA / "payloads").glob("*.json")):
        postings += _recording(path)
    # Letters alone, since some were recorded twice, with and without their paragraphs.
    once = {"".join(filter(str.isalnum, posting["description"] or "")): posting for posting in postings}
    return list(once.values())


def _table(path: Path) -> Iterator[Posting]:
    csv.field_size_limit(10**8)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {
                "title": row["Job Title"],
                "company": row["Company Name"].split("\n")[0],
                "location": row["Location"],
                "description": row["Job Description"],
            }


def _recording(path: Path) -> Iterator[Posting]:
    answer: Any = json.loads(path.read_text(encoding="utf-8"))
    while isinstance(answer, dict):
        answer = next(value for value in answer.values() if isinstance(value, list))
    for record in answer:
        stated = {
            field: next((record[name] for name in names if name in record), None)
            for field, names in _NAMES.items()
        }
        if stated["title"] and stated["description"]:
            place = stated["location"]
            while isinstance(place, dict | list) and place:
                place = place[0] if isinstance(place, list) else place.get("location", place.get("name"))
            yield {**stated, "location": place or None, "company": stated["company"] or path.stem.split("_")[0]}
