"""The skills of all taxonomies so far, and the version of the rules by which postings are searched for them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import sqlalchemy as sa

from market_assets.postings.occupations import occupations_version
from market_assets.store.reading import FrameReader
from market_assets.store.revisions import count_up_postings
from market_assets.store.tables.postings import skills

if TYPE_CHECKING:
    from market_assets.skills.taxonomy import Taxonomy
    from market_assets.store.connection import MarketConnection

_SKILL = pl.Schema({"skill_id": pl.Int16(), "skill": pl.String(), "category": pl.String(), "esco": pl.String()})
_NAMES = ("skill", "category", "esco")
_MOST_SKILLS = 2**15


def rules_version(taxonomy: Taxonomy) -> int:
    """A number for what decides which skills and which occupation a stored text has: see `posting_facts`."""
    # Who only reads what is known of skills does without the matcher.
    from market_assets.skills.matching import rules

    digest = sha256(f"{rules()}\n{taxonomy.version}".encode() + occupations_version()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def skill_names(taxonomy: Taxonomy) -> pl.DataFrame:
    """skill, category, esco of each skill of a taxonomy."""
    rows = [(skill.name, skill.category, skill.esco) for skill in taxonomy.skills]
    return pl.DataFrame(rows, dict.fromkeys(_NAMES, pl.String()), orient="row")


def prepare(connection: MarketConnection, taxonomy: Taxonomy) -> npt.NDArray[np.int16]:
    """The id of each skill of a taxonomy, which are made known before what is found is written.

    That is a separate transaction, which waits for others that write postings only where a skill is new.
    """
    names = skill_names(taxonomy)
    with connection.transaction():
        known = known_skill_ids(connection, names)
    if known is not None:
        return known
    with connection.transaction():
        return ensure_skills(connection, names)


def read_known_skills(connection: FrameReader) -> pl.DataFrame:
    """skill_id, skill, category, esco of every skill that some taxonomy had."""
    return connection.read(sa.select(*(skills.c[name] for name in _SKILL)), _SKILL)


def known_skill_ids(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.int16] | None:
    """The ids of a taxonomy's skills, as of `ensure_skills`, where that would change nothing; else None."""
    known = names.join(read_known_skills(connection), _NAMES, how="left", nulls_equal=True, maintain_order="left")
    return None if known["skill_id"].null_count() else known["skill_id"].to_numpy()


def ensure_skills(connection: MarketConnection, names: pl.DataFrame) -> npt.NDArray[np.int16]:
    """Give every skill of a taxonomy an id that it keeps for ever; inside the caller's transaction.

    Args:
        connection: where the skills are.
        names: skill, category and, where it is known, esco.

    Returns:
        int16, the id of each row of `names`.

    Raises:
        ValueError: no ids are left.
    """
    if "esco" not in names.columns:
        names = names.with_columns(esco=pl.lit(None, pl.String))
    count_up_postings(connection)
    known = read_known_skills(connection)
    next_id = max(known["skill_id"].to_list(), default=-1) + 1
    fresh = names.join(known, on="skill", how="anti", maintain_order="left")
    if next_id + fresh.height > _MOST_SKILLS:
        raise ValueError(f"no more than {_MOST_SKILLS:,} skills can ever be known to one database")
    ids = pl.Series("skill_id", list(range(next_id, next_id + fresh.height)), dtype=pl.Int16)
    fresh = fresh.with_columns(ids)
    connection.append(skills, fresh)
    changed = names.join(known, _NAMES, how="anti", nulls_equal=True).join(known, on="skill", how="semi")
    if changed.height:
        staged = connection.stage("changed_skills", changed.select(_NAMES))
        values = {"category": staged.c.category, "esco": staged.c.esco}
        connection.execute(skills.update().values(values).where(skills.c.skill == staged.c.skill))
    both = pl.concat([known.select("skill_id", "skill"), fresh.select("skill_id", "skill")])
    return names.join(both, on="skill", how="left", maintain_order="left")["skill_id"].to_numpy()
