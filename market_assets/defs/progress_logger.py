"""A run's progress in a terminal: a line for each asset when it is done, and some while it takes long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import dagster as dg

from market_assets.dagster_ext.command_runs import is_interruption
from market_assets.operations.executions import shown_step

#: The metadata that is shown, in this order.
_FIGURES = ("postings_in", "payloads", "postings", "skills_found", "rejected", "duplicates", "dagster/row_count")


#: A step that takes long says so often how far it is, in seconds.
SAY_SECONDS = 5.0
_T = TypeVar("_T")


def with_progress(
    context: dg.AssetExecutionContext,
    items: Iterable[_T],
    in_words: Callable[[int], str],
    size: Callable[[_T], int] = lambda _item: 1,
) -> Iterator[_T]:
    """Each of some items; every few seconds a message of the run says how far they are.

    Args:
        context: of the step that goes through them.
        items: what is gone through.
        in_words: the message, given the size of those that are done.
        size: of an item.
    """
    done, said = 0, time.monotonic()
    for item in items:
        yield item
        done += size(item)
        if time.monotonic() >= said + SAY_SECONDS:
            said = time.monotonic()
            context.log.info(in_words(done))


class _ProgressHandler(logging.Handler):
    """Prints what a step says, and a line when it ends: the asset, its seconds, and its figures."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(logging.DEBUG)
        self._quiet = quiet
        self._started: dict[str, float] = {}
        self._figures: dict[str, str] = {}
        self._problems: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        about = getattr(record, "dagster_meta", {})
        event, step = about.get("dagster_event"), about.get("step_key")
        if self._quiet or step is None:
            return
        if event is None:
            if record.levelno == logging.INFO:
                print(f"    {shown_step(step):<26} {about['orig_message']}", flush=True)
            return
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._figures[step] = _figures(event.step_materialization_data.materialization.metadata)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
                self._problems[step] = evaluation.description or f"{evaluation.check_name} failed"
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            self._print_ended(step)
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE and not is_interruption(event):
            print(f"  ✗ {shown_step(step):<26} failed", flush=True)

    def _print_ended(self, step: str) -> None:
        made = step in self._figures
        if not made and "." in step:
            # An op that makes nothing by itself, of an asset that has a line.
            return
        mark = "✓" if made or step not in self._problems else "✗"
        seconds = time.monotonic() - self._started.get(step, time.monotonic())
        shown = self._figures[step] if made else self._problems.get(step, "")
        print(f"  {mark} {shown_step(step):<26} {seconds:6.2f} s  {shown}", flush=True)


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
