"""The skills that postings ask for."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from market_assets.defs.assets.asset_metadata import code_in, column_lineage, column_schema
from market_assets.defs.partitions import DAILY_ASSET, days_of
from market_assets.defs.progress_logger import with_progress
from market_assets.defs.resources import MarketStore
from market_assets.defs.retries import retry_transient_errors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from market_assets.parallel import Processes
    from market_assets.skills.taxonomy import Taxonomy
    from market_assets.store.connection import MarketConnection

#: So many batches of texts, all in all, are searched without other processes.
_SEARCHED_HERE = 8
#: The skills of so many batches are written at once: on their way they take several times their memory.
_WRITTEN_TOGETHER = 100
EXTRACTED_CHECK = "skills_found_in_every_posting"
_TEXT = (("job_postings", "title"), ("job_postings", "description"))
#: Which columns of job_postings the columns of the view come from.
FOUND_IN = {"posting_id": (("job_postings", "posting_id"),), "skill": _TEXT, "weight": _TEXT}


# It may be left out of a run of its own check, which Dagster then runs by itself.
@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            "posting_skills",
            deps=["job_postings"],
            description="The skills that each posting asks for, found in its title and description.",
            kinds={"sql", "view"},
            metadata={"dagster/table_name": "posting_skills", **code_in("skills.matching", "skills.weights")},
            skippable=True,
            **{name: value for name, value in DAILY_ASSET.items() if name != "backfill_policy"},
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            EXTRACTED_CHECK,
            asset="posting_skills",
            description="No posting waits for its skills: of a run's days, or of all where it is run by itself.",
        )
    ],
    can_subset=True,
    backfill_policy=DAILY_ASSET["backfill_policy"],
)
@retry_transient_errors
def posting_skills(context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]) -> Iterator[Any]:
    from market_assets.store.posting_skills import count_pending

    days = None
    if context.selected_asset_keys:
        days = days_of(context)
        yield _find_skills(context, store, days)
    if context.selected_asset_check_keys:
        with store.reading() as connection:
            pending = count_pending(connection, days)
        yield dg.AssetCheckResult(
            asset_key="posting_skills",
            check_name=EXTRACTED_CHECK,
            passed=pending == 0,
            metadata={"pending": pending},
        )


def _find_skills(
    context: dg.AssetExecutionContext, store: MarketStore, days: Sequence[date]
) -> dg.MaterializeResult:
    from market_assets.parallel import Processes
    from market_assets.skills.taxonomy import load_taxonomy
    from market_assets.store.posting_skills import count_outdated, count_skills
    from market_assets.store.skills import prepare, rules_version
    from market_assets.store.tables import postings as tables

    taxonomy = load_taxonomy(store.settings.taxonomy)
    version = rules_version(taxonomy)
    with store.ingesting() as connection:
        skill_ids = prepare(connection, taxonomy)
        with Processes(partial(_search, taxonomy), little=_SEARCHED_HERE) as processes:
            searched = sum(
                _extract(context, connection, day, processes, skill_ids, version)
                for day in with_progress(context, days, lambda done: f"{done} of {len(days)} days")
            )
        postings, skills, without = count_skills(connection, days)
        outdated = count_outdated(connection, version)
    if outdated:
        context.log.warning(
            f"{outdated:,} postings were searched by an older taxonomy; `reextract_skills` searches them again"
        )
    return dg.MaterializeResult(
        asset_key="posting_skills",
        metadata={
            "postings": postings,
            "postings_searched": searched,
            "postings_without_skills": without,
            "skills_found": skills,
            "skills_per_posting": round(skills / postings, 2) if postings else 0.0,
            "dagster/partition_row_count": skills,
            "taxonomy_version": taxonomy.version,
            "postings_of_older_taxonomy": outdated,
            **column_schema(tables.posting_skills),
            **column_lineage(tables.posting_skills, FOUND_IN),
        },
    )


def _extract(
    context: dg.AssetExecutionContext,
    connection: "MarketConnection",
    day: date,
    processes: "Processes[pl.DataFrame, tuple[pl.DataFrame, pl.DataFrame]]",
    skill_ids: "npt.NDArray[np.int16]",
    version: int,
) -> int:
    """Find and store the skills of a day's postings that these rules have not searched; returns how many."""
    import polars as pl

    from market_assets.store.posting_skills import read_texts, skill_rows, write_skills

    searched, rows = [], []
    with connection.transaction():
        batches = with_progress(
            context,
            read_texts(connection, day, version),
            lambda done: f"{done:,} postings",
            lambda batch: batch.height,
        )
        for postings, found in processes.results(batches):
            searched.append(postings)
            rows.append(skill_rows(postings["posting_id"], found, skill_ids))
    # Searching takes long and holds nobody up; others who write postings wait for the writing alone.
    with connection.transaction():
        for start in range(0, len(searched), _WRITTEN_TOGETHER):
            together = slice(start, start + _WRITTEN_TOGETHER)
            write_skills(connection, pl.concat(searched[together]), pl.concat(rows[together]), version)
    return sum(postings.height for postings in searched)


def _search(taxonomy: "Taxonomy", texts: "pl.DataFrame") -> tuple["pl.DataFrame", "pl.DataFrame"]:
    """The posting_id and text_hash of texts, and what is found in each."""
    # Made where there is something to search alone: it takes a sixth of the time of a day that is known.
    from market_assets.skills.matching import skill_matcher

    found = skill_matcher(taxonomy).extract(texts["title"], texts["description"])
    return texts.select("posting_id", "text_hash"), found
