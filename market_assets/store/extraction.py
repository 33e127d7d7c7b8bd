"""By which rules the skills of postings were found, and which postings were searched by older ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.skills.matching import SkillMatcher
from market_assets.skills.taxonomy import Taxonomy
from market_assets.store.connection import MarketConnection
from market_assets.store.posting_skills import ensure_skills, known_skill_ids
from market_assets.store.tables.postings import extraction_versions, job_postings, posting_facts

_TEXT = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "title": pl.String(),
        "description": pl.String(),
        "text_hash": pl.Int64(),
        "skills": pl.Binary(),
        "skill_weights": pl.Binary(),
        "skills_version": pl.Int64(),
    }
)


@dataclass(frozen=True)
class ExtractionRules:
    """Everything that decides which skills are found in a text.

    Attributes:
        taxonomy: the skills as JSON (`Taxonomy.to_json`).
        rules: names everything beside the taxonomy that extraction depends on.
    """

    taxonomy: str
    rules: str

    @cached_property
    def version(self) -> int:
        """What the store knows these rules by."""
        digest = sha256(f"{self.rules}\n{self.taxonomy}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)


def rules_of(matcher: SkillMatcher) -> ExtractionRules:
    """What a matcher finds skills by, as the store remembers it."""
    return ExtractionRules(matcher.taxonomy.to_json(), matcher.rules)


def skill_names(taxonomy: Taxonomy) -> pl.DataFrame:
    """skill, category: what the store knows skills by."""
    return pl.DataFrame(
        [(skill.name, skill.category) for skill in taxonomy.skills], ["skill", "category"], orient="row"
    )


def prepare(connection: MarketConnection, names: pl.DataFrame, rules: ExtractionRules) -> npt.NDArray[np.uint16]:
    """Make skills and rules known before what they find is written, in a transaction of its own.

    It waits for others that write postings only where something is new.

    Args:
        connection: where the postings are.
        names: skill, category.
        rules: kept for as long as a posting may have been searched by them.

    Returns:
        uint16, the id of each row of `names`.
    """
    with connection.transaction():
        known = known_skill_ids(connection, names) if _is_remembered(connection, rules) else None
    if known is not None:
        return known
    with connection.transaction():
        ids = ensure_skills(connection, names)
        if not _is_remembered(connection, rules):
            row = {"version": rules.version, "rules": rules.rules, "taxonomy": rules.taxonomy}
            connection.append(extraction_versions, pl.DataFrame([row]))
    return ids


def _is_remembered(connection: MarketConnection, rules: ExtractionRules) -> bool:
    version = extraction_versions.c.version
    return connection.scalar(sa.select(version).where(version == rules.version)) is not None


def recall_rules(connection: MarketConnection) -> dict[int, ExtractionRules]:
    """The rules that are remembered, by their version."""
    schema = pl.Schema({"version": pl.Int64(), "rules": pl.String(), "taxonomy": pl.String()})
    rows = connection.read(sa.select(*extraction_versions.c), schema)
    return {row["version"]: ExtractionRules(row["taxonomy"], row["rules"]) for row in rows.to_dicts()}


def forget_unused_rules(connection: MarketConnection, current: ExtractionRules) -> None:
    """Drop the rules that no posting was searched by; inside the caller's transaction."""
    used = sa.select(posting_facts.c.skills_version).where(posting_facts.c.skills_version.is_not(None))
    connection.execute(
        extraction_versions.delete().where(
            extraction_versions.c.version.not_in(used), extraction_versions.c.version != current.version
        )
    )


def count_outdated(connection: MarketConnection, rules: ExtractionRules) -> int:
    """How many postings of the store were searched by other rules than these."""
    query = sa.select(sa.func.count()).select_from(posting_facts).where(_outdated(rules))
    return int(connection.scalar(query))


def read_outdated(connection: MarketConnection, rules: ExtractionRules, after: int, batch: int) -> pl.DataFrame:
    """The texts, skills and version of the next postings by id that were searched by other rules than these."""
    facts = posting_facts.c
    query = (
        sa.select(
            facts.posting_id,
            job_postings.c.title,
            job_postings.c.description,
            facts.text_hash,
            facts.skills,
            facts.skill_weights,
            facts.skills_version,
        )
        .join_from(posting_facts, job_postings, job_postings.c.posting_id == facts.posting_id)
        .where(_outdated(rules), facts.posting_id > after)
        .order_by(facts.posting_id)
        .limit(batch)
    )
    return connection.read(query, _TEXT)


def mark_current(connection: MarketConnection, posting_ids: pl.Series, rules: ExtractionRules) -> None:
    """Say that these rules find in postings what is stored; inside the caller's transaction."""
    staged = connection.stage("searched_again", posting_ids.alias("posting_id").to_frame())
    connection.execute(
        posting_facts.update()
        .values(skills_version=rules.version)
        .where(posting_facts.c.posting_id.in_(sa.select(staged.c.posting_id)))
    )


def _outdated(rules: ExtractionRules) -> sa.ColumnElement[bool]:
    facts = posting_facts.c
    other = sa.or_(facts.skills_version.is_(None), facts.skills_version != rules.version)
    return sa.and_(facts.in_store, facts.skills.is_not(None), other)
