"""The sensor that tells people of what went wrong and of its end."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import dagster as dg

from market_assets.operations.alerts.monitored import ALERTS_SENSOR
from market_assets.settings import Settings

SENSOR_SECONDS = 30


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """Finds failed runs, checks and ticks, missed starts and stale tables, and tells of each once."""

    @dg.sensor(
        name=ALERTS_SENSOR,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells MARKET_ASSETS_ALERT_URLS of failed runs, checks, schedules and sensors, of missed "
        "starts and stale tables: once when it begins, once when it is over. Without URLs it notes them for "
        "`market-assets status` and /health. A tick fails where a message could not be sent.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.operations.alerts.cycle import DAEMON_BOOK, tell
        from market_assets.operations.alerts.detection import find
        from market_assets.operations.alerts.incidents import load_book, save_book
        from market_assets.operations.alerts.monitored import watched_in
        from market_assets.operations.alerts.observing import observe

        assert context.repository_def is not None
        now = datetime.now(UTC)
        watched = watched_in(context.repository_def)
        book = load_book(context.instance, DAEMON_BOOK)
        seen, cursor = observe(context.instance, watched, book, now)
        findings = list(find(seen, watched, book))
        save = partial(save_book, context.instance, DAEMON_BOOK)
        look = tell(book.read_up_to(cursor), findings, settings.alert_urls, now, save)
        if look.failures:
            # Without the traceback that an error of any other kind would show.
            raise dg.Failure("could not be told: " + "; ".join(look.failures))
        return dg.SkipReason(look.summary)

    return alerts
