"""The skills of all taxonomies so far, and the rules by which postings were searched for them."""

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
from market_assets.store.revisions import count_up_postings
from market_assets.store.tables.postings import extraction_versions, job_postings, posting_facts, skills

_SKILL = pl.Schema({"skill_id": pl.Int16(), "skill": pl.String(), "category": pl.String()})
_OUTDATED_TEXT = pl.Schema(
    {
        "posting_id": pl.Int64(),
        "title": pl.String(),
        "description": pl.String(),
        "text_hash": pl.Int64(),
        "skills_version": pl.Int64(),
    }
)
_MOST_SKILLS = 2**15


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
        """The number of these rules in the store."""
        digest = sha256(f"{self.rules}\n{self.taxonomy}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)


def rules_of(matcher: SkillMatcher) -> ExtractionRules:
    """The rules by which a matcher finds skills."""
    return ExtractionRules(matcher.taxonomy.to_json(), matcher.rules)


def skill_names(taxonomy: Taxonomy) -> pl.DataFrame:
    """skill, category of each skill of a taxonomy."""
    return pl.DataFrame(
        [(skill.name, skill.category) for skill in taxonomy.skills], ["skill", "category"], orient="row"
    )


def prepare(connection: MarketConnection, names: pl.DataFrame, rules: ExtractionRules) -> npt.NDArray[np.int16]:
    """Make skills and rules known before what they find is written, in a separate transaction.

    It waits for others that write postings only where something is new.

    Args:
        connection: where the postings are.
        names: skill, category.
        rules: kept for as long as a posting may have been searched by them.

    Returns:
        int16, the id of each row of `names`.
    """
    with connection.transaction():
        known = known_skill_ids(connection, names) if _is_known(connection, rules) else None
    if known is not None:
        return known
    with connection.transaction():
        ids = ensure_skills(connection, names)
        if not _is_known(connection, rules):
            row = {"version": rules.version, "rules": rules.rules, "taxonomy": rules.taxonomy}
            connection.append(extraction_versions, pl.DataFrame([row]))
    return ids


def read_known_skills(connection: MarketConnection) -> pl.DataFrame:
    """skill_id, skill, category of every skill that some taxonomy had."""
    return connection.read(sa.select(*(skills.c[name] for name in _SKILL)), _SKILL)


def known_skill_ids(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.int16] | None:
    """The ids of a taxonomy's skills, as of `ensure_skills`, where that would change nothing; else None."""
    known = names.join(read_known_skills(connection), ["skill", "category"], how="left", maintain_order="left")
    return None if known["skill_id"].null_count() else known["skill_id"].to_numpy()


def ensure_skills(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.int16]:
    """Give every skill of a taxonomy an id that it keeps for ever; inside the caller's transaction.

    Args:
        connection: where the skills are.
        names: skill, category.

    Returns:
        int16, the id of each row of `names`.

    Raises:
        ValueError: no ids are left.
    """
    count_up_postings(connection)
    known = read_known_skills(connection)
    next_id = max(known["skill_id"].to_list(), default=-1) + 1
    fresh = names.join(known, on="skill", how="anti", maintain_order="left")
    if next_id + fresh.height > _MOST_SKILLS:
        raise ValueError(f"no more than {_MOST_SKILLS:,} skills can ever be known to one database")
    ids = pl.Series("skill_id", list(range(next_id, next_id + fresh.height)), dtype=pl.Int16)
    fresh = fresh.with_columns(ids)
    connection.append(skills, fresh)
    moved = names.join(known, on="skill", suffix="_known").filter(pl.col("category") != pl.col("category_known"))
    if moved.height:
        staged = connection.stage("moved_skills", moved.select("skill", "category"))
        connection.execute(
            skills.update().values(category=staged.c.category).where(skills.c.skill == staged.c.skill)
        )
    both = pl.concat([known.select("skill_id", "skill"), fresh.select("skill_id", "skill")])
    return names.join(both, on="skill", how="left", maintain_order="left")["skill_id"].to_numpy()


def _is_known(connection: MarketConnection, rules: ExtractionRules) -> bool:
    version = extraction_versions.c.version
    return connection.scalar(sa.select(version).where(version == rules.version)) is not None


def read_rules(connection: MarketConnection) -> dict[int, ExtractionRules]:
    """The rules that some posting may have been searched by, by their version."""
    schema = pl.Schema({"version": pl.Int64(), "rules": pl.String(), "taxonomy": pl.String()})
    rows = connection.read(sa.select(*extraction_versions.c), schema)
    return {row["version"]: ExtractionRules(row["taxonomy"], row["rules"]) for row in rows.to_dicts()}


def delete_unused_rules(connection: MarketConnection, current: ExtractionRules) -> None:
    """Delete the rules that no posting was searched by; inside the caller's transaction."""
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
    """The texts and versions of the next postings by id that were searched by other rules than these."""
    facts = posting_facts.c
    query = (
        sa.select(
            *(
                (job_postings if name in ("title", "description") else posting_facts).c[name]
                for name in _OUTDATED_TEXT
            )
        )
        .join_from(posting_facts, job_postings, job_postings.c.posting_id == facts.posting_id)
        .where(_outdated(rules), facts.posting_id > after)
        .order_by(facts.posting_id)
        .limit(batch)
    )
    return connection.read(query, _OUTDATED_TEXT)


def _outdated(rules: ExtractionRules) -> sa.ColumnElement[bool]:
    facts = posting_facts.c
    return sa.and_(facts.in_store, facts.skills_version != rules.version)
