"""The job that prunes Dagster's history; `dry_run: true` in its run config counts only."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.jobs import PRUNE
from market_assets.defs.retries import retry_transient_errors, run_retry_tags
from market_assets.operations.executions import what_jobs_run
from market_assets.operations.failure_cause import say_why_it_failed
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.dagster_ext.history.pruned import Pruned


class PruneConfig(dg.Config):
    """How to prune; `{"dry_run": true}` is the run config of a dry run."""

    dry_run: bool = False


def prune_history_job(settings: Settings) -> dg.JobDefinition:
    """Deletes finished runs that are older than the history's days, with all that is about them."""

    @dg.op(
        out=dg.Out(dg.Nothing),
        # One run at a time, however it was started: a further one waits in the queue.
        pool=PRUNE,
        description="Prunes runs, events, logs, results of checks and ticks; its metadata says how much.",
    )
    @retry_transient_errors
    def prune(context: dg.OpExecutionContext, config: PruneConfig) -> None:
        from market_assets.dagster_ext.history.prune import Pruning
        from market_assets.store.database import Database
        from market_assets.store.schema import ensure_current

        database = Database(settings.market_url)
        ensure_current(database)
        before = datetime.now(UTC) - timedelta(days=settings.history_days)
        pruning = Pruning(context.instance, database.engine(), _what_jobs_run(context), before)
        pruned = pruning.run(dry=config.dry_run)
        context.log.info(("would prune: " if config.dry_run else "pruned: ") + worded(pruned))
        context.add_output_metadata({"dry_run": config.dry_run, "before": before.isoformat(), **vars(pruned)})

    @dg.config_mapping
    def simple(val: PruneConfig) -> dg.RunConfig:
        return dg.RunConfig(ops={"prune": val})

    @dg.job(
        name=PRUNE,
        config=simple,
        hooks={say_why_it_failed},
        tags=run_retry_tags(),
        description="Finished runs older than MARKET_ASSETS_HISTORY_DAYS leave Dagster's history, with events and "
        "logs; what is shown of assets stays, and so does job_executions.",
    )
    def prune_history() -> None:
        prune()

    return prune_history


def worded(pruned: "Pruned") -> str:
    """The counts in one line for a person."""
    return (
        f"{pruned.runs:,} runs, {pruned.events:,} events, {pruned.check_results:,} check results, "
        f"{pruned.ticks:,} ticks, {pruned.bytes:,} bytes; kept {pruned.kept_runs:,} old runs and "
        f"{pruned.kept_events:,} events that assets, checks and jobs still show"
    )


def _what_jobs_run(context: dg.OpExecutionContext) -> Callable[[str], str]:
    try:
        return what_jobs_run(context.repository_def)
    except dg.DagsterInvariantViolationError:
        # Executed by itself: no other job is known.
        return lambda _job: ""
