"""The jobs, besides those of the user's tasks. Which assets belong to one is decided by the asset groups."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.maintenance import DELETE_TAG
from market_assets.defs.assets.result_asset import KEEP_WEEKLY_TAG
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import RUN_RETRY_TAGS, retry_transient_errors
from market_assets.operations.executions import ExecutionReader
from market_assets.operations.names import CLEANUP, INGESTION, PRUNE, REBUILD, REEXTRACTION, REFRESH, RUNS_TAG

if TYPE_CHECKING:
    from market_assets.dagster_ext.history import Pruned
    from market_assets.store.database import Database


def default_jobs() -> "list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition]":
    """The jobs, by the ids that the REST API and the command line know them by."""
    return [
        _asset_job(
            INGESTION,
            ["ingestion"],
            "One day: every source is fetched and landed; its postings are validated, deduplicated, searched for "
            "skills and stored. Without a partition it is about today.",
        ),
        _asset_job(
            REFRESH,
            ["relationships", "statistics"],
            "All statistics are recomputed; pairs, relationships and categories brought up to date.",
            {KEEP_WEEKLY_TAG: "true"},
        ),
        _asset_job(
            CLEANUP,
            ["maintenance"],
            "Postings older than the retention are archived, then deleted; the database is optimised.",
            {DELETE_TAG: "true"},
        ),
        _asset_job(
            REBUILD,
            ["relationships", "taxonomy"],
            "Co-occurrence, relationships, recommendations and communities from nothing; names that the taxonomy "
            "may lack.",
        ),
        reextraction_job,
        prune_history_job,
    ]


def job_options(runs: str, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What all jobs have in common.

    Args:
        runs: the assets that the job makes, in Dagster's syntax for selecting them, or the function that it calls.
        tags: further tags of its runs.
    """
    return {"tags": {RUNS_TAG: runs, **RUN_RETRY_TAGS, **(tags or {})}}


def _asset_job(
    name: str, groups: Sequence[str], description: str, tags: Mapping[str, str] | None = None
) -> "dg.UnresolvedAssetJobDefinition":
    runs = " or ".join(f'group:"{group}"' for group in groups)
    return dg.define_asset_job(
        name, selection=dg.AssetSelection.groups(*groups), description=description, **job_options(runs, tags)
    )


@dg.op(
    description="Searches the postings that other rules searched, and reads their occupations again; every batch "
    "is whole in itself.",
    # One run at a time, however it was started: two would search the same postings.
    pool=REEXTRACTION,
)
@retry_transient_errors
def search_postings_again(context: dg.OpExecutionContext, store: dg.ResourceParam[MarketStore]) -> None:
    from market_assets.skills.matching import skill_matcher
    from market_assets.skills.taxonomy import load_taxonomy
    from market_assets.store.posting_skills import count_outdated, reextract
    from market_assets.store.skills import rules_version

    matcher = skill_matcher(load_taxonomy(store.settings.taxonomy))
    searched = changed = moved = 0
    with store.ingesting() as connection:
        outdated = count_outdated(connection, rules_version(matcher.taxonomy))
        context.log.info(
            f"{outdated:,} postings were searched by another taxonomy than {matcher.taxonomy.version}"
        )
        for searched_again, changed_by_it, moved_by_it in reextract(connection, matcher):
            searched, changed, moved = searched + searched_again, changed + changed_by_it, moved + moved_by_it
            context.log.info(f"{searched:,} of {outdated:,} searched, {changed:,} changed")
    context.add_output_metadata(
        {
            "postings_searched": searched,
            "postings_changed": changed,
            "occupations_changed": moved,
            "taxonomy_version": matcher.taxonomy.version,
        }
    )
    if changed or moved:
        context.log.info("statistics and relationships follow with the next refresh_market_stats")


@dg.job(
    name=REEXTRACTION,
    description="After a change of the taxonomy or the occupations: the postings are read again, in batches; a "
    "run that was killed goes on where it ended.",
    **job_options("search_postings_again"),
)
def reextraction_job() -> None:
    search_postings_again()


class PruneConfig(dg.Config):
    """How to prune; `{"dry_run": true}` is the run config of a dry run, which counts only."""

    dry_run: bool = False


@dg.op(
    out=dg.Out(dg.Nothing),
    # One run at a time, however it was started: a further one waits in the queue.
    pool=PRUNE,
    description="Prunes runs with their events, check results, logs and files; its metadata has the counts.",
)
@retry_transient_errors
def prune(context: dg.OpExecutionContext, config: PruneConfig, store: dg.ResourceParam[MarketStore]) -> None:
    from market_assets.store import audit

    now, settings = datetime.now(UTC), store.settings
    before = now - timedelta(days=settings.history_days)
    pruned = prune_recorded(context.instance, store.database, before, dry_run=config.dry_run)
    entries = audit.prune(store.database, now - timedelta(days=settings.audit_days), dry_run=config.dry_run)
    done = "would prune" if config.dry_run else "pruned"
    context.log.info(
        f"{done}: {pruned.runs:,} runs, {pruned.bytes:,} bytes of files, {entries:,} entries of the audit "
        f"log; kept {pruned.kept_runs:,} old runs whose results are the latest of an asset, check or job"
    )
    counted = {"before": before.isoformat(), **vars(pruned), "audit_entries": entries}
    context.add_output_metadata({"dry_run": config.dry_run, **counted})


@dg.config_mapping
def config_of_prune(val: PruneConfig) -> dg.RunConfig:
    return dg.RunConfig(ops={"prune": val})


@dg.job(
    name=PRUNE,
    config=config_of_prune,
    description="Finished runs older than MARKET_ASSETS_HISTORY_DAYS leave Dagster's history, with events and "
    "logs; what is shown of assets stays, and so does job_executions.",
    **job_options("prune"),
)
def prune_history_job() -> None:
    prune()


def prune_recorded(
    instance: dg.DagsterInstance, database: "Database", before: datetime, *, dry_run: bool = False
) -> "Pruned":
    """Prune the history, once the runs are in the table `job_executions`.

    Args:
        instance: whose history it is.
        database: has the table.
        before: runs that changed last before this time are old.
        dry_run: count only.
    """
    from market_assets.dagster_ext import history
    from market_assets.store.executions import record_executions
    from market_assets.store.schema import ensure_current

    ensure_current(database)
    engine = database.engine()
    reader = ExecutionReader(instance)

    def record(runs: Sequence[dg.RunRecord]) -> None:
        record_executions(engine, [reader.execution(run) for run in runs])

    return history.prune_history(instance, before, record, dry_run=dry_run)
