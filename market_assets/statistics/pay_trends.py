"""Changes of pay: each skill's salaries by month, and a test of whether they rise or fall."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import (
    Labels,
    SkillGroups,
    crosstab,
    distinct,
    month_labels,
    runs,
    skill_blocks,
)
from market_assets.statistics.published_pay import known_or_null
from market_assets.statistics.significance import Z95, benjamini_hochberg, normal_of_t, t_of_normal, two_sided_p
from market_assets.statistics.tables import SALARY_TRENDS
from market_assets.statistics.window import Integers, Window

#: A month takes part in the test of a skill with at least so many dated postings with pay.
MONTH_POSTINGS = 10
#: A skill is tested if at least so many months take part.
TESTED_MONTHS = 3
FALSE_DISCOVERY_RATE = 0.05
#: Salaries are compared between months where these are the same.
_LIKE = ("source", "country", "seniority")
#: Pay is stable where the interval of its change lies within this share either way.
STABLE = 0.05
#: Salaries may lie on a line exactly, so that they show no error.
_LEAST_ERROR = 1e-12

Floats = npt.NDArray[np.float64]


def salary_trends(window: Window, min_sample: int) -> pl.DataFrame:
    """Postings and salaries of each skill by month of posting (UTC), and the direction of its pay.

    Args:
        window: counted postings.
        min_sample: average and median of fewer postings with a salary are null.

    Returns:
        Schema `SALARY_TRENDS`, by skill and month ('YYYY-MM'), for the months in which the skill has postings.
        `change`, with its 95 % interval, is that of pay from the first to the last month with at least 10 dated
        postings with a salary: a line through the logarithms of the salaries by month, whose level may differ
        between sources, countries and seniorities, so that their shares can't change it. Its error lets salaries
        of one employer vary together. `q_value` is the false discovery rate over the skills that are tested.
        `trend_direction`, the same in all rows of a skill, is stable (the interval lies within ±5 %), increasing
        or decreasing (q ≤ 0.05), uncertain, or insufficient_data (fewer than three such months).
    """
    # What is put in order here is of no use to other tables: it goes with a window of its own.
    window = replace(window)
    months = month_labels(window)
    groups = SkillGroups.of(window, months)
    figures = groups.pay(SALARY_TRENDS, min_sample, kept=False)
    rows = pl.DataFrame({**groups.names(), "postings": groups.postings, **figures})
    changes = _changes(window, months)[groups.skill]
    return pl.concat([rows, changes], how="horizontal").match_to_schema(SALARY_TRENDS).sort("skill", "month")


def _changes(window: Window, months: Labels) -> pl.DataFrame:
    """change, change_lower, change_upper, q_value and trend_direction of every skill of the window."""
    skills = window.skills.height
    fit = _fits(window, months)
    tested = (fit.months >= TESTED_MONTHS) & np.isfinite(fit.slope)
    q = np.full(skills, np.nan)
    z = normal_of_t(fit.slope[tested] / fit.error[tested], fit.freedom[tested])
    q[tested] = benjamini_hochberg(two_sided_p(z))
    half = np.full(skills, np.nan)
    half[tested] = t_of_normal(Z95, fit.freedom[tested]) * fit.error[tested]
    slope = np.where(tested, fit.slope, np.nan)
    with np.errstate(over="ignore"):
        change, lower, upper = (np.expm1(each * fit.span) for each in (slope, slope - half, slope + half))
    upper[~np.isfinite(upper)] = np.nan
    direction = np.select(
        [~tested, (lower >= -STABLE) & (upper <= STABLE), q > FALSE_DISCOVERY_RATE, change > 0],
        ["insufficient_data", "stable", "uncertain", "increasing"],
        default="decreasing",
    )
    return pl.DataFrame(
        {
            "change": known_or_null(change),
            "change_lower": known_or_null(lower),
            "change_upper": known_or_null(upper),
            "q_value": known_or_null(q),
            "trend_direction": pl.Series(direction.tolist(), dtype=pl.String),
        }
    )


@dataclass(frozen=True)
class _Fit:
    """The line of each skill: slope by month, its error and degrees of freedom; the months used and their span."""

    slope: Floats
    error: Floats
    freedom: Floats
    months: Floats
    span: Floats


def _fits(window: Window, months: Labels) -> _Fit:
    """The line of each skill of the window that can be tested; the others have no months."""
    skills = window.skills.height
    usable = window.postings["dated"].to_numpy() & (window.salaries > 0)
    rows = window.by_salary[usable[window.by_salary]]
    rows = rows[np.argsort(window.employers[rows], kind="stable")]
    month, employer = months.codes[rows], window.employers[rows]
    logarithm, alike = np.log(window.salaries[rows]), _alike(window, rows)
    day = months.values["month"].str.to_date("%Y-%m")
    number = (day.dt.year().cast(pl.Int64) * 12 + day.dt.month()).to_numpy().astype(np.float64)
    fits = np.zeros((len(fields(_Fit)), skills))
    for place, codes in skill_blocks(window.entries_by_skill(rows)):
        first, last = codes[[0, -1]].tolist()
        skill = codes - first
        tested = crosstab(month[place], skill, months.size, last - first + 1) >= MONTH_POSTINGS
        tested &= tested.sum(axis=0) >= TESTED_MONTHS
        kept = tested[month[place], skill]
        place, skill = place[kept], skill[kept]
        starts = runs(skill)
        paid = _Paid(
            skill=np.repeat(np.arange(len(starts)), np.diff(starts, append=len(place))),
            month=number[month[place]],
            pay=logarithm[place],
            employer=employer[place],
            alike=alike[place],
        )
        fits[:, first + skill[starts]] = astuple(_fitted(paid, len(starts)))
    return _Fit(*fits)


def _alike(window: Window, rows: Integers) -> Integers:
    """A number for each of some postings, the same for those that are compared."""
    alike = np.zeros(len(rows), dtype=np.int64)
    for values, names in map(window.coded, _LIKE):
        alike *= len(names) + 1
        alike += values[rows]
        alike += 1
    # Numbered by those that occur.
    return (np.cumsum(np.bincount(alike) > 0, dtype=np.int32) - 1)[alike]


@dataclass(frozen=True)
class _Paid:
    """The (posting, skill) entries that are tested, by skill and employer, with the logarithm of pay.

    Entries of a skill are only compared where they are `alike`: of one source, country and seniority.
    """

    skill: Integers
    month: Floats
    pay: Floats
    employer: Integers
    alike: Integers


def _fitted(paid: _Paid, skills: int) -> _Fit:
    """Least squares within levels, with an error that lets the salaries of an employer vary together.

    Source of the error: Liang and Zeger (1986), the sandwich over clusters, times clusters ÷ (clusters − 1), and
    never below the ordinary one. Degrees of freedom: the effective number of clusters, after Carter, Schnepel and
    Steigerwald (2017), less 1.
    """
    of_level, _, level = distinct(paid.skill, paid.alike)
    month, pay = _centred(paid.month, level), _centred(paid.pay, level)
    spread = _sums(paid.skill, month**2, skills)
    slope = _quotient(_sums(paid.skill, month * pay, skills), spread)
    residual = pay - slope[paid.skill] * month
    starts = runs(paid.skill, paid.employer)
    of_cluster = paid.skill[starts]
    squares = _sums(of_cluster, np.add.reduceat(month * residual, starts) ** 2, skills)
    parts = np.add.reduceat(month**2, starts)
    clusters = _quotient(spread**2, _sums(of_cluster, parts**2, skills))
    # Of each skill: entries, less its levels, less 1.
    freedom = np.bincount(paid.skill, minlength=skills) - np.bincount(of_level, minlength=skills) - 1
    ordinary: Floats = _sums(paid.skill, residual**2, skills) / np.maximum(freedom, 1)
    # One employer alone shows nothing of the others, however many postings it has.
    several = clusters > 1 + 1e-9
    correction = np.divide(clusters, clusters - 1, out=np.ones(skills), where=several)
    clustered = np.where(several, _quotient(squares, spread**2) * correction, np.inf)
    of_month, month_used, _ = distinct(paid.skill, paid.month.astype(np.int64))
    return _Fit(
        slope=slope,
        error=np.maximum(np.sqrt(np.fmax(_quotient(ordinary, spread), clustered)), _LEAST_ERROR),
        freedom=np.maximum(clusters - 1, 1),
        months=np.bincount(of_month, minlength=skills).astype(np.float64),
        span=_span(of_month, month_used, skills),
    )


def _centred(values: Floats, level: Integers) -> Floats:
    """Values less the mean of their level."""
    centred: Floats = values - (np.bincount(level, values) / np.bincount(level))[level] if len(values) else values
    return centred


def _span(skill: Integers, month: Integers, skills: int) -> Floats:
    """For each skill, from its first month to its last, in months; 0 without any."""
    first, last = np.full(skills, np.inf), np.full(skills, -np.inf)
    np.minimum.at(first, skill, month)
    np.maximum.at(last, skill, month)
    span: Floats = np.subtract(last, first, out=np.zeros(skills), where=np.isfinite(first))
    return span


def _sums(groups: Integers, values: Floats, size: int) -> Floats:
    """The sum of the values of each group."""
    sums: Floats = np.bincount(groups, values, size).astype(np.float64)
    return sums


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where the denominator is not above 0."""
    quotient: Floats = np.divide(
        numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0
    )
    return quotient
