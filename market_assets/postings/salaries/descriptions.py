"""Finds the pay that only a description states, among all the amounts of money in it.

Each amount is scored by what it is called in the words before it (the nearest counts), by its period and by its
form; the best that is believed in its country, currency and period is the pay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from market_assets.postings.salaries.bounds import wages
from market_assets.postings.salaries.figures import find_pay, stated_currency
from market_assets.postings.salaries.readings import BELIEVED_AS_STATED, read_pay

WORDS_FILE = Path(__file__).with_name("description_words.yaml")

#: The columns of stated pay.
PAY = ("salary_min", "salary_max", "salary_currency", "salary_period")

_WORDS: dict[str, Any] = yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)


_PAY, _OFFERS, _NOT_PAY = (_any_of(_WORDS[name]) for name in ("pay", "offers", "not_pay"))
_PERIODS = {period: _any_of(patterns) for period, patterns in _WORDS["periods"].items()}

_CODES = "USD|EUR|GBP|CHF|PLN|SEK|NOK|DKK|CZK|HUF|RON|CAD|AUD|NZD|SGD|INR|JPY|BRL|ZAR|ILS|TRY"

#: Texts without any of these state no pay, and are not searched further: money, or a large figure after one of the
#: most frequent words for pay. Each is searched for alone, as the regex engine is ten times slower on all of them.
_SIGNS_OF_PAY = (
    r"[$€£₹] ?[0-9]",
    rf"(?:{_CODES}|\bkr\.?) ?[0-9]",
    rf"[0-9] ?(?:,?- ?|[kK] ?)?(?:[€£₹]|zł|kr\b|[Ee]uro|Kč|LPA|[Ll]akh|{_CODES})",
    r"(?:alary|ompensation|[Pp]ay|[Rr]ange|ehalt|ergütung|alaris|alaire|mération|grodzenie|alario|pendio|buzione"
    r"|[Ll]ön)[^0-9\n]{0,40}\n{0,3}[0-9]{2,3}(?:[.,' ]?[0-9]{3}| ?- ?[0-9]{2,3}[kK]|[kK])",
)

_NUMBER = r"(?:\d{1,3}(?:[.,'’ ]\d{3})+|\d+)(?:[.,]\d{1,2}(?!\d))?(?:,[-–—]+|\.[-–—])?"
_SCALE = r"(?:\s?(?:[kK]|Tsd|tys|LPA|lakhs?|thousand)\b\.?)?"
_MARK = rf"(?:(?:US|C|CA|A|AU|NZ|S|R|HK)?\$|[€£₹]|zł|(?:{_CODES}|[Ee]uros?|kr|Kč|Ft|lei|złotych|dollars)\b)"


def _figure(side: str) -> str:
    return rf"(?P<mark{side}>{_MARK}\s?)?{_NUMBER}{_SCALE}(?P<sign{side}>\s?{_MARK})?"


_AMOUNT = re.compile(
    rf"(?<![\w.,/#-]){_figure('1')}"
    rf"(?P<range>\s?(?:[-–—−~]{{1,2}}|/|to|and|bis|und|tot|en|do|a|à|et|al?|till|til|og|och|y|e|up\sto|max\.?)\s?"
    rf"(?:up\sto\s)?{_figure('2')})?"
)
_LEAD = re.compile(
    r"(?:up\sto|from|starting\s(?:at|from)|at\sleast|bis(?:\szu)?|ab|od|do|vanaf|tot|jusqu'à|à\spartir\sde|desde|hasta|"
    r"från|fra|upp\still|op\stil|min(?:imum|imaal)?\.?|max(?:imum|imaal)?\.?)\s*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[!?;]\s|(?<=[\w)\]%])\.\s+(?=[A-ZÄÖÜÉÀŁŚŻ•*-])|\s[•·|]\s")
#: A word about something else directly after an amount: "$5,000 sign-on bonus"; not "$90,000 plus bonus".
_JOINED = re.compile(r"[+&,.;:()/|]|\b(?:plus|and|with|und|en|et|or|mit|avec|gross|brutt?o|bruts?)\b")
_PERIOD_PHRASE = re.compile(r"^\s*(?:/|\b(?:per|an?|pro|par|im|je|al|por|pr)\b)\s?[\w.]+")
#: What may follow a figure without a currency for it to be pay: not the name of what it counts.
_BARE_ENDS = re.compile(
    r"\s*(?:$|[.,;:()/|+•-]|(?:per|pro|p\.?\s?a|an?|annual\w*|yearly|gross|brutt?o|bruts?|netto|plus|and|based|depending|doe)\b)",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"(?:^|[\n|•·,(:*–-]\s*)$")
_PERIOD_FOLLOWS = re.compile(
    r"[\w\s,.()-]{0,25}?(?:/\s?[a-zA-Z]|\b(?:per|pro|par|por|al|im|je|an?|pr|na)\s[a-zA-Z]|\w+ly\b|p\.?\s?a\b|pa\b|jährlich"
    r"|monatlich|br?uto|brutto|bruts?)",
    re.IGNORECASE,
)

#: Characters of the longest heading that an amount in the next line can belong to.
_HEADING = 60

#: Characters before an amount in which its name is looked for.
_REACH = 110
_REACH_AFTER = 45

#: Amounts in descriptions are pay from this share of the minimum wage (training) up to this many top wages.
_LEAST, _MOST = 0.4, 10

#: What a name, and a period beside the amount, count; and what the best amount must score.
_NAMED, _WITH_PERIOD, _ENOUGH = 3.0, 2.0, 3.0

_CANDIDATE = pl.Schema(
    {
        "row": pl.UInt32(),
        "score": pl.Float64(),
        "text": pl.String(),
        "named_period": pl.String(),
        "place": pl.Int64(),
    }
)


def completed_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay of postings, from the description where nothing else states an amount.

    Args:
        postings: the columns `PAY` (schema `parse.PAY`), description, country (String, alpha2).

    Returns:
        The first four, and pay_quality (String): from_text where the amounts are the description's, else null.
    """
    rows = postings.with_row_index("row")
    amounts = ("salary_min", "salary_max")
    without = rows.filter(pl.all_horizontal(pl.col(amounts).is_null()), pl.col("description").is_not_null())
    found = (
        without.select("row").hstack(described_pay(without)).filter(~pl.all_horizontal(pl.col(amounts).is_null()))
    )
    return (
        rows.join(found, on="row", how="left", maintain_order="left", suffix="_found")
        .with_columns(is_found=pl.any_horizontal(pl.col("salary_min_found", "salary_max_found").is_not_null()))
        .select(
            *(pl.when("is_found").then(f"{name}_found").otherwise(name).alias(name) for name in PAY),
            pl.when("is_found").then(pl.lit("from_text")).alias("pay_quality"),
        )
    )


def described_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay that descriptions state.

    Args:
        postings: description, country (String, alpha2).

    Returns:
        salary_min, salary_max (Float64), salary_currency, salary_period (String), as the description states them,
        one row a posting, in their order; all null where it states none.
    """
    numbered = postings.select("description", "country").with_row_index("row")
    likely = numbered.filter(pl.any_horizontal(pl.col("description").str.contains(sign) for sign in _SIGNS_OF_PAY))
    found = pl.DataFrame(
        [
            candidate
            for row, text in likely.select("row", "description").iter_rows()
            for candidate in _candidates(row, text)
        ],
        _CANDIDATE,
        orient="row",
    )
    pay = (
        found.join(find_pay(found["text"].unique()), on="text")
        .join(numbered.select("row", "country"), on="row")
        .select(
            "row",
            "place",
            "country",
            score=pl.col("score") + pl.when(pl.col("period").is_not_null()).then(_WITH_PERIOD).otherwise(0.0),
            salary_min="minimum",
            salary_max="maximum",
            salary_currency=stated_currency(pl.col("currency"), pl.col("has_shared_sign"), pl.col("country")),
            salary_period=pl.coalesce("period", "named_period"),
        )
    )
    best = (
        pay.filter(pl.col("score") >= _ENOUGH)
        .pipe(_ordinary)
        .sort("row", -pl.col("score"), "place")
        .unique("row", keep="first", maintain_order=True)
    )
    return (
        numbered.select("row")
        .join(best, on="row", how="left", maintain_order="left")
        .select("salary_min", "salary_max", "salary_currency", "salary_period")
    )


def _ordinary(pay: pl.DataFrame) -> pl.DataFrame:
    """Those of some amounts that can be believed as they are stated, and are those of ordinary jobs."""
    read = read_pay(pay).with_columns(pay["country"])
    known = read.join(wages(), on=["country", "currency"], how="left", nulls_equal=True, maintain_order="left")
    is_ordinary = (pl.min_horizontal("minimum", "maximum") >= _LEAST * pl.col("minimum_wage")) & (
        pl.max_horizontal("minimum", "maximum") <= _MOST * pl.col("top_wage")
    )
    return pay.filter(known.select(is_ordinary & pl.col("pay_quality").is_in(BELIEVED_AS_STATED)).to_series())


def _candidates(row: int, text: str) -> Iterator[tuple[int, float, str, str | None, int]]:
    """The amounts of a text that can be pay: rows of `_CANDIDATE`."""
    for amount in _AMOUNT.finditer(text):
        has_mark = any(amount[group] for group in ("mark1", "sign1", "mark2", "sign2"))
        if not has_mark and not (amount["range"] or sum(map(str.isdigit, amount[0])) >= 5):
            continue
        before, after = _before(text, amount.start()), _after(text, amount.end())
        named, period = _named(before)
        if named < 0 or (named == 0 and not (has_mark and _PERIOD_FOLLOWS.match(after))):
            continue
        if _NOT_PAY.search(_JOINED.split(_PERIOD_PHRASE.sub("", after, count=1))[0]):
            continue
        if not has_mark and not _BARE_ENDS.match(after):
            continue
        lead = _LEAD.search(before)
        beginning = "" if lead is None else lead[0]
        begins = _BEGINS.search(before.removesuffix(beginning))
        form = (0.5 if amount["range"] else 0.0) + (1.0 if begins or _OFFERS.search(before) else 0.0)
        yield row, named + form, beginning + amount[0] + (after if has_mark else ""), period, amount.start()


def _before(text: str, position: int) -> str:
    """The sentence up to an amount, with the line before its own where that can be a heading."""
    *earlier, line = text[max(0, position - _REACH) : position].split("\n")
    heading = next((words for words in reversed(earlier) if words.strip()), "")
    words = f"{heading}\n{line}" if len(heading) <= _HEADING else line
    ends = [end.end() for end in _SENTENCE_END.finditer(words)]
    return words[ends[-1] :] if ends else words


def _after(text: str, position: int) -> str:
    return text[position : position + _REACH_AFTER].split("\n", 1)[0]


def _named(before: str) -> tuple[float, str | None]:
    """How surely the words before an amount name it as pay (negative: something else), and the period named."""
    pay, other = _last(_PAY, before), _last(_NOT_PAY, before)
    if pay is None:
        return (0.0 if other is None else -_NAMED), None
    if other is not None and other.end() >= pay.end():
        return -_NAMED, None
    beside = before[max(0, pay.start() - 25) :]
    ends = {period: last.end() for period, words in _PERIODS.items() if (last := _last(words, beside))}
    return _NAMED, max(ends, key=lambda period: ends[period], default=None)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for found in pattern.finditer(text):
        last = found
    return last
