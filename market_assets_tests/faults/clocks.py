"""Clocks of this process that say what a test wants."""

from __future__ import annotations

import datetime as datetimes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import pytest


@contextmanager
def clock_off_by(difference: timedelta) -> Iterator[datetime]:
    """Everything in this project believes it to be another time; gives that time."""
    with _clock(lambda zone: datetimes.datetime.now(zone) + difference):
        yield datetimes.datetime.now(UTC) + difference


@contextmanager
def clock_that_says(moment: Callable[[], datetime]) -> Iterator[None]:
    """Everything in this project believes it to be whatever moment is given when it asks."""
    with _clock(lambda zone: moment().astimezone(zone)):
        yield


@contextmanager
def _clock(time_in: Callable[[tzinfo | None], datetime]) -> Iterator[None]:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return time_in(tz)

    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("market_assets.") and getattr(module, "datetime", None) is datetimes.datetime:
                patch.setattr(module, "datetime", Shifted)
        yield
