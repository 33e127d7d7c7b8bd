"""Small markets as plain Python, drawn by hypothesis or at random, and the columns made of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zlib import crc32

import numpy as np
import polars as pl
from hypothesis import strategies as st

from market_assets.statistics.window import WINDOW_POSTING, Window

AS_OF = datetime(2024, 3, 15, 13, 45, 12, 345678, tzinfo=UTC)
TODAY = datetime(2024, 3, 15, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

#: The windows' edges with an instant either side, ends of months, a leap day.
EDGES = (
    AS_OF,
    AS_OF + INSTANT,
    TODAY,
    TODAY - timedelta(days=30),
    TODAY - timedelta(days=30) - INSTANT,
    TODAY - timedelta(days=90),
    TODAY - timedelta(days=90) - INSTANT,
    datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 12, tzinfo=UTC),
)

#: Names whose order by code point is not the alphabet's, prefixes of each other, beyond ASCII.
SKILLS = ("C", "C#", "C++", "SQL", "Zig", "c-suite", "sql", "Ökonometrie", "数据")
LOCATIONS = (
    'The "Hub", US',
    "Back\\slash, GB",
    "São Paulo, BR",
    "Aberdeen, GB",
    "Zürich, CH",
    "Oslo, NO",
    "Ube, JP",
)
OCCUPATIONS = ("Cook", "Data engineer", "Nurse", "Truck driver")
WEIGHTS = (0, 40, 79, 80, 100)
BAND_EDGES = (0.0, 24_999.99, 25_000.0, 49_999.99, 50_000.0, 199_999.99, 200_000.0, 1_000_000.0)


@dataclass(frozen=True)
class Posting:
    """A counted posting."""

    skills: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    source: str = "sample"
    posted_at: datetime = TODAY
    location: str | None = None
    further_locations: tuple[str, ...] = ()
    industry: str | None = None
    employment_type: str | None = None
    workplace: str | None = None
    salary: float | None = None
    country: str | None = None
    seniority: str | None = None
    occupation: str | None = None
    employer: str | None = None
    dated: bool = True
    first_seen: date | None = None

    @property
    def partition_date(self) -> date:
        """The day of posting, unless it was first seen on another."""
        return self.first_seen or self.posted_at.date()

    @property
    def places(self) -> set[str]:
        return set() if self.location is None else {self.location, *self.further_locations}

    @property
    def locations(self) -> str | None:
        """As they are stored: a JSON list where there are several."""
        if self.location is None or not self.further_locations:
            return None
        return json.dumps([[place, None] for place in (self.location, *self.further_locations)])

    @property
    def company_key(self) -> int | None:
        return None if self.employer is None else crc32(self.employer.encode()) - (1 << 31)

    @property
    def mentions_only(self) -> list[str]:
        """The skills that it mentions without asking for them."""
        return [skill for skill in self.mentions if skill not in self.skills]

    def weight_of(self, skill: str) -> int:
        """How much it wants a skill: any of a few weights, the same for the same posting; 0 is not known."""
        return WEIGHTS[crc32(f"{skill} {self.posted_at} {self.salary}".encode()) % len(WEIGHTS)]


@dataclass(frozen=True)
class Market:
    """Postings, and the category of every skill there is, asked for or not."""

    postings: list[Posting]
    categories: dict[str, str | None] = field(default_factory=dict)

    def window(self) -> Window:
        """The same as columns."""
        names = sorted(self.categories)
        position = {name: code for code, name in enumerate(names)}
        fields = [name for name in WINDOW_POSTING if name not in ("posting_id", "language")]
        columns = {name: [getattr(posting, name) for posting in self.postings] for name in fields}
        lengths = [len(posting.skills) for posting in self.postings]
        codes = [position[skill] for posting in self.postings for skill in posting.skills]
        mentions = [(row, skill) for row, each in enumerate(self.postings) for skill in each.mentions_only]
        return Window(
            postings=pl.DataFrame(
                {"posting_id": range(len(self.postings)), "language": None, **columns}, schema=WINDOW_POSTING
            ),
            offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
            codes=np.array(codes, dtype=np.int32),
            skills=pl.DataFrame(
                {"skill": names, "category": [self.categories[name] for name in names]},
                schema={"skill": pl.String(), "category": pl.String()},
            ),
            weights=np.array(
                [posting.weight_of(skill) for posting in self.postings for skill in posting.skills], dtype=np.uint8
            ),
            mention_rows=np.array([row for row, _ in mentions], dtype=np.int64),
            mention_codes=np.array([position[skill] for _, skill in mentions], dtype=np.int32),
        )


def market(postings: Iterable[Posting]) -> Market:
    """A market in which every skill of the postings is of one category."""
    held = list(postings)
    return Market(held, {skill: "any" for posting in held for skill in posting.skills})


_salaries = st.one_of(
    st.none(),
    st.sampled_from(BAND_EDGES),
    st.integers(20_000, 20_020).map(float),
    st.floats(0.01, 1_000_000, allow_nan=False),
)

_postings = st.builds(
    Posting,
    skills=st.lists(st.sampled_from(SKILLS), unique=True, max_size=len(SKILLS)).map(tuple),
    mentions=st.lists(st.sampled_from(SKILLS), unique=True, max_size=3).map(tuple),
    source=st.sampled_from(("adzuna", "sample_jobs", "usajobs")),
    posted_at=st.one_of(
        st.sampled_from(EDGES), st.timedeltas(timedelta(0), timedelta(100)).map(lambda d: AS_OF - d)
    ),
    location=st.none() | st.sampled_from(LOCATIONS),
    further_locations=st.lists(st.sampled_from(LOCATIONS), max_size=2).map(tuple),
    industry=st.none() | st.sampled_from(("Finance", "Health", "unknown")),
    employment_type=st.none() | st.sampled_from(("contract", "full_time")),
    workplace=st.none() | st.sampled_from(("hybrid", "onsite", "remote")),
    salary=_salaries,
    country=st.none() | st.sampled_from(("DE", "US")),
    seniority=st.none() | st.sampled_from(("junior", "senior")),
    occupation=st.none() | st.sampled_from(OCCUPATIONS[:3]),
    employer=st.none() | st.sampled_from(("Acme", "Globex", "Initech")),
    dated=st.sampled_from((True, True, True, False)),
)


def markets(max_size: int = 25) -> st.SearchStrategy[Market]:
    """Markets with few skills, industries and places, so that ties and empty groups are frequent."""
    categories = st.fixed_dictionaries(
        {skill: st.none() | st.sampled_from(("data", "languages", "business")) for skill in SKILLS}
    )
    return st.builds(Market, st.lists(_postings, max_size=max_size), categories)


def random_market(
    seed: int, *, postings: int, skills: int, categories: int, industries: int = 6, locations: int = 30
) -> Market:
    """A larger market, the same for the same seed, in which some skills are far more frequent than others."""
    draw, occupied = random.Random(seed), random.Random(seed)
    names = [f"skill {number:04d}" for number in range(skills)]

    def posting() -> Posting:
        frequent = {names[int(skills * draw.random() ** 2)] for _ in range(draw.randint(0, 12))}
        return Posting(
            skills=tuple(draw.sample(sorted(frequent), len(frequent))),
            mentions=tuple(draw.sample(names, 2)),
            source=f"source {draw.randrange(4)}",
            posted_at=AS_OF - timedelta(seconds=draw.uniform(0, 100 * 86_400)),
            location=draw.choice([None, *(f"Town {number}, DE" for number in range(locations))]),
            industry=draw.choice([None, *(f"industry {number}" for number in range(industries))]),
            employment_type=draw.choice([None, "full_time", "part_time", "contract"]),
            workplace=draw.choice([None, "remote", "hybrid", "onsite"]),
            salary=draw.choice([None, round(draw.lognormvariate(11.2, 0.5), 2)]),
            country=draw.choice([None, "DE", "DE", "US"]),
            seniority=draw.choice([None, "junior", "senior"]),
            occupation=occupied.choice([None, *OCCUPATIONS]),
            employer=draw.choice([None, *(f"company {number}" for number in range(40))]),
            dated=draw.random() < 0.9,
        )

    held = [posting() for _ in range(postings)]
    return Market(held, {name: f"category {number % categories}" for number, name in enumerate(names)})
