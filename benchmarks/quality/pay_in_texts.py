"""Pay that only descriptions state: precision and recall on real postings, beside labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from benchmarks.quality.fields import labels, stated
from benchmarks.quality.labelled import identity
from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.postings.normalise import normalise
from market_assets.postings.salaries.readings import PERIODS_PER_YEAR, read_pay
from market_assets.postings.schemas import RAW_POSTING

PRECISION_WANTED, RECALL_WANTED = 0.95, 0.8
NOW = datetime(2026, 11, 1, tzinfo=UTC)

#: Further postings with money in their texts: a list of objects with title, company, location, description.
FURTHER_POSTINGS = DATA / "postings" / "described_pay.json"


@dataclass(frozen=True)
class Measure:
    """How many of some labelled postings state pay, in how many pay was found, and in how many rightly.

    `errors`: one line for each posting that was read wrongly.
    """

    postings: int
    stating: int
    found: int
    right: int
    errors: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.stating


def measure() -> dict[str, Measure]:
    """Each set of labelled postings → how its pay is read; without the sets whose postings are not there."""
    known = {name: row for name, row in labels("pay_in_texts.csv").items() if row["states_pay"] != "unclear"}
    postings = postings_without_pay().filter(pl.col("posting").is_in(list(known)))
    names = pl.Series("set", [known[posting]["set"] for posting in postings["posting"]], pl.String())
    return {
        str(name): _measured(of_set, known)
        for (name,), of_set in postings.with_columns(names).partition_by("set", as_dict=True).items()
    }


def postings_without_pay() -> pl.DataFrame:
    """Real postings, normalised as if their fields stated no pay; each text once."""
    records = [
        {name: record[name] for name in ("title", "company", "location", "description")} for record in _postings()
    ]
    raw = pl.DataFrame(records, schema_overrides=dict.fromkeys(RAW_POSTING, pl.String()))
    missing = [pl.lit(None, pl.String).alias(name) for name in RAW_POSTING if name not in raw.columns]
    found = normalise(raw.with_columns(missing), source="benchmark", observed_at=NOW).postings
    names = pl.Series("posting", [identity(text or "") for text in found["description"]])
    return found.with_columns(names).unique("posting", maintain_order=True)


def _postings() -> Iterator[Any]:
    yield from real_postings()
    yield from json.loads((DATA / "postings" / "cyberjobs.json").read_text("utf-8"))
    if FURTHER_POSTINGS.exists():
        yield from json.loads(FURTHER_POSTINGS.read_text("utf-8"))


def _measured(postings: pl.DataFrame, known: dict[str, dict[str, str]]) -> Measure:
    right = found = wanted = 0
    errors = []
    for posting, pay in zip(postings.iter_rows(named=True), read_pay(postings).iter_rows(named=True), strict=True):
        label = known[posting["posting"]]
        of_label = stated(label)
        per_year = PERIODS_PER_YEAR.get(label["period"], 0)
        amounts = tuple(
            None if label[end] == "" else float(label[end]) * per_year for end in ("minimum", "maximum")
        )
        is_found = posting["pay_quality"] is not None
        is_right = is_found and (pay["currency"], pay["minimum"], pay["maximum"]) == (of_label[0], *amounts)
        found, wanted, right = found + is_found, wanted + (label["states_pay"] == "yes"), right + is_right
        if not is_right and (is_found or label["states_pay"] == "yes"):
            errors.append(f"{posting['posting']} {posting['title']!r}: {_stated(posting)}, not {of_label}")
    return Measure(postings.height, wanted, found, right, tuple(errors))


def _stated(posting: dict[str, object]) -> tuple[object, ...]:
    return tuple(posting[f"salary_{name}"] for name in ("currency", "min", "max", "period"))


def main() -> None:
    for name, measured in measure().items():
        print(f"{name}: {measured.postings} postings, of which {measured.stating} state pay")
        for error in measured.errors:
            print(f"  {error}")
        print(f"precision  {measured.right} of {measured.found}  {measured.precision:.1%}, ", end="")
        print(f"at least {PRECISION_WANTED:.0%} wanted")
        print(f"recall     {measured.right} of {measured.stating}  {measured.recall:.1%}, ", end="")
        print(f"at least {RECALL_WANTED:.0%} wanted")


if __name__ == "__main__":
    main()
