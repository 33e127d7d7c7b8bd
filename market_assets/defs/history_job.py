"""The job that prunes Dagster's history; `dry_run: true` in its run config counts only."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.defs.jobs import PRUNE
from market_assets.defs.retries import retry_transient_errors, run_retry_tags
from market_assets.operations.executions import ExecutionReader, what_jobs_run
from market_assets.operations.failure_cause import print_failure_cause
from market_assets.settings import Settings

if TYPE_CHECKING:
    from market_assets.dagster_ext.history import Pruned


class PruneConfig(dg.Config):
    """How to prune; `{"dry_run": true}` is the run config of a dry run."""

    dry_run: bool = False


def prune_history_job(settings: Settings) -> dg.JobDefinition:
    """Deletes finished runs that are older than the history's days, with their events, logs and files."""

    @dg.op(
        out=dg.Out(dg.Nothing),
        # One run at a time, however it was started: a further one waits in the queue.
        pool=PRUNE,
        description="Prunes runs with their events, check results, logs and files; its metadata has the counts.",
    )
    @retry_transient_errors
    def prune(context: dg.OpExecutionContext, config: PruneConfig) -> None:
        before = datetime.now(UTC) - timedelta(days=settings.history_days)
        pruned = prune_recorded(
            context.instance, settings, _what_jobs_run(context), before, dry_run=config.dry_run
        )
        context.log.info(("would prune: " if config.dry_run else "pruned: ") + in_words(pruned))
        context.add_output_metadata({"dry_run": config.dry_run, "before": before.isoformat(), **vars(pruned)})

    @dg.config_mapping
    def simple(val: PruneConfig) -> dg.RunConfig:
        return dg.RunConfig(ops={"prune": val})

    @dg.job(
        name=PRUNE,
        config=simple,
        hooks={print_failure_cause},
        tags=run_retry_tags(),
        description="Finished runs older than MARKET_ASSETS_HISTORY_DAYS leave Dagster's history, with events and "
        "logs; what is shown of assets stays, and so does job_executions.",
    )
    def prune_history() -> None:
        prune()

    return prune_history


def prune_recorded(
    instance: dg.DagsterInstance,
    settings: Settings,
    what_it_runs: Callable[[str], str],
    before: datetime,
    *,
    dry_run: bool = False,
) -> "Pruned":
    """Prune the history; runs that the table `job_executions` lacks are written to it first.

    Args:
        instance: whose history it is.
        settings: which market database has the table.
        what_it_runs: the assets or functions of a job, by its name.
        before: runs that changed last before this time are old.
        dry_run: count only.
    """
    from market_assets.dagster_ext import history
    from market_assets.store.database import Database
    from market_assets.store.executions import record_executions, unrecorded
    from market_assets.store.schema import ensure_current

    database = Database(settings.market_url)
    ensure_current(database)
    engine = database.engine()
    reader = ExecutionReader(instance, what_it_runs)

    def record(runs: Sequence[dg.RunRecord]) -> None:
        lacking = set(unrecorded(engine, [run.dagster_run.run_id for run in runs]))
        record_executions(engine, [reader.execution(run) for run in runs if run.dagster_run.run_id in lacking])

    return history.prune_history(instance, before, record, dry_run=dry_run)


def in_words(pruned: "Pruned") -> str:
    """The counts in one line for a person."""
    return (
        f"{pruned.runs:,} runs, {pruned.bytes:,} bytes of files; "
        f"kept {pruned.kept_runs:,} old runs whose results are the latest of an asset, check or job"
    )


def _what_jobs_run(context: dg.OpExecutionContext) -> Callable[[str], str]:
    try:
        return what_jobs_run(context.repository_def)
    except dg.DagsterInvariantViolationError:
        # Executed by itself: no other job is known.
        return lambda _job: ""
