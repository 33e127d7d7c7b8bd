"""Finds the pay that only a description states, among all the amounts of money in it.

An amount is scored by what it is called in the words before it (the nearest counts), else by what follows it, by
its place and by its form; the best that is believed in its country, currency and period is the pay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from market_assets.postings.salaries.currencies import wages
from market_assets.postings.salaries.figures import find_pay, in_years
from market_assets.postings.salaries.parse import PAY
from market_assets.postings.salaries.pay_words import CURRENCY_CODES
from market_assets.postings.salaries.readings import BELIEVED_AS_STATED, read_pay, stated_currency
from market_assets.postings.word_lists import word_lists

#: Amounts in descriptions are pay from this share of the minimum wage (training) up to this many top wages.
_LEAST, _MOST = 0.4, 10

#: Figures of a range that differ by this factor are doubtful.
_WIDE_RANGE = 3

_CANDIDATE = pl.Schema(
    {"row": pl.UInt32, "score": pl.Float64, "text": pl.String, "named_period": pl.String, "place": pl.Int64}
)

#: What a name, a period beside the amount and the other signs count; and what the best amount must score.
_NAMED, _WITH_PERIOD, _ENOUGH = 3.0, 2.0, 3.0
_IN_A_HEADLINE, _RANGE, _BEGINS_A_PHRASE = 2.0, 1.0, 1.0

_WORDS = word_lists("salaries/description_words.yaml")

#: Texts lose the breaks between their lines: "Data EngineerSalary: £60,000 per annumLocation".
_BETWEEN_LETTERS = r"(?<=[a-zäöüßéó])(?=[A-Z])"
_LOST_BREAK = re.compile(rf"{_BETWEEN_LETTERS}|^(?=[A-Z][a-z])")
_WORD_BEGINS = rf"(?:(?<!\w)|(?-i:{_BETWEEN_LETTERS}))"


def _joined(name: str) -> str:
    return "|".join(_WORDS[name])


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile(rf"{_WORD_BEGINS}(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)


_PAY, _OFFERS, _NOT_PAY = (_any_of(_WORDS[name]) for name in ("pay", "offers", "not_pay"))
_PERIODS = {period: _any_of(patterns) for period, patterns in _WORDS["periods"].items()}
#: What follows an amount that is pay although nothing before it says so: "£60,000 + bonus", "€ 3.000 brutto".
_PAY_FOLLOWS = re.compile(rf"\s*(?:{_joined('pay_follows')})(?!\w)", re.IGNORECASE)

_SIGNS = "€£₹¥₩₽₺₪₫₱₦฿₴₸₡₲₵"
_LETTERED = _joined("currencies")

#: Texts without any of these state no pay, and are not searched further: money, or a large figure after one of the
#: most frequent words for pay. Each is searched for alone, as the regex engine is ten times slower on all of them.
_SIGNS_OF_PAY = (
    rf"[${_SIGNS}] ?[0-9]",
    rf"(?:{CURRENCY_CODES}|{_LETTERED}) ?[0-9]",
    r"R ?[0-9]{1,3}[ ,.]?[0-9]{3}",
    rf"[0-9] ?(?:,?- ?|[kK] ?)?(?:[{_SIGNS}]|{CURRENCY_CODES}|{_LETTERED}|LPA|[Ll]akh)",
    rf"(?:{_joined('words_of_pay')})[^0-9\n]{{0,40}}\n{{0,3}}"
    r"[0-9]{2,3}(?:[.,' ]?[0-9]{3}| ?- ?[0-9]{2,3}[kK]|[kK])",
    r"[0-9]{2,3}[kK]? ?(?:-|–|to) ?[0-9]{2,3}[kK]\b",
)

_NUMBER = r"(?:\d{1,3}(?:[.,'’ ]\d{3})+|\d+)(?:[.,]\d{1,2}(?!\d))?(?:,[-–—]+|\.[-–—])?"
_SCALE = r"(?:\s?(?P<scale{side}>[kK]|Tsd|tys|LPA|lakhs?|thousand)\b\.?)?"
_MARK = (
    rf"(?:(?:US|C|CA|A|AU|NZ|S|R|HK|NT|MX)?\$|[{_SIGNS}]"
    rf"|(?:{CURRENCY_CODES}|{_LETTERED}|R(?=\s?\d{{1,3}}[ ,.]?\d{{3}}))(?![^\W\d_]))"
)


def _figure(side: str) -> str:
    scale = _SCALE.replace("{side}", side)
    return rf"(?P<mark{side}>{_MARK}\s?)?{_NUMBER}{scale}(?P<sign{side}>\s?{_MARK})?"


#: A sign may follow letters at once: "c£60k", "Salary£50,000". What amounts begin with is first, as that is fast.
_AMOUNT = re.compile(
    rf"(?=[\dA-Zbdeklnprz${_SIGNS}])(?:(?<![\w.,/#-])|(?<![A-Z\d.,/#-])(?=[${_SIGNS}])){_figure('1')}"
    rf"(?P<range>\s?(?:[-–—−~]{{1,2}}|/|{_joined('between_bounds')})\s?"
    rf"(?:up\sto\s)?{_figure('2')})?"
)
_DIGIT = re.compile(r"\d")
#: Characters of the longest mark and space before the first digit of an amount, and some more.
_LONGEST_MARK = 20
_LEAD = re.compile(rf"{_WORD_BEGINS}(?:{_joined('leads')})\s*$", re.IGNORECASE)
_UP_TO = re.compile(r"up\s?to\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[!?;]\s|(?<=[\w)\]%])\.\s+(?=[A-ZÄÖÜÉÀŁŚŻ•*-])|\s[•·|]\s")
#: What divides an amount from words about something else: "$90,000 plus bonus", and headings that have lost their
#: line; not "$5,000 sign-on bonus".
_JOINED = re.compile(rf"[+&,.;:()/|•·]|\b(?:{_joined('other_clauses')})\b")
_PERIOD_PHRASE = re.compile(r"^\s*(?:/|\b(?:per|an?|pro|par|im|je|al|por|pr)\b)\s?[\w.]+")
_YEARLY_FOLLOWS = re.compile(r"\s*(?:per\s(?:annum|year)|a\syear|p\.?\s?a\b)", re.IGNORECASE)
#: What may follow a figure without a currency for it to be pay: not the name of what it counts.
_BARE_ENDS = re.compile(rf"\s*(?:$|[.,;:()/|+•-]|(?:{_joined('after_bare_figures')})\b)", re.IGNORECASE)
_BEGINS = re.compile(r"(?:^|[\n|•·,(:*–\u2600-\u27BF\U0001F000-\U0001FAFF-]\uFE0F?\s*)$")
_ENDS = re.compile(r"\s*(?:$|[|•·,;)–/-])")
#: "DATA ANALYST LONDON up to £50,000"; not "compensation for injuries up to £50,000".
_TITLE_ENDS = re.compile(r"(?:\b[A-Z][\w/-]*|\))\s*$")
_PERIOD_FOLLOWS = re.compile(rf"[\w\s,.()-]{{0,25}}?(?:{_joined('periods_after')})", re.IGNORECASE)

#: Characters of the longest heading that an amount in the next line can belong to.
_HEADING = 60

#: Characters before an amount in which its name is looked for.
_REACH = 110
_REACH_AFTER = 45

#: Characters from the beginning in which a posting is summed up ("Data engineer | London | £60,000"), in which its
#: title is, and its first words.
_HEADLINE, _TITLE, _FIRST_WORDS = 400, 200, 20


def completed_pay(postings: pl.DataFrame) -> pl.DataFrame:
    """The pay of postings, from the description where nothing else states an amount.

    Args:
        postings: the columns of `PAY`, description, country (String, alpha2).

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
    text = pl.col("description")
    # All of these signs have a digit, which is found at once or not at all.
    likely = numbered.filter(text.str.contains("[0-9]")).filter(
        pl.any_horizontal(text.str.contains(sign) for sign in _SIGNS_OF_PAY)
    )
    found = pl.DataFrame(
        [
            (row, *amount)
            for row, text in likely.select("row", "description").iter_rows()
            for amount in _described_amounts(text)
        ],
        _CANDIDATE,
        orient="row",
    )
    if found.is_empty():
        return PAY.to_frame().clear(postings.height)
    pay = (
        found.join(in_years(find_pay(found["text"].unique())), on="text")
        .join(numbered.select("row", "country"), on="row")
        .select(
            "row",
            "place",
            "country",
            score=pl.col("score") + pl.when(pl.col("period").is_not_null()).then(_WITH_PERIOD).otherwise(0.0),
            salary_min="minimum",
            salary_max="maximum",
            salary_currency=stated_currency(
                pl.col("currency"),
                pl.col("has_shared_sign"),
                pl.col("country"),
                amount=pl.max_horizontal("minimum", "maximum"),
                period=pl.coalesce("period", "named_period"),
            ),
            salary_period=pl.coalesce("period", "named_period"),
        )
    )
    best = (
        pay.filter(pl.col("score") >= _ENOUGH)
        .pipe(_with_ordinary_period)
        .pipe(_ordinary)
        .sort("row", -pl.col("score"), "place")
        .unique("row", keep="first", maintain_order=True)
    )
    return (
        numbered.select("row")
        .join(best, on="row", how="left", maintain_order="left")
        .select("salary_min", "salary_max", "salary_currency", "salary_period")
    )


def _with_ordinary_period(pay: pl.DataFrame) -> pl.DataFrame:
    """Some amounts; those without a period that are ordinary only by the month are monthly: "15 000 - 20 000 zł".

    Ranges that are wide are slips and keep no period.
    """
    is_narrow = (pl.col("salary_max") < _WIDE_RANGE * pl.col("salary_min")).fill_null(True)
    without = pay.filter(pl.col("salary_period").is_null() & is_narrow)
    others = without.join(_ordinary(without), on=["row", "place"], how="anti")
    monthly = _ordinary(others.with_columns(salary_period=pl.lit("monthly")))
    return pl.concat([pay.join(monthly, on=["row", "place"], how="anti"), monthly])


def _ordinary(pay: pl.DataFrame) -> pl.DataFrame:
    """Those of some amounts that can be believed as they are stated, and are those of ordinary jobs."""
    read = read_pay(pay).with_columns(pay["country"])
    known = read.join(wages(), on=["country", "currency"], how="left", nulls_equal=True, maintain_order="left")
    is_ordinary = (pl.min_horizontal("minimum", "maximum") >= _LEAST * pl.col("minimum_wage")) & (
        pl.max_horizontal("minimum", "maximum") <= _MOST * pl.col("top_wage")
    )
    return pay.filter(known.select(is_ordinary & pl.col("pay_quality").is_in(BELIEVED_AS_STATED)).to_series())


def _described_amounts(text: str) -> Iterator[tuple[float, str, str | None, int]]:
    """The amounts of a text that can be pay, in their order.

    Yields:
        A score, the amount with the words that belong to it, the period that the words before it name, its place.
    """
    for amount in _amounts(text):
        has_mark = any(amount[group] for group in ("mark1", "sign1", "mark2", "sign2"))
        if not has_mark and not _is_large_or_range(amount):
            continue
        before, after = _before(text, amount.start()), _after(text, amount.end())
        if _NOT_PAY.search(_JOINED.split(_PERIOD_PHRASE.sub("", after, count=1))[0]):
            continue
        if not has_mark and not _BARE_ENDS.match(after):
            continue
        lead = _LEAD.search(before)
        beginning = "" if lead is None else lead[0]
        begins = _BEGINS.search(before.removesuffix(beginning)) is not None
        named, period = _named(before)
        if named == 0:
            named = _unnamed(amount, before, beginning, after, has_mark=has_mark)
        if named < 0 or (named == 0 and not (has_mark and _PERIOD_FOLLOWS.match(after))):
            continue
        is_offered = begins or _OFFERS.search(before) or _UP_TO.match(beginning)
        form = (_RANGE if amount["range"] else 0.0) + (_BEGINS_A_PHRASE if is_offered else 0.0)
        stated = beginning + amount[0] + (after if has_mark else "")
        yield named + form, stated, period, amount.start()


def _amounts(text: str) -> Iterator[re.Match[str]]:
    """As `_AMOUNT.finditer`, which takes several times as long: searches from shortly before the next digit on."""
    end = 0
    while digit := _DIGIT.search(text, end):
        amount = _AMOUNT.search(text, max(end, digit.start() - _LONGEST_MARK))
        if amount is None:
            return
        yield amount
        end = amount.end()


def _is_large_or_range(amount: re.Match[str]) -> bool:
    return bool(amount["range"] or amount["scale1"]) or sum(map(str.isdigit, amount[0])) >= 5


def _before(text: str, position: int) -> str:
    """The sentence up to an amount, with the line before its own where that can be a heading."""
    *earlier, line = text[max(0, position - _REACH) : position].split("\n")
    heading = next((words for words in reversed(earlier) if words.strip()), "")
    words = f"{heading}\n{line}" if len(heading) <= _HEADING else line
    ends = [end.end() for end in _SENTENCE_END.finditer(words)]
    return words[ends[-1] :] if ends else words


def _after(text: str, position: int) -> str:
    """The line after an amount, where what has lost the break between two lines is divided again."""
    return _LOST_BREAK.sub(" ", text[position : position + _REACH_AFTER].split("\n", 1)[0])


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


def _unnamed(amount: re.Match[str], before: str, beginning: str, after: str, *, has_mark: bool) -> float:
    """How surely an amount is pay that nothing before it names."""
    is_large = _is_yearly(amount)
    if not has_mark:
        return _NAMED if is_large and amount["range"] and _YEARLY_FOLLOWS.match(after) else 0.0
    if _PAY_FOLLOWS.match(_PERIOD_PHRASE.sub("", after, count=1)):
        return _NAMED
    place = amount.start()
    words = before.removesuffix(beginning)
    ends_title = _UP_TO.match(beginning) and place < _TITLE and _TITLE_ENDS.search(words)
    is_apart = _BEGINS.search(words) and _ENDS.match(after) and place < (_HEADLINE if is_large else _FIRST_WORDS)
    return _IN_A_HEADLINE if (is_large and ends_title) or is_apart else 0.0


def _is_yearly(amount: re.Match[str]) -> bool:
    """Whether an amount is large enough to be a year's pay in most currencies."""
    is_scaled = amount["scale1"] is not None or (amount["range"] is not None and amount["scale2"] is not None)
    return is_scaled or sum(map(str.isdigit, amount[0])) >= 5


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for found in pattern.finditer(text):
        last = found
    return last
