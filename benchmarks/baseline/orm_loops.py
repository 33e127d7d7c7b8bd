"""Demand of skills by way of SQLAlchemy's ORM: a row is an object, and a loop counts."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session

from market_assets.skills.weights import ASKED_FOR
from market_assets.store.database import Database
from market_assets.store.tables.postings import posting_facts, posting_skill_facts, skills


class Base(DeclarativeBase):
    pass


class Posting(Base):
    __table__ = posting_facts


class PostingSkill(Base):
    __table__ = posting_skill_facts


class Skill(Base):
    __table__ = skills


def skill_demand(database: Database) -> dict[str, int]:
    """How many counted postings ask for each skill."""
    counts: Counter[str] = Counter()
    with Session(database.engine()) as session:
        names = {skill.skill_id: skill.skill for skill in session.scalars(sa.select(Skill))}
        counted = {
            posting.posting_id
            for posting in session.scalars(sa.select(Posting))
            if posting.duplicate_of is None and posting.skills_version is not None
        }
        for found in session.scalars(sa.select(PostingSkill)):
            if found.posting_id in counted and found.weight >= ASKED_FOR:
                counts[names[found.skill_id]] += 1
    return dict(counts)
