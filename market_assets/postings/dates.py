"""Parsing of publication times, in the many formats of sources."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from market_assets.postings.schemas import UTC_DATETIME
from market_assets.postings.word_lists import word_lists

_WORDS = word_lists("dates.yaml")

#: Formats of a day, tried in this order after weekday, commas and ordinal endings are removed. The month comes
#: first, unless the first number can't be a month.
_DAY_FORMATS: list[str] = _WORDS["day_formats"]
#: Minutes east of Greenwich.
_ZONES: dict[str, int] = _WORDS["zones"]
#: English word → pattern of what other languages say, in this order.
_IN_ENGLISH = [(english, "|".join(others)) for english, others in _WORDS["in_english"].items()]
#: Unit of relative times → seconds.
_SECONDS = {word: seconds for seconds, words in _WORDS["units"].items() for word in words}

#: Time of day and offset, at the end of an absolute time.
_TIME = (
    r"(?:^|[t\s]+|\bat\s+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s*(?P<half>[ap]m)?\s*(?P<zone>z|(?:utc|gmt)?[+-][0-9]{2}(?::?[0-9]{2})?|utc|gmt|[ecmp][sd]t|ces?t|bst)?$"
)
_COMPACT_TIME = r"^([0-9]{8})t?([0-9]{2})([0-9]{2})([0-9]{2})(z|[+-][0-9]{4})?$"

_WEEKDAY = r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+"
_LEADING_WORDS = r"^(?:posted|published|active|reposted|updated|added|on|at|:|\s)+\s"
_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]*)?(?:e\+?[0-9]{1,2})?$"

_RELATIVE = r"^(?P<count>[0-9]{1,4}|an?|one)\s*\+?\s*(?P<unit>[a-z]+?)\s*(?P<ago>ago|old)?$"
_JUST_NOW = ("just posted", "just now", "now", "today", "posted today", "just", "new")
_YESTERDAY = ("yesterday", "posted yesterday")

_MAX_LENGTH = 64
_MICROSECONDS = 1_000_000


def parse_dates(texts: pl.Series, observed_at: datetime) -> pl.Series:
    """Parse publication times.

    Supported are ISO 8601 with or without a time zone (UTC by default), days alone (midnight UTC), RFC 2822; epoch
    seconds, milliseconds, microseconds and nanoseconds; written dates ('July 18, 2026', '18 Jul 2026',
    '07/18/2026'); and relative times ('3 days ago', '30+ days ago', 'yesterday'); months and relative times in ten
    languages. In '07/08/2026' the month comes first, unless another of the texts can only be read with the day
    first ('18/07/2026'), and none only with the month.

    Args:
        texts: String.
        observed_at: the time that relative times refer to; UTC where it has no time zone.

    Returns:
        Datetime('us', 'UTC'); null for unknown formats. Whether the time is plausible is not checked.
    """
    now = observed_at.replace(tzinfo=UTC) if observed_at.tzinfo is None else observed_at.astimezone(UTC)
    text, plain = pl.col("text"), pl.col("plain")
    short = pl.when(text.str.len_bytes() <= _MAX_LENGTH).then(_plain(text))
    distinct = texts.to_frame("text").unique().with_columns(plain=short)
    distinct = distinct.with_columns(day=_day(plain), time=_spaced(plain).str.extract_groups(_TIME))
    # The formats are tried on distinct days, of which there are few.
    days = distinct.select("day").unique()
    days = days.with_columns(midnight=_midnight(pl.col("day"), day_first=_is_day_first(days["day"])))
    read = distinct.join(days, on="day", how="left").select(
        "text", date=pl.coalesce(_epoch(plain), _absolute(), _relative(plain, now))
    )
    # The years that Python's datetime supports.
    in_range = read.select("text", pl.when(pl.col("date").dt.year().is_between(1, 9999)).then("date"))
    found = texts.to_frame("text").join(in_range, on="text", how="left", maintain_order="left")
    return found["date"].alias(texts.name)


def _plain(text: pl.Expr) -> pl.Expr:
    """The text in lower case, without words before the date and a comment in brackets after it."""
    lowered = text.str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")
    plain = lowered.str.replace(r"\s*\([^()]*\)$", "").str.replace(_LEADING_WORDS, "")
    has_word = plain.str.contains(r"[a-z年日]") & ~plain.str.contains(r"^[0-9:.t+z-]+$")
    return pl.when(has_word).then(_in_english(plain)).otherwise(plain)


def _in_english(text: pl.Expr) -> pl.Expr:
    """The text with months, 'ago' and units of time of other languages in English."""
    for english, others in _IN_ENGLISH:
        text = text.str.replace_all(others, english)
    return text


def _epoch(text: pl.Expr) -> pl.Expr:
    """Numbers as seconds, milliseconds, microseconds or nanoseconds since 1970, depending on their size.

    Eight digits that begin with 19 or 20 are a day ('20260718').
    """
    is_day = text.str.contains(r"^(?:19|20)[0-9]{6}$") | text.str.contains(_COMPACT_TIME)
    number = pl.when(text.str.contains(_NUMBER) & ~is_day).then(text.cast(pl.Float64, strict=False))
    size = number.abs()
    seconds = (
        pl.when(size < 1e11)
        .then(number)
        .when(size < 1e14)
        .then(number / 1e3)
        .when(size < 1e17)
        .then(number / 1e6)
        .when(size < 1e20)
        .then(number / 1e9)
    )
    return (
        (seconds * _MICROSECONDS).round().cast(pl.Int64, strict=False).cast(pl.Datetime("us")).cast(UTC_DATETIME)
    )


def _spaced(text: pl.Expr) -> pl.Expr:
    """The text with separators in a compact time ('20260718T101112Z')."""
    return text.str.replace(_COMPACT_TIME, "$1 $2:$3:$4$5")


def _day(text: pl.Expr) -> pl.Expr:
    """The day in an absolute time, as `_DAY_FORMATS` read it."""
    day = _spaced(text).str.replace(_TIME, "").str.replace(_WEEKDAY, "").str.strip_chars(" ,")
    day = day.str.replace_all(r"([0-9])(?:(?:st|nd|rd|th)\b|\. )", "$1 ").str.replace_all(r"[,\s]+", " ")
    return day.str.replace(r"\bsept\b", "sep").str.replace(r"([a-z])\.", "$1")


def _absolute() -> pl.Expr:
    """Midnight and the time of day; midnight alone where there is no time."""
    time = pl.col("time")
    has_time = time.struct.field("hour").is_not_null()
    return pl.when(has_time).then(pl.col("midnight") + _time_of_day(time)).otherwise("midnight")


def _is_day_first(days: pl.Series) -> bool:
    """Whether the days, as one column, have the day before the month, both being numbers."""
    numbers = days.str.extract_groups(r"^([0-9]{1,2})[/-]([0-9]{1,2})[/-][0-9]{4}$").struct
    first, second = (numbers.field(name).cast(pl.Int64) for name in ("1", "2"))
    return bool((first > 12).any()) and not bool((second > 12).any())


def _midnight(day: pl.Expr, *, day_first: bool) -> pl.Expr:
    formats = sorted(_DAY_FORMATS, key=lambda each: not each.startswith("%d")) if day_first else _DAY_FORMATS
    date = pl.coalesce(day.str.to_date(day_format, strict=False) for day_format in formats)
    # Days far outside of this range would overflow 64-bit microseconds.
    in_range = date.dt.year().is_between(1, 9999)
    return pl.when(in_range).then(date).cast(pl.Datetime("us")).cast(UTC_DATETIME)


def _time_of_day(time: pl.Expr) -> pl.Expr:
    """Duration since midnight UTC; null where a part is out of range."""
    hour, minute, second = (
        time.struct.field(name).cast(pl.Int64, strict=False).fill_null(0) for name in ("hour", "minute", "second")
    )
    half = time.struct.field("half")
    hour_of_day = (
        pl.when(half.is_null())
        .then(pl.when(hour < 24).then(hour))
        .when(hour.is_between(1, 12))
        .then(hour % 12 + pl.when(half == "pm").then(12).otherwise(0))
    )
    # A leap second becomes the second before it.
    second = pl.when(second == 60).then(59).otherwise(second)
    in_range = (minute < 60) & (second < 60)
    fraction = time.struct.field("fraction").str.pad_end(6, "0").str.head(6).cast(pl.Int64).fill_null(0)
    minutes = hour_of_day * 60 + minute - _offset(time.struct.field("zone"))
    return pl.when(in_range).then(pl.duration(microseconds=(minutes * 60 + second) * _MICROSECONDS + fraction))


def _offset(zone: pl.Expr) -> pl.Expr:
    """Minutes east of Greenwich; 0 without a zone."""
    numeric = zone.str.extract_groups(r"([+-])([0-9]{2}):?([0-9]{2})?$")
    hours, minutes = (numeric.struct.field(name).cast(pl.Int64) for name in ("2", "3"))
    sign = pl.when(numeric.struct.field("1") == "-").then(-1).otherwise(1)
    named = zone.replace_strict(_ZONES, default=None, return_dtype=pl.Int64)
    return pl.coalesce(sign * (hours * 60 + minutes.fill_null(0)), named, 0)


def _relative(text: pl.Expr, now: datetime) -> pl.Expr:
    parts = text.str.extract_groups(_RELATIVE)
    count = parts.struct.field("count").replace(["a", "an", "one"], ["1", "1", "1"]).cast(pl.Int64, strict=False)
    unit = parts.struct.field("unit").replace_strict(_SECONDS, default=None, return_dtype=pl.Int64)
    # Without 'ago' only short forms count ('3d'), as '5 years' may mean anything.
    is_short = text.str.contains(r"^[0-9]+\+?\s?[a-z]{1,2}$")
    is_relative = parts.struct.field("ago").is_not_null() | is_short
    reference = pl.lit(now, dtype=UTC_DATETIME)
    return (
        pl.when(text.is_in(list(_JUST_NOW)))
        .then(reference)
        .when(text.is_in(list(_YESTERDAY)))
        .then(reference - pl.duration(days=1))
        .when(is_relative)
        .then(reference - pl.duration(seconds=count * unit))
    )
