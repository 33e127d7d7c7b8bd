"""A logger that shows a run's progress in a terminal: a line for each asset when it is done."""

from __future__ import annotations

import logging
import time

import dagster as dg

from market_assets.operations.names import asset_of_step

#: The metadata that is shown, in this order.
_FIGURES = ("postings_in", "payloads", "postings", "skills_found", "rejected", "duplicates", "dagster/row_count")


class _ProgressHandler(logging.Handler):
    """Prints a line when a step ends: the asset, its seconds, and its figures."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(logging.DEBUG)
        self._quiet = quiet
        self._started: dict[str, float] = {}
        self._figures: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if self._quiet or event is None or event.step_key is None:
            return
        step = event.step_key
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._figures[step] = _figures(event.step_materialization_data.materialization.metadata)
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            seconds = time.monotonic() - self._started.get(step, time.monotonic())
            # A step of a graph that makes no asset is of no interest.
            if "." not in step or step in self._figures:
                print(f"  ✓ {asset_of_step(step):<26} {seconds:6.2f} s  {self._figures.get(step, '')}", flush=True)
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            print(f"  ✗ {asset_of_step(step):<26} failed", flush=True)


def _figures(metadata: dict[str, dg.MetadataValue]) -> str:
    shown = []
    for name in _FIGURES:
        if name in metadata:
            label = name.removeprefix("dagster/").replace("_count", "s").replace("_", " ")
            shown.append(f"{metadata[name].value:,} {label}")
    return ", ".join(shown)


@dg.logger(
    config_schema={"quiet": dg.Field(bool, default_value=False)},
    description="One line for each asset as it is done",
)
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("progress", logging.DEBUG)
    logger.addHandler(_ProgressHandler(quiet=context.logger_config["quiet"]))
    return logger
