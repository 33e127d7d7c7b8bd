"""Duplicates among real postings that were edited as boards do: how many are found, and how many wrongly."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import partial

import polars as pl

from benchmarks.quality.edits import OTHER, SAME, Edit, other_team, plain
from benchmarks.quality.real_postings import Posting, real_postings
from market_assets.postings.duplicates import CANDIDATE, link_duplicates
from market_assets.postings.normalise import normalise
from market_assets.postings.schemas import RAW_POSTING

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def links_of(postings: list[Posting]) -> list[int | None]:
    """For each posting the place of its original, None for an original; as an ingestion of all would link them."""
    raw = pl.DataFrame(postings, schema_overrides={name: pl.String() for name in RAW_POSTING}).with_columns(
        external_id=pl.int_range(pl.len()).cast(pl.String).str.zfill(8)
    )
    missing = [pl.lit(None, pl.String()).alias(name) for name in RAW_POSTING if name not in raw.columns]
    known = normalise(raw.with_columns(missing).select(RAW_POSTING.names()), source="board", observed_at=NOW)
    assert known.postings.height == len(postings)
    candidates = known.postings.with_columns(posted_at=NOW, in_store=True).select(
        pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items()
    )
    place = {number: place for place, number in enumerate(candidates["posting_id"])}
    original = dict(link_duplicates(candidates).select("posting_id", "duplicate_of").iter_rows())
    return [place.get(original[number]) for number in candidates["posting_id"]]


def linked_pairs(postings: list[Posting], edit: Edit, seed: int) -> list[bool]:
    """Whether each posting and what an edit makes of it are linked; each pair has its own employer."""
    draw, both = random.Random(seed), list[Posting]()
    for number, posting in enumerate(postings):
        for each in (posting, edit(posting, draw)):
            both.append({**each, "company": f"{number} {each['company']}"})
    return [original is not None for original in links_of(both)[1::2]]


def report(name: str, found: list[bool]) -> None:
    print(f"  {name:<28} {sum(found):>5} of {len(found):>5} linked  {sum(found) / len(found):7.2%}")


def main() -> None:
    postings = [posting for posting in real_postings() if posting["company"] and len(plain(posting)) >= 300]
    seniors = [
        posting
        for posting in postings
        if " Junior" in f" {OTHER['another rank'](posting, random.Random(1))['title']}"
    ]
    texts = [plain(posting) for posting in postings]
    print(f"{len(postings)} real postings, {sum(map(len, texts)) // len(texts)} characters on average")
    print("the same job:")
    same = list[bool]()
    for seed, (name, edit) in enumerate(SAME.items()):
        found = linked_pairs(postings, edit, seed)
        report(name, found)
        same += found
    print("another job:")
    other = list[bool]()
    others: dict[str, Edit] = {**OTHER, "another team, same title": partial(other_team, texts=texts)}
    for seed, (name, edit) in enumerate(others.items()):
        found = linked_pairs(seniors if name == "another rank" else postings, edit, seed)
        report(name, found)
        other += found
    unedited = [original is not None for original in links_of(postings)]
    report("real postings, unedited", unedited)
    right, wrong = sum(same), sum(other) + sum(unedited)
    print(f"precision {right / (right + wrong):.4f}, recall {right / len(same):.4f}")


if __name__ == "__main__":
    main()
