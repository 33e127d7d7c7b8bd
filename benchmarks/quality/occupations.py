"""Occupations of real titles: how many are known, and how many of these are as a person labelled them."""

from __future__ import annotations

import polars as pl

from benchmarks.quality.fields import labels, name_of, titles
from market_assets.postings.occupations import occupations

PRECISION_WANTED, COVERAGE_WANTED = 0.92, 0.80


Row = tuple[str, str | None, dict[str, str]]


def read() -> list[Row]:
    """The labelled titles, the occupation that each is read as, and its label."""
    known = labels("occupations.csv")
    every = titles()
    labelled = every.filter(pl.Series([name_of(title) in known for title in every]))
    assert len(labelled) == len(known)
    found = occupations(labelled, pl.Series([None] * len(labelled), dtype=pl.String))
    return [(title, name, known[name_of(title)]) for title, name in zip(labelled, found, strict=True)]


def shares(rows: list[Row]) -> tuple[float, float]:
    """Precision and coverage."""
    named = [(name, label["occupations"].split("|")) for _, name, label in rows if name is not None]
    return sum(name in right for name, right in named) / len(named), len(named) / len(rows)


def main() -> None:
    rows = read()
    for part in ("tuning", "held out", "blind", "later"):
        for english in ("yes", "no"):
            report(f"{part}, {'' if english == 'yes' else 'not '}English", rows, {"set": part, "english": english})
        report(f"{part}, all", rows, {"set": part})
    print(f"precision of at least {PRECISION_WANTED:.0%} at a coverage of at least {COVERAGE_WANTED:.0%} wanted")


def report(name: str, rows: list[Row], of: dict[str, str]) -> None:
    chosen = [row for row in rows if of.items() <= row[2].items()]
    precision, coverage = shares(chosen)
    wrong = [row for row in chosen if row[1] is not None and row[1] not in row[2]["occupations"].split("|")]
    print(f"{name:24} {len(chosen):4} titles  precision {precision:.1%}  coverage {coverage:.1%}")
    if "english" in of:
        for title, occupation, label in wrong:
            print(f"  {title!r}: {occupation}, not {label['occupations'] or None}")


if __name__ == "__main__":
    main()
