"""The skills that postings ask for."""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from market_assets.assets.moments import DAILY_ASSET, days_of
from market_assets.assets.store import MarketStore

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from market_assets.compute.skills import SkillMatcher
    from market_assets.storage.connection import MarketConnection
    from market_assets.taxonomy.skills import Taxonomy

EXTRACTED_CHECK = "skills_found_in_every_posting"
_COLUMNS = [dg.TableColumn("posting_id", "bigint"), dg.TableColumn("skill", "text")]


@dg.asset(
    deps=["job_postings"],
    description="The skills that each posting asks for, found in its title and description.",
    kinds={"sql", "view"},
    metadata={"dagster/column_schema": dg.TableSchema(columns=_COLUMNS)},
    check_specs=[
        dg.AssetCheckSpec(
            EXTRACTED_CHECK, asset="posting_skills", description="No posting of these days waits for its skills."
        )
    ],
    **DAILY_ASSET,
)
def posting_skills(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[MarketStore]
) -> dg.MaterializeResult:
    from market_assets.compute.skills import skill_matcher
    from market_assets.storage.facts import count_pending, ensure_skills
    from market_assets.taxonomy.skills import load_taxonomy

    days = days_of(context)
    matcher = skill_matcher(load_taxonomy(store.settings.taxonomy))
    with store.ingesting() as connection:
        with connection.transaction():
            skill_ids = ensure_skills(connection, _names(matcher.taxonomy))
        found = [_extract(connection, day, matcher, skill_ids) for day in days]
        pending = count_pending(connection, days)
    postings, skills, without = (sum(counts) for counts in zip(*found, strict=True))
    return dg.MaterializeResult(
        metadata={
            "postings": postings,
            "postings_without_skills": without,
            "skills_found": skills,
            "skills_per_posting": round(skills / postings, 2) if postings else 0.0,
            "dagster/partition_row_count": skills,
            "taxonomy_version": matcher.taxonomy.version,
        },
        check_results=[
            dg.AssetCheckResult(check_name=EXTRACTED_CHECK, passed=pending == 0, metadata={"pending": pending})
        ],
    )


def _names(taxonomy: "Taxonomy") -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(
        [(skill.name, skill.category) for skill in taxonomy.skills], ["skill", "category"], orient="row"
    )


def _extract(
    connection: "MarketConnection", day: date, matcher: "SkillMatcher", skill_ids: "npt.NDArray[np.uint16]"
) -> tuple[int, int, int]:
    """Find and store the skills of a day's postings; returns postings, skills, postings without any."""
    from market_assets.storage.facts import encode_skills, read_texts, write_skills

    postings = skills = without = 0
    with connection.transaction():
        for texts in read_texts(connection, day):
            found = matcher.extract(texts["title"], texts["description"])
            write_skills(connection, texts["posting_id"], encode_skills(found, skill_ids))
            postings += texts.height
            skills += int(found.list.len().sum())
            without += int((found.list.len() == 0).sum())
    return postings, skills, without
