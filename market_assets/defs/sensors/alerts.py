"""The sensor that detects incidents and sends alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import dagster as dg

from market_assets.operations.names import ALERTS_SENSOR
from market_assets.settings import Settings

SENSOR_SECONDS = 30


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """Detects failed runs, checks and ticks, missed starts and stale tables, and announces each once."""

    @dg.sensor(
        name=ALERTS_SENSOR,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends messages to MARKET_ASSETS_ALERT_URLS about failed runs, checks, schedules and sensors, "
        "missed starts and stale tables: one when it begins, one when it is over. Without URLs incidents are only "
        "shown by `market-assets status` and /health. A tick fails where a message could not be sent.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.operations.alerts.delivery import announce
        from market_assets.operations.alerts.detection import detect
        from market_assets.operations.alerts.incidents import DAEMON_LOG, load_log, save_log
        from market_assets.operations.monitored import monitored_in

        assert context.repository_def is not None
        now = datetime.now(UTC)
        monitored = monitored_in(context.repository_def)
        findings, log = detect(context.instance, monitored, load_log(context.instance, DAEMON_LOG), now)
        save = partial(save_log, context.instance, DAEMON_LOG)
        delivery = announce(log, findings, settings.alert_urls, now, save)
        if delivery.failures:
            # A `Failure` is shown without a traceback.
            raise dg.Failure("could not be sent: " + "; ".join(delivery.failures))
        return dg.SkipReason(delivery.summary)

    return alerts
