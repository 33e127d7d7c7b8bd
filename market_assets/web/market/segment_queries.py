"""Figures of any segment, counted by the functions that compute the published tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from market_assets.postings.gazetteer import countries, country_code
from market_assets.postings.identity import company_keys
from market_assets.skills.weights import Weight
from market_assets.statistics.demand import market_demand, skill_demand, total_skill_demand
from market_assets.statistics.occupations import occupation_demand, occupation_salaries
from market_assets.statistics.pay import location_salaries, pay_of_all, salary_statistics
from market_assets.statistics.segments import Segment
from market_assets.statistics.window import Window, window_start
from market_assets.web.market import queries
from market_assets.web.market.counted_postings import Companies, CountedPostings
from market_assets.web.market.queries import IN_INDUSTRY, Content
from market_assets.web.market.requests import NamedSegment, Names
from market_assets.web.market.snapshot import MarketSnapshot, with_lists, with_pay


@dataclass(frozen=True)
class SegmentQueries:
    """The queries of the market API on a segment; the published figures where nothing is chosen.

    Each raises ApiError: 404, nothing has a name that is given.
    """

    market: MarketSnapshot
    postings: CountedPostings
    min_sample: int

    def segment(self, named: NamedSegment) -> Segment:
        """The segment as the postings spell it."""
        market = self.market
        return Segment(
            country=named.country and _country(named.country),
            industry=named.industry and queries.known_name(market.industries, named.industry, "Industry"),
            location=named.location and queries.known_location(market, named.location),
            company_key=None if named.company is None else self._company_key(named.company),
            seniority=named.seniority,
            workplace=named.workplace,
            occupation=named.occupation and queries.known_name(market.occupations, named.occupation, "Occupation"),
            since=None if named.period is None else window_start(market.bounds[1], named.period),
        )

    def skills(self, named: NamedSegment, category: str | None = None, search: str | None = None) -> pl.DataFrame:
        """The rows of `skill_demand` of the segment, by rank."""
        if named.chosen <= {"industry"}:
            return queries.skills(self.market, named.industry, category, search)
        counted = self.postings.counted(self.market, self.segment(named), total_skill_demand, self.min_sample)
        rows = with_lists(counted).sort("rank")
        return queries.chosen_skills(self.market, rows, category, search)

    def skill(self, name: str, named: NamedSegment) -> Content:
        """Everything about a skill: demand, pay and industries of the segment, growth of the whole market."""
        published = queries.skill(self.market, name)
        if not named.chosen:
            return published
        return {**published, **skill_in(self._inside(named).of_skill(published["skill"]), self.min_sample)}

    def salaries_of_skill(self, name: str, named: NamedSegment) -> Content:
        published = queries.salaries_of_skill(self.market, name)
        if not named.chosen:
            return published
        found = skill_in(self._inside(named).of_skill(published["skill"]), self.min_sample)
        return {name: found.get(name, value) for name, value in published.items()}

    def salaries_of_location(self, name: str, named: NamedSegment) -> Content:
        published = queries.salaries_of_location(self.market, name)
        if named.chosen <= {"location"}:
            return published
        rows = location_salaries(self._inside(replace(named, location=name)), self.min_sample).drop("location")
        return {**published, "salaries": rows.row(0, named=True) if rows.height else None}

    def locations(self, named: NamedSegment, skill: str | None = None, search: str | None = None) -> pl.DataFrame:
        """The rows of `location_salaries`, of the postings that ask for a skill; most postings first."""
        rows = self.market.location_salaries
        if skill or named.chosen:
            counted = location_salaries(self._asking(named, skill), self.min_sample)
            rows = counted.sort("postings", "location", descending=[True, False])
        return queries.with_name(rows, "location", self.market.location_names, search)

    def industries(self, named: NamedSegment, skill: str | None = None, search: str | None = None) -> pl.DataFrame:
        """industry and postings, of those that ask for a skill; most postings first."""
        rows = self.market.postings_of_industries
        if skill or named.chosen:
            rows = counts_of(self._asking(named, skill).postings, "industry")
        return queries.with_name(rows, "industry", self.market.industries, search)

    def occupations(
        self, named: NamedSegment, skill: str | None = None, search: str | None = None
    ) -> pl.DataFrame:
        """Demand and pay of occupations, of the postings that ask for a skill; by rank."""
        rows = self.market.occupation_demand
        if skill or named.chosen:
            counted = self._asking(named, skill)
            rows = with_pay(occupation_demand(counted), occupation_salaries(counted, self.min_sample))
        return queries.with_name(rows, "occupation", self.market.occupations, search)

    def occupation(self, name: str, named: NamedSegment) -> Content:
        """Demand for an occupation in the segment, and its pay: in all, by country and by seniority."""
        published = queries.occupation(self.market, name)
        if not named.chosen:
            return published
        known = published["occupation"]
        inside = self._inside(named)
        demand = occupation_demand(inside).filter(pl.col("occupation") == known).to_dicts()
        pay = occupation_salaries(Segment(occupation=known).postings_of(inside), self.min_sample)
        found = demand[0] if demand else {"postings": 0, "demand_share": 0.0, "rank": None}
        return {
            **{column: found.get(column, published[column]) for column in published},
            **queries.split_pay(pay.drop("occupation")),
        }

    def companies(self, named: NamedSegment, skill: str | None = None, search: str | None = None) -> pl.DataFrame:
        """company and postings, of those that ask for a skill; most postings first."""
        if self.market.summary is None:
            return pl.DataFrame(schema={"company": pl.String(), "postings": pl.Int64()})
        companies = self.postings.companies(self.market)
        rows = companies_in(self._asking(named, skill), companies)
        return queries.with_name(rows, "company", companies.names, search)

    def _inside(self, named: NamedSegment) -> Window:
        return self.segment(named).postings_of(self.postings.window(self.market))

    def _asking(self, named: NamedSegment, skill: str | None) -> Window:
        inside = self._inside(named)
        return inside if skill is None else inside.of_skill(queries.known_skill(self.market, skill)).asking()

    def _company_key(self, name: str) -> int:
        key: int | None = company_keys(pl.Series([name], dtype=pl.String))[0]
        companies = self.postings.companies(self.market)
        if key is None or not (companies.by_key["company_key"] == key).any():
            raise queries.not_found(companies.names, name, "Company")
        return key


def companies_in(postings: Window, companies: Companies) -> pl.DataFrame:
    """company and postings of the employers of these postings, most first."""
    return counts_of(postings.postings.select("company_key").join(companies.by_key, on="company_key"), "company")


def skills_in(postings: Window, min_sample: int) -> pl.DataFrame:
    """Demand and pay of each skill in these postings alone, by rank (columns of `demand.market_demand`)."""
    return market_demand(postings, min_sample).sort("rank", "skill")


def skill_in(postings: Window, min_sample: int) -> Content:
    """Demand and pay of a skill in these postings, as `queries.skill` has them; its rank and growth are unknown.

    Args:
        postings: a window that holds no skill but this one (`Window.of_skill`).
        min_sample: pay of fewer postings is null.
    """
    demand = with_lists(skill_demand(postings, min_sample))
    of_all = demand.filter(pl.col("industry").is_null())
    # Postings without the skill count in shares alone.
    pay = salary_statistics(postings.asking(), min_sample).drop("skill")
    return {
        "demand": {**of_all.row(0, named=True), "rank": None} if of_all.height else None,
        **queries.split_pay(pay),
        "industries": demand.drop_nulls("industry")
        .sort("postings", "industry", descending=[True, False])
        .select(IN_INDUSTRY)
        .to_dicts(),
    }


def compared_in(postings: Window, min_sample: int) -> tuple[Content, Content]:
    """Demand and pay of a skill as `skill_in` has them, without the details that take most of its time.

    `postings` holds no skill but this one.
    """
    demand = market_demand(postings, min_sample)
    if demand.is_empty():
        return {}, {}
    known, required = (int(np.count_nonzero(postings.weights >= least)) for least in (1, Weight.ALTERNATIVE))
    share = required / known if known else None
    return {**demand.row(0, named=True), "required_share": share}, pay_in(postings.asking(), min_sample) or {}


def pay_in(postings: Window, min_sample: int) -> Content | None:
    """What these postings pay (columns of `employment_salaries`); None without pay."""
    rows = pay_of_all(postings, min_sample)
    return rows.row(0, named=True) if rows.height else None


def _country(name: str) -> str:
    code = country_code(name)
    if code is None:
        raise queries.not_found(Names(country.name for country in countries().values()), name, "Country")
    return code


def counts_of(postings: pl.DataFrame, column: str) -> pl.DataFrame:
    """The known values of a column and how many postings have each, most first."""
    counts = postings.drop_nulls(column).group_by(column).agg(postings=pl.len().cast(pl.Int64))
    return counts.sort("postings", column, descending=[True, False])
