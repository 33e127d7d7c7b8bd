from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.dates import parse_dates
from market_assets.postings.schemas import UTC_DATETIME

NOW = datetime(2026, 8, 1, 12, 30, tzinfo=UTC)


def parsed(*texts: str | None) -> list[datetime | None]:
    dates = parse_dates(pl.Series("posted_at", texts, dtype=pl.String), NOW)
    assert dates.dtype == UTC_DATETIME
    assert dates.name == "posted_at"
    return dates.to_list()


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


ABSOLUTE = {
    "2026-07-18": at(2026, 7, 18),
    "2026-7-8": at(2026, 7, 8),
    "2026-07-18T10:20:30Z": at(2026, 7, 18, 10, 20, 30),
    "2026-07-18t10:20:30z": at(2026, 7, 18, 10, 20, 30),
    "2026-07-18 10:20:30": at(2026, 7, 18, 10, 20, 30),
    "2026-07-18T10:20": at(2026, 7, 18, 10, 20),
    "2026-07-18T10:20:30.5": at(2026, 7, 18, 10, 20, 30, 500_000),
    "2026-07-18T10:20:30.123456789Z": at(2026, 7, 18, 10, 20, 30, 123_456),
    "2026-03-15T05:06:03.121+00:00": at(2026, 3, 15, 5, 6, 3, 121_000),
    "2026-07-16T22:10:45-04:00": at(2026, 7, 17, 2, 10, 45),
    "2026-07-16T01:10:45+0530": at(2026, 7, 15, 19, 40, 45),
    "2026-07-16T01:10:45+02": at(2026, 7, 15, 23, 10, 45),
    "2026-06-30T23:59:60Z": at(2026, 6, 30, 23, 59, 59),
    "20260718": at(2026, 7, 18),
    "20260718T102030Z": at(2026, 7, 18, 10, 20, 30),
    "20260718102030": at(2026, 7, 18, 10, 20, 30),
    "Sat, 18 Jul 2026 10:20:30 +0200": at(2026, 7, 18, 8, 20, 30),
    "Sat, 18 Jul 2026 10:20:30 GMT": at(2026, 7, 18, 10, 20, 30),
    "18 Jul 2026 10:20 EST": at(2026, 7, 18, 15, 20),
    "Sat Jul 18 2026 10:20:30 GMT+0200 (Central European Summer Time)": at(2026, 7, 18, 8, 20, 30),
    "1714605534": at(2024, 5, 1, 23, 18, 54),
    "1714605534.0": at(2024, 5, 1, 23, 18, 54),
    "1714605534.25": at(2024, 5, 1, 23, 18, 54, 250_000),
    "1.714605534e9": at(2024, 5, 1, 23, 18, 54),
    "1714605534123": at(2024, 5, 1, 23, 18, 54, 123_000),
    "1714605534123456": at(2024, 5, 1, 23, 18, 54, 123_456),
    "0": at(1970, 1, 1),
    "July 18, 2026": at(2026, 7, 18),
    "Jul 18, 2026": at(2026, 7, 18),
    "july 18th, 2026": at(2026, 7, 18),
    "Sept. 3, 2026": at(2026, 9, 3),
    "18 Jul 2026": at(2026, 7, 18),
    "18 July 2026": at(2026, 7, 18),
    "18-Jul-2026": at(2026, 7, 18),
    "Saturday, 18 July 2026": at(2026, 7, 18),
    "Posted on July 4, 2026": at(2026, 7, 4),
    "2026/07/18": at(2026, 7, 18),
    "18.07.2026": at(2026, 7, 18),
    "07/18/2026": at(2026, 7, 18),
    "18/07/2026": at(2026, 7, 18),
    "05/06/2026": at(2026, 5, 6),
    "07/18/2026 3:15 PM": at(2026, 7, 18, 15, 15),
    "07/18/2026 12:00 am": at(2026, 7, 18),
}

RELATIVE = {
    "3 days ago": timedelta(days=3),
    "30+ days ago": timedelta(days=30),
    "Posted 3 Days Ago": timedelta(days=3),
    "a day ago": timedelta(days=1),
    "an hour ago": timedelta(hours=1),
    "45 minutes ago": timedelta(minutes=45),
    "2 weeks ago": timedelta(weeks=2),
    "1 month ago": timedelta(days=30),
    "1 year ago": timedelta(days=365),
    "3d": timedelta(days=3),
    "12h ago": timedelta(hours=12),
    "yesterday": timedelta(days=1),
    "today": timedelta(),
    "Just posted": timedelta(),
    "Posted today": timedelta(),
}

UNREADABLE = [
    "",
    "abc",
    "2026-02-30",
    "2026-13-01",
    "2026-07-18T25:00:00Z",
    "2026-07-18T10:61:00Z",
    "2026-07-18T10:00:00 Mars",
    "13/13/2026",
    "99999-01-01",
    "0000-01-01",
    "9999-12-31T23:59:59-23:00",
    "1e30",
    "5 years",
    "5 parsecs ago",
    "99999 days ago",
    "9999 years ago",
    "18th of July",
    "١٢/٠٧/٢٠٢٦",
    "2026-07-18T10:00:00.١",
    "nan",
    "inf",
    "2026-07-18 " * 20,
]


@pytest.mark.parametrize("text", ABSOLUTE)
def test_absolute(text: str) -> None:
    assert parsed(text) == [ABSOLUTE[text]]


@pytest.mark.parametrize("text", RELATIVE)
def test_relative(text: str) -> None:
    assert parsed(text) == [NOW - RELATIVE[text]]


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable(text: str) -> None:
    assert parsed(text) == [None]


def test_all_at_once_in_order() -> None:
    texts = [*UNREADABLE, *ABSOLUTE, None, *RELATIVE]
    expected = [None] * len(UNREADABLE) + [*ABSOLUTE.values(), None, *(NOW - age for age in RELATIVE.values())]
    assert parsed(*texts) == expected
    assert parsed() == []


def test_day_or_month_first_is_decided_by_the_whole_column() -> None:
    def read(*texts: str) -> list[str]:
        return parse_dates(pl.Series(texts), NOW).dt.strftime("%m-%d").to_list()

    assert read("07/08/2026", "18/07/2026") == ["08-07", "07-18"]
    assert read("07/08/2026", "07/18/2026") == ["07-08", "07-18"]
    assert read("07/08/2026", "07/18/2026", "18/07/2026") == ["07-08", "07-18", "07-18"]
    assert read("07-08-2026", None, "2026-07-18", "31-07-2026") == ["08-07", None, "07-18", "07-31"]  # type: ignore[arg-type]


OTHER_LANGUAGES = {
    "12. März 2026": "2026-03-12",
    "12 janvier 2026": "2026-01-12",
    "3 de julio de 2026": "2026-07-03",
    "18 lipca 2026": "2026-07-18",
    "5 maggio 2026": "2026-05-05",
    "30 september 2026": "2026-09-30",
    "2026年7月18日": "2026-07-18",
}


@pytest.mark.parametrize("text", OTHER_LANGUAGES)
def test_months_of_other_languages(text: str) -> None:
    assert str(parse_dates(pl.Series([text]), NOW)[0])[:10] == OTHER_LANGUAGES[text]


@pytest.mark.parametrize(
    "text",
    [
        *("vor 3 Tagen", "il y a 3 jours", "hace 3 días", "3 dagen geleden", "3 dni temu", "há 3 dias"),
        *("3 giorni fa", "för 3 dagar sedan", "3日前"),
    ],
)
def test_relative_times_of_other_languages(text: str) -> None:
    assert parse_dates(pl.Series([text]), NOW)[0] == NOW - timedelta(days=3)


def test_observed_in_another_zone() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    for observed_at in (elsewhere, NOW.replace(tzinfo=None)):
        assert parse_dates(pl.Series(["1 hour ago"]), observed_at).to_list() == [NOW - timedelta(hours=1)]


TIMES = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001
    datetime(2099, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(st.lists(TIMES))
def test_round_trips(times: list[datetime]) -> None:
    exact = [time.astimezone(UTC) for time in times]
    whole = [time.replace(microsecond=0) for time in exact]
    assert parsed(*(time.isoformat() for time in times)) == exact
    assert parsed(*(format_datetime(time) for time in times)) == whole
    days = [time.replace(hour=0, minute=0, second=0) for time in whole]
    for day_format in ("%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d"):
        assert parsed(*(day.strftime(day_format) for day in days)) == days


@given(st.integers(10**8, 4 * 10**9))
def test_epochs(seconds: int) -> None:
    # Eight and fourteen digits that begin with 19 or 20 would be days.
    expected = datetime.fromtimestamp(seconds, UTC)
    assert parsed(str(seconds), f"{seconds}.0", str(seconds * 1000), str(seconds * 10**6)) == [expected] * 4


@given(st.lists(st.one_of(st.none(), st.text(), st.from_regex(r"[0-9T:+\-/., apm]{1,30}", fullmatch=True))))
def test_anything_is_read_or_null(texts: list[str | None]) -> None:
    dates = parsed(*texts)
    assert len(dates) == len(texts)
    assert dates == parsed(*texts)
