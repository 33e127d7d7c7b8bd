"""The job that searches postings again after the taxonomy has changed."""

from typing import Any

import dagster as dg

from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors, run_retry_tags
from market_assets.operations.failure_cause import print_failure_cause

REEXTRACTION = "reextract_skills"


@dg.op(
    description="Searches the postings that a changed taxonomy can matter to; every batch is whole in itself.",
    # One run at a time, however it was started: two would search the same postings.
    pool=REEXTRACTION,
)
@retry_transient_errors
def search_postings_again(context: dg.OpExecutionContext, store: dg.ResourceParam[MarketStore]) -> None:
    from market_assets.skills.matching import skill_matcher
    from market_assets.skills.taxonomy import load_taxonomy
    from market_assets.store.reextraction import Reextracted, reextract
    from market_assets.store.skills import count_outdated, rules_of

    matcher = skill_matcher(load_taxonomy(store.settings.taxonomy))
    done = Reextracted()
    with store.ingesting() as connection:
        outdated = count_outdated(connection, rules_of(matcher))
        context.log.info(
            f"{outdated:,} postings were searched by another taxonomy than {matcher.taxonomy.version}"
        )
        for batch in reextract(connection, matcher):
            done += batch
            context.log.info(f"{done.compared:,} of {outdated:,} compared, {done.changed:,} changed")
    context.add_output_metadata(_figures(done, matcher.taxonomy.version))
    if done.changed:
        context.log.info("statistics and relationships follow with the next refresh_market_stats")


def _figures(done: Any, taxonomy_version: str) -> dict[str, Any]:
    return {
        "postings_compared": done.compared,
        "postings_searched": done.searched,
        "postings_changed": done.changed,
        "taxonomy_version": taxonomy_version,
    }


@dg.job(
    name=REEXTRACTION,
    description="After a change of the taxonomy: the postings that it can matter to are searched again, in "
    "batches; a run that was killed goes on where it ended.",
    hooks={print_failure_cause},
    tags=run_retry_tags(),
)
def reextraction_job() -> None:
    search_postings_again()
