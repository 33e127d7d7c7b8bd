"""Pay in fragments of real postings: how many are read as a person labelled them, where most state none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from benchmarks.quality.fields import labels, name_of, stated
from benchmarks.quality.real_postings import DATA, real_postings
from market_assets.postings.salaries.parse import parse_salary_texts
from market_assets.postings.texts import plain_columns

WANTED = 0.97

#: Amounts of money, and figures near a word for pay.
_AMOUNT = (
    r"(?:[$€£]|\b(?:USD|EUR|GBP|CHF|PLN|zł|euro)\b)\s?\d|\d\s?(?:[$€£]|k\b|K\b|(?:USD|EUR|GBP|CHF|PLN|zł|Euro|euro)\b)"
    r"|\b(?:[Ss]alary|[Pp]ay|[Gg]ehalt|[Vv]ergütung|[Bb]udget)\b[^.\n]{0,40}\d"
)
_MONEY = re.compile(_AMOUNT)
#: Large figures besides, as of employees.
_FIGURE = re.compile(rf"{_AMOUNT}|\d\s?(?:PLN|zł|Stunden|brutto|bruto)\b|\b\d{{1,3}}\.\d{{3}}\b")
_SENTENCES = re.compile(r"\n|(?<=[.!?])\s+(?=[A-ZÄÖÜ])|\s[•·|]\s")
_LONGEST = 160


def fragments() -> set[str]:
    """The short sentences with an amount of all postings with a text, and what is around other figures."""
    cyber = json.loads((DATA / "postings" / "cyberjobs.json").read_text(encoding="utf-8"))
    texts = [posting["description"] or "" for posting in (*real_postings(), *cyber)]
    plain = plain_columns(pl.DataFrame({"text": texts}))["text"].to_list()
    sentences = {" ".join(each.split()) for text in plain for each in _SENTENCES.split(text)}
    short = {each for each in sentences if 6 <= len(each) <= _LONGEST and _MONEY.search(each)}
    around = {each for text in plain for each in _around_figures(text)}
    return short | {each for each in around if not any(each in other or other in each for other in short)}


def _around_figures(text: str) -> Iterator[str]:
    end = -1
    for figure in _FIGURE.finditer(text):
        if figure.start() < end:
            continue
        start = max(text.rfind("\n", 0, figure.start()) + 1, figure.start() - 60)
        line_end = text.find("\n", figure.end())
        end = min(len(text) if line_end < 0 else line_end, figure.end() + 60)
        if start > 0 and text[start - 1] != "\n":
            start = text.find(" ", start) + 1
        if end < len(text) and text[end] != "\n":
            end = text.rfind(" ", 0, end)
        if words := " ".join(text[start:end].split()):
            yield words


Row = tuple[str, dict[str, Any], dict[str, str]]


def read() -> list[Row]:
    """The labelled fragments, the pay that each is read as, and its label."""
    known = labels("pay_strings.csv")
    texts = sorted(text for text in fragments() if name_of(text) in known)
    assert len(texts) == len(known)
    pay = parse_salary_texts(pl.Series(texts)).to_dicts()
    return [(text, found, known[name_of(text)]) for text, found in zip(texts, pay, strict=True)]


def main() -> None:
    rows = read()
    for part in ("tuning", "held out"):
        of_part = [row for row in rows if row[2]["set"] == part]
        wrong = [row for row in of_part if stated(row[1]) != stated(row[2])]
        found = [label for _, pay, label in of_part if pay["minimum"] is not None or pay["maximum"] is not None]
        states = [label for _, _, label in of_part if label["minimum"] or label["maximum"]]
        right = len(of_part) - len(wrong)
        print(f"{part}: {right} of {len(of_part)} right  {right / len(of_part):.1%}, ", end="")
        print(f"at least {WANTED:.0%} wanted; {len(states)} state pay, {len(found)} were found to")
        for text, pay, label in wrong:
            print(f"  {text!r}: {stated(pay)}, not {stated(label)}")


if __name__ == "__main__":
    main()
