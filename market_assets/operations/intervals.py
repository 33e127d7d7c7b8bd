"""Intervals that are the same every time, and the cron expressions that say them or come close.

An interval counts from 1970-01-01 00:00 UTC, so that it does not depend on when anything was started.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import gcd

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR, _DAY, _WEEK = 60, 1_440, 10_080
#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 4
#: One cron expression a moment of the week is fine for a few.
_MOST_MOMENTS_A_WEEK = 14


@dataclass(frozen=True)
class Interval:
    """Every so many minutes since 1970-01-01 00:00 UTC."""

    minutes: int

    @property
    def in_words(self) -> str:
        """As a person would say it: every 5 hours."""
        for unit, size in (("day", _DAY), ("hour", _HOUR), ("minute", 1)):
            number, rest = divmod(self.minutes, size)
            if not rest:
                return f"every {unit}" if number == 1 else f"every {number} {unit}s"
        raise AssertionError(self.minutes)

    @property
    def is_exact(self) -> bool:
        """Whether cron expressions say exactly this interval: it divides a day, or a week into few parts."""
        return _DAY % self.minutes == 0 or self._divides_week

    @property
    def crons(self) -> list[str]:
        """Cron expressions, in UTC, that hit every due moment; where not `is_exact`, others too, but few."""
        if _DAY % self.minutes == 0:
            return _crons_of_a_day(self.minutes)
        if self._divides_week:
            return [_cron_of_a_week(minute) for minute in range(0, _WEEK, self.minutes)]
        return _crons_of_a_day(gcd(self.minutes, _DAY))

    def latest(self, moment: datetime) -> datetime:
        """The last due moment that is not after a moment."""
        return _EPOCH + (moment - _EPOCH) // timedelta(minutes=self.minutes) * timedelta(minutes=self.minutes)

    def next(self, moment: datetime) -> datetime:
        """The first due moment after a moment."""
        return self.latest(moment) + timedelta(minutes=self.minutes)

    @property
    def _divides_week(self) -> bool:
        return _WEEK % self.minutes == 0 and _WEEK // self.minutes <= _MOST_MOMENTS_A_WEEK


def _crons_of_a_day(step: int) -> list[str]:
    """Every `step` minutes, where that divides a day."""
    if _HOUR % step == 0:
        return ["* * * * *" if step == 1 else "0 * * * *" if step == _HOUR else f"*/{step} * * * *"]
    hours_by_minute: dict[int, list[int]] = defaultdict(list)
    for minute in range(0, _DAY, step):
        hours_by_minute[minute % _HOUR].append(minute // _HOUR)
    return [f"{minute} {','.join(map(str, hours))} * * *" for minute, hours in sorted(hours_by_minute.items())]


def _cron_of_a_week(minute: int) -> str:
    """A moment of the week, in minutes since 00:00 on the epoch's weekday."""
    day, rest = divmod(minute, _DAY)
    return f"{rest % _HOUR} {rest // _HOUR} * * {(day + _FIRST_WEEKDAY) % 7}"
