"""The jobs on assets. Which assets belong to a job is decided by the asset groups."""

from __future__ import annotations

import dagster as dg

from market_assets.defs.assets.maintenance import DELETE_TAG
from market_assets.defs.assets.result_asset import KEEP_WEEKLY_TAG
from market_assets.defs.retries import run_retry_tags
from market_assets.operations.failure_cause import print_failure_cause
from market_assets.operations.names import CLEANUP, INGESTION, PRUNE, REBUILD, REFRESH

__all__ = ["CLEANUP", "INGESTION", "PRUNE", "REBUILD", "REFRESH", "default_jobs"]


def default_jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """The jobs, by the ids that the REST API and the command line know them by."""
    group = dg.AssetSelection.groups
    return [
        dg.define_asset_job(
            INGESTION,
            selection=group("ingestion"),
            description="One day: every source is fetched and landed; its postings are validated, deduplicated, "
            "searched for skills and stored. Without a partition it is about today.",
            tags=run_retry_tags(),
            hooks={print_failure_cause},
        ),
        dg.define_asset_job(
            REFRESH,
            selection=group("statistics", "relationships"),
            description="All statistics are recomputed; pairs, relationships and categories brought up to date.",
            tags={KEEP_WEEKLY_TAG: "true", **run_retry_tags()},
            hooks={print_failure_cause},
        ),
        dg.define_asset_job(
            CLEANUP,
            selection=group("maintenance"),
            description="Postings older than the retention are archived, then deleted; the database is optimised.",
            tags={DELETE_TAG: "true", **run_retry_tags()},
            hooks={print_failure_cause},
        ),
        dg.define_asset_job(
            REBUILD,
            selection=group("relationships", "taxonomy"),
            description="Co-occurrence, relationships, recommendations and communities from nothing; names that "
            "the taxonomy may lack.",
            tags=run_retry_tags(),
            hooks={print_failure_cause},
        ),
    ]
