"""Pay that only descriptions state: precision and recall on real postings, beside labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl

from benchmarks.quality.fields import labels, stated
from benchmarks.quality.labelled import identity
from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.postings.normalise import normalise
from market_assets.postings.salaries.readings import PERIODS_PER_YEAR, read_pay
from market_assets.postings.schemas import RAW_POSTING

PRECISION_WANTED, RECALL_WANTED = 0.95, 0.8
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def postings_without_pay() -> pl.DataFrame:
    """Real postings, normalised as if their fields stated no pay; each text once."""
    records = [
        {name: record[name] for name in ("title", "company", "location", "description")}
        for record in (*real_postings(), *json.loads((DATA / "postings" / "cyberjobs.json").read_text("utf-8")))
    ]
    raw = pl.DataFrame(records, schema_overrides=dict.fromkeys(RAW_POSTING, pl.String()))
    missing = [pl.lit(None, pl.String).alias(name) for name in RAW_POSTING if name not in raw.columns]
    found = normalise(raw.with_columns(missing), source="benchmark", observed_at=NOW).postings
    names = pl.Series("posting", [identity(text or "") for text in found["description"]])
    return found.with_columns(names).unique("posting", maintain_order=True)


def main() -> None:
    known = {name: row for name, row in labels("pay_in_texts.csv").items() if row["states_pay"] != "unclear"}
    postings = postings_without_pay().filter(pl.col("posting").is_in(list(known)))
    assert postings.height == len(known)
    right = found = wanted = 0
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
            print(f"  {posting['posting']} {posting['title']!r}: {stated_of(posting)}, not {of_label}")
    print(f"{len(known)} postings, of which {wanted} state pay")
    print(f"precision  {right} of {found}  {right / found:.1%}, at least {PRECISION_WANTED:.0%} wanted")
    print(f"recall     {right} of {wanted}  {right / wanted:.1%}, at least {RECALL_WANTED:.0%} wanted")


def stated_of(posting: dict[str, object]) -> tuple[object, ...]:
    return tuple(posting[f"salary_{name}"] for name in ("currency", "min", "max", "period"))


if __name__ == "__main__":
    main()
