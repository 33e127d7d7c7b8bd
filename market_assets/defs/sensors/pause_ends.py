"""The sensor that ends pauses."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from market_assets.operations.schedule_overrides import end_pauses
from market_assets.settings import Settings

#: A schedule makes up for what it missed since the end of the pause, so the sensor need not be prompt.
SENSOR_SECONDS = 60


def pause_ends_sensor(settings: Settings) -> dg.SensorDefinition:
    """Ends pauses at the time that was set for their end."""

    @dg.sensor(
        name="pause_ends",
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Puts paused jobs back on the schedule when their pause is over.",
    )
    def pause_ends(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from market_assets.store.database import Database
        from market_assets.store.schedule_overrides import read_overrides_if_any

        database = Database(settings.market_url)
        overrides = read_overrides_if_any(database)
        if not any(job.pause for job in overrides.jobs.values()):
            return dg.SkipReason("nothing is paused")
        schedules: dict[str, list[str]] = {}
        assert context.repository_def is not None
        for schedule in context.repository_def.schedule_defs:
            schedules.setdefault(schedule.job_name, []).append(schedule.name)
        done = end_pauses(database.engine(), context.instance, schedules, datetime.now(UTC))
        return dg.SkipReason("; ".join(f"ended {pause}" for pause in done) or "no pause is over yet")

    return pause_ends
