"""Duplicates among real postings that were edited as boards do: how many are found, and how many wrongly."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from functools import partial

import polars as pl

from benchmarks.quality.edits import (
    OTHER,
    SAME,
    Edit,
    in_country,
    other_team,
    place_missing,
    plain,
    unedited,
    without_text,
    worded,
)
from benchmarks.quality.labelled import identity
from benchmarks.quality.real_postings import DATA, Posting, real_postings
from market_assets.postings.duplicates import CANDIDATE, SKETCH, link_duplicates
from market_assets.postings.normalise import normalise
from market_assets.postings.places import normalise_locations
from market_assets.postings.schemas import RAW_POSTING

PARTS = ("tuning", "held out")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def links_of(postings: list[Posting]) -> list[int | None]:
    """For each posting the place of its original, None for an original; as an ingestion of all would link them."""
    raw = pl.DataFrame(postings, schema_overrides={name: pl.String() for name in RAW_POSTING}).with_columns(
        external_id=pl.int_range(pl.len()).cast(pl.String).str.zfill(8)
    )
    missing = [pl.lit(None, pl.String()).alias(name) for name in RAW_POSTING if name not in raw.columns]
    known = normalise(raw.with_columns(missing).select(RAW_POSTING.names()), source="board", observed_at=NOW)
    assert known.postings.height == len(postings)
    numbered = known.postings.with_columns(
        posting_id=pl.int_range(pl.len()), posted_at=pl.col("stated_posted_at").fill_null(NOW), in_store=True
    )
    candidates = numbered.select(pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items())
    sketches = numbered.select(SKETCH.names())
    place = {number: place for place, number in enumerate(candidates["posting_id"])}
    original = dict(
        link_duplicates(candidates, lambda _ids: sketches).select("posting_id", "duplicate_of").iter_rows()
    )
    return [place.get(original[number]) for number in candidates["posting_id"]]


def linked_pairs(postings: list[Posting], edit: Edit, seed: int, first: Edit = unedited) -> list[bool]:
    """Whether each posting and what an edit makes of it are linked; each pair has its own employer.

    Args:
        first: what becomes of the posting itself.
    """
    draw, both = random.Random(seed), list[Posting]()
    for number, posting in enumerate(postings):
        named = {**posting, "company": f"{number} {posting['company']}"}
        both += [{**first(named, draw), "board": "one"}, {**edit(named, draw), "board": "other"}]
    return [original is not None for original in links_of(both)[1::2]]


def report(name: str, found: list[bool]) -> list[bool]:
    print(f"  {name:<28} {sum(found):>5} of {len(found):>5} linked  {sum(found) / len(found):7.2%}")
    return found


def european_postings() -> list[Posting]:
    """Security postings in seven languages; their board cuts texts to 500 characters."""
    rows = json.loads((DATA / "postings" / "cyberjobs.json").read_text(encoding="utf-8"))
    names = ("title", "company", "location", "description")
    return list({row["description"]: {name: row[name] for name in names} for row in rows}.values())


def of_part(posting: Posting) -> str:
    return PARTS[int(identity(posting["description"] or ""), 16) % 2]


def measure(postings: list[Posting], part: str) -> None:
    seniors = [
        posting
        for posting in postings
        if OTHER["another rank"](posting, random.Random(1))["title"] != posting["title"]
    ]
    located = normalise_locations(pl.Series([posting["location"] for posting in postings]))["location"]
    placed = [
        posting for posting, place in zip(postings, located, strict=True) if re.search(", [A-Z]{2}$", place or "")
    ]
    texts = [plain(posting) for posting in postings]
    print(f"{part}: {len(postings)} real postings, {sum(map(len, texts)) // len(texts)} characters on average")
    print("the same job:")
    same = list[bool]()
    wordings: dict[str, Edit] = {
        f"{kind}{note}": worded(kind, words)
        for kind in ("requisition", "pay", "advertising", "careers")
        for words, note in ((part, ""), *((("later", ", later wordings"),) if part == "held out" else ()))
    }
    for seed, (name, edit) in enumerate((SAME | wordings).items()):
        same += report(name, linked_pairs(postings, edit, seed))
    same += report("place missing", linked_pairs(placed, place_missing, 1))
    same += report(
        "remote, another country", linked_pairs(postings, in_country("Spain"), 1, in_country("Germany"))
    )
    same += report("without text", linked_pairs(placed, without_text, 1, without_text))
    print("another job:")
    other = list[bool]()
    others: dict[str, Edit] = {**OTHER, "another team, same title": partial(other_team, texts=texts)}
    for seed, (name, edit) in enumerate(others.items()):
        chosen = {"another rank": seniors, "another city": placed}.get(name, postings)
        other += report(name, linked_pairs(chosen, edit, seed))
    for name in ("another city", "another role, same text", "another rank"):
        both = partial(_both, OTHER[name])
        other += report(
            f"without text, {name}",
            linked_pairs(seniors if name == "another rank" else placed, both, 1, without_text),
        )
    other += report("real postings, unedited", [original is not None for original in links_of(postings)])
    right, wrong = sum(same), sum(other)
    print(f"precision {right / (right + wrong):.4f}, recall {right / len(same):.4f}\n")


def _both(edit: Edit, posting: Posting, draw: random.Random) -> Posting:
    return without_text(edit(posting, draw), draw)


def main() -> None:
    postings = [
        posting
        for posting in real_postings() + european_postings()
        if posting["company"] and len(plain(posting)) >= 300
    ]
    for part in PARTS:
        measure([posting for posting in postings if of_part(posting) == part], part)


if __name__ == "__main__":
    main()
