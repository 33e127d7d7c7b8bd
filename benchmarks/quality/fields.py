"""Salaries, countries and seniority of real postings: the share that is read as a person labelled it."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.postings.places import normalise_locations
from market_assets.postings.salaries.parse import parse_salary_texts
from market_assets.postings.seniority import seniorities_of_titles

LABELS = Path(__file__).parent / "labels"
#: The required share of right answers.
SALARIES_WANTED, COUNTRIES_WANTED, SENIORITIES_WANTED = 0.99, 0.97, 0.97
HARD_PAY_WANTED = 0.97
PLACES_WANTED = {"location": 0.95, "country": 0.98, "workplace": 0.95}


def labels(name: str) -> dict[str, dict[str, str]]:
    """The labels of a file, by the name that `name_of` gives a text."""
    with (LABELS / name).open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        key = (rows.fieldnames or [""])[0]
        return {row[key]: row for row in rows}


def name_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stated(pay: Mapping[str, object]) -> tuple[object, ...]:
    """Currency, minimum, maximum and period, whether from the labels or as they were read."""
    figures = [pay[name] for name in ("minimum", "maximum")]
    amounts = [None if figure in (None, "") else float(str(figure)) for figure in figures]
    return pay["currency"] or None, *amounts, pay["period"] or None


def salaries() -> None:
    known = labels("salaries.csv")
    texts = pl.read_csv(DATA / "postings" / "salary_strings.csv")["raw"].unique(maintain_order=True)
    read = list(zip(texts, parse_salary_texts(texts).iter_rows(named=True), strict=True))
    judged = [(text, pay) for text, pay in read if known[name_of(text)]["is_salary"] != "unclear"]
    wrong = [(text, pay) for text, pay in judged if stated(pay) != stated(known[name_of(text)])]
    print(
        f"salaries   {len(judged) - len(wrong)} of {len(judged)} right  {1 - len(wrong) / len(judged):.2%}, ",
        end="",
    )
    print(f"at least {SALARIES_WANTED:.0%} wanted; {len(read) - len(judged)} unclear ones left out")
    for text, pay in wrong:
        print(f"  {text!r}: {pay}")


def hard_pay() -> None:
    known = labels("hard_pay.csv")
    read = dict(zip(known, parse_salary_texts(pl.Series(list(known))).iter_rows(named=True), strict=True))
    for part in ("tuning", "held out", "later"):
        chosen = [text for text, row in known.items() if row["set"] == part]
        wrong = [text for text in chosen if stated(read[text]) != stated(known[text])]
        right = len(chosen) - len(wrong)
        print(f"hard pay   {right} of {len(chosen)} {part} right  {right / len(chosen):.2%}, ", end="")
        print(f"at least {HARD_PAY_WANTED:.0%} wanted")
        for text in wrong:
            print(f"  {text!r}: {read[text]}")


def countries() -> None:
    known = labels("locations.csv")
    texts = pl.read_parquet(DATA / "postings" / "ats_jobs_2026.parquet")["location_raw"].drop_nulls()
    texts = texts.unique(maintain_order=True)
    labelled = texts.filter(pl.Series([name_of(text) in known for text in texts]))
    assert len(labelled) == len(known)
    countries_found = normalise_locations(labelled)["country"]
    wrong = [
        (text, country, known[name_of(text)]["country"] or None)
        for text, country in zip(labelled, countries_found, strict=True)
        if country != (known[name_of(text)]["country"] or None)
    ]
    print(
        f"countries  {len(known) - len(wrong)} of {len(known)} right  {1 - len(wrong) / len(known):.2%}, ", end=""
    )
    print(f"at least {COUNTRIES_WANTED:.0%} wanted")
    for text, country, wanted in wrong:
        print(f"  {text!r}: {country}, not {wanted}")


def stated_locations() -> list[tuple[str, str]]:
    """Each stated location of the files of postings, and a title that goes with it."""
    folder = DATA / "postings"
    boards = pl.read_parquet(folder / "ats_jobs_2026.parquet").select("location_raw", "title").rows()
    cyber = json.loads((folder / "cyberjobs.json").read_text(encoding="utf-8"))
    listings = json.loads((folder / "listings.json").read_text(encoding="utf-8"))
    stated = [
        *((place, title) for place, title in boards if place),
        *((row["location"], row["title"]) for row in cyber),
        *(("; ".join(row["locations"]), row["title"]) for row in listings),
        *((posting["location"], posting["title"] or "") for posting in real_postings() if posting["location"]),
    ]
    return list(dict(stated).items())


Place = tuple[str, tuple[str | None, ...], dict[str, str]]


def read_places() -> list[Place]:
    """The labelled locations, what each is read as (`places.LOCATION`), and its label."""
    known = labels("places.csv")
    stated = {name_of(text): text for text, _ in stated_locations()}
    read = dict(zip(stated, normalise_locations(pl.Series(stated.values(), dtype=pl.String)).rows(), strict=True))
    return [(stated[name], read[name], row) for name, row in known.items()]


def places() -> None:
    rows = read_places()
    for part in ("tuning", "held out", "later"):
        chosen = [row for row in rows if row[2]["set"] == part]
        for place, column in enumerate(("location", "country", "workplace")):
            wrong = [
                (text, found[place], row[column])
                for text, found, row in chosen
                if (found[place] or "") != row[column]
            ]
            right = len(chosen) - len(wrong)
            print(f"{column:<10} {right} of {len(chosen)} {part} right  {right / len(chosen):.2%}, ", end="")
            print(f"at least {PLACES_WANTED[column]:.0%} wanted")
            for text, found, wanted in wrong:
                print(f"  {text!r}: {found}, not {wanted or None}")


def titles() -> pl.Series:
    """The different titles of all files of postings."""
    folder = DATA / "postings"
    csv.field_size_limit(10**8)
    with (folder / "glassdoor.csv").open(encoding="utf-8", newline="") as lines:
        stated = [row["Job Title"] for row in csv.DictReader(lines)]
    for name in ("cyberjobs.json", "listings.json"):
        stated += [row["title"] for row in json.loads((folder / name).read_text(encoding="utf-8"))]
    stated += pl.read_parquet(folder / "ats_jobs_2026.parquet")["title"].drop_nulls().to_list()
    return pl.Series(list(dict.fromkeys(stated)))


def seniorities() -> None:
    known = labels("seniorities.csv")
    every = titles()
    labelled = every.filter(pl.Series([name_of(title) in known for title in every]))
    assert len(labelled) == len(known)
    read = list(zip(labelled, seniorities_of_titles(labelled), strict=True))
    for part in ("tuning", "held out"):
        chosen = [(title, level) for title, level in read if known[name_of(title)]["set"] == part]
        wrong = [(title, level) for title, level in chosen if known[name_of(title)]["seniority"] != (level or "")]
        right = len(chosen) - len(wrong)
        print(f"seniority  {right} of {len(chosen)} {part} right  {right / len(chosen):.2%}, ", end="")
        print(f"at least {SENIORITIES_WANTED:.0%} wanted")
        for title, level in wrong:
            print(f"  {title!r}: {level}, not {known[name_of(title)]['seniority'] or None}")


def main() -> None:
    salaries()
    hard_pay()
    countries()
    places()
    seniorities()


if __name__ == "__main__":
    main()
