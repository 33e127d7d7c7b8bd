"""Parsing of publication times, in the many formats of sources."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from market_assets.postings.schemas import UTC_DATETIME

#: Formats of a day, tried in this order after weekday, commas and ordinal endings are removed. The month comes
#: first, unless the first number can't be a month.
_DAY_FORMATS = (
    "%Y-%m-%d",
    "%Y%m%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%b %d %Y",
    "%B %d %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
)

#: The most frequent format, which is parsed first.
_TIMESTAMP = r"^[1-9][0-9]{3}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"

#: Time of day and offset, at the end of an absolute time.
_TIME = (
    r"(?:^|[t\s]+|\bat\s+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s*(?P<half>[ap]m)?\s*(?P<zone>z|(?:utc|gmt)?[+-][0-9]{2}(?::?[0-9]{2})?|utc|gmt|[ecmp][sd]t|ces?t|bst)?$"
)
_COMPACT_TIME = r"^([0-9]{8})t?([0-9]{2})([0-9]{2})([0-9]{2})(z|[+-][0-9]{4})?$"

#: Named time zones, in minutes east of Greenwich: those of RFC 2822 and of western Europe.
_ZONES = {
    "est": -300,
    "edt": -240,
    "cst": -360,
    "cdt": -300,
    "mst": -420,
    "mdt": -360,
    "pst": -480,
    "pdt": -420,
    "cet": 60,
    "cest": 120,
    "bst": 60,
}
_WEEKDAY = r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+"
_LEADING_WORDS = r"^(?:posted|published|active|reposted|updated|added|on|at|:|\s)+\s"
_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]*)?(?:e\+?[0-9]{1,2})?$"

_RELATIVE = r"^(?P<count>[0-9]{1,4}|an?|one)\s*\+?\s*(?P<unit>[a-z]+?)\s*(?P<ago>ago|old)?$"
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 604_800),
    **dict.fromkeys(("mo", "mos", "month", "months"), 2_592_000),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 31_536_000),
}
_JUST_NOW = ("just posted", "just now", "now", "today", "posted today", "just", "new")
_YESTERDAY = ("yesterday", "posted yesterday")

_MAX_LENGTH = 64
_MICROSECONDS = 1_000_000


def parse_dates(texts: pl.Series, observed_at: datetime) -> pl.Series:
    """Parse publication times.

    Supported are ISO 8601 with or without a time zone (UTC by default), days alone (midnight UTC), RFC 2822; epoch
    seconds, milliseconds, microseconds and nanoseconds; written dates ('July 18, 2026', '18 Jul 2026',
    '07/18/2026', where the day comes first only if the first number can't be a month); and relative times ('3 days
    ago', '30+ days ago', 'yesterday').

    Args:
        texts: String.
        observed_at: the time that relative times refer to; UTC where it has no time zone.

    Returns:
        Datetime('us', 'UTC'); null for unknown formats. Whether the time is plausible is not checked.
    """
    now = observed_at.replace(tzinfo=UTC) if observed_at.tzinfo is None else observed_at.astimezone(UTC)
    parsed = texts.to_frame("text").select(_timestamp(pl.col("text"))).to_series().alias(texts.name)
    if parsed.null_count() == texts.null_count():
        return parsed
    other = parsed.is_null() & texts.is_not_null()
    return parsed.scatter(other.arg_true(), _parse_any(texts.filter(other), now))


def _timestamp(text: pl.Expr) -> pl.Expr:
    time = text.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False)
    return pl.when(text.str.contains(_TIMESTAMP)).then(time).cast(UTC_DATETIME)


def _parse_any(texts: pl.Series, now: datetime) -> pl.Series:
    text = pl.when(pl.col("text").str.len_bytes() <= _MAX_LENGTH).then(_plain(pl.col("text")))
    plain = texts.to_frame("text").select(text.alias("text")).to_series()
    parsed = plain.to_frame().select(_epoch(pl.col("text")).alias("parsed")).to_series()
    for parse in (_absolute, lambda rest: _relative(rest, now)):
        rows = (parsed.is_null() & plain.is_not_null()).arg_true()
        if rows.is_empty():
            break
        parsed = parsed.scatter(rows, parse(plain.gather(rows)))
    # The years that Python's datetime supports.
    in_range = parsed.dt.year().is_between(1, 9999)
    return pl.select(pl.when(in_range).then(parsed)).to_series()


def _plain(text: pl.Expr) -> pl.Expr:
    """The text in lower case, without words before the date and a comment in brackets after it."""
    lowered = text.str.strip_chars().str.to_lowercase().str.replace_all(r"\s+", " ")
    return lowered.str.replace(r"\s*\([^()]*\)$", "").str.replace(_LEADING_WORDS, "")


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


def _absolute(texts: pl.Series) -> pl.Series:
    spaced = pl.col("text").str.replace(_COMPACT_TIME, "$1 $2:$3:$4$5")
    day = spaced.str.replace(_TIME, "").str.replace(_WEEKDAY, "").str.strip_chars(" ,")
    day = day.str.replace_all(r"([0-9])(?:st|nd|rd|th)\b", "$1").str.replace_all(r"[,\s]+", " ")
    day = day.str.replace(r"\bsept\b", "sep").str.replace(r"([a-z])\.", "$1")
    parts = texts.to_frame("text").select(day.alias("day"), spaced.str.extract_groups(_TIME).alias("time"))
    # The formats are tried on distinct days, of which there are few.
    days = parts.select("day").unique().with_columns(_midnight(pl.col("day")).alias("midnight"))
    time = pl.col("time")
    has_time = time.struct.field("hour").is_not_null()
    parsed = pl.when(has_time).then(pl.col("midnight") + _time_of_day(time)).otherwise("midnight")
    return parts.join(days, on="day", how="left", maintain_order="left").select(parsed.alias("text")).to_series()


def _midnight(day: pl.Expr) -> pl.Expr:
    date = pl.coalesce(day.str.to_date(day_format, strict=False) for day_format in _DAY_FORMATS)
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


def _relative(texts: pl.Series, now: datetime) -> pl.Series:
    text = pl.col("text")
    parts = text.str.extract_groups(_RELATIVE)
    count = parts.struct.field("count").replace(["a", "an", "one"], ["1", "1", "1"]).cast(pl.Int64, strict=False)
    unit = parts.struct.field("unit").replace_strict(_SECONDS, default=None, return_dtype=pl.Int64)
    # Without 'ago' only short forms count ('3d'), as '5 years' may mean anything.
    is_short = text.str.contains(r"^[0-9]+\+?\s?[a-z]{1,2}$")
    is_relative = parts.struct.field("ago").is_not_null() | is_short
    reference = pl.lit(now, dtype=UTC_DATETIME)
    parsed = (
        pl.when(text.is_in(list(_JUST_NOW)))
        .then(reference)
        .when(text.is_in(list(_YESTERDAY)))
        .then(reference - pl.duration(days=1))
        .when(is_relative)
        .then(reference - pl.duration(seconds=count * unit))
    )
    return texts.to_frame("text").select(parsed.alias("text")).to_series()
