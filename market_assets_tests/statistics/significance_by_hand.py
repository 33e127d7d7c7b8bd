"""Tests and intervals for one skill at a time: as textbooks define them, in plain Python or with numpy.linalg."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)


def two_sided_p(z: float) -> float:
    return 2 * NORMAL.cdf(-abs(z))


def q_values(p: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg: the least rate at which the step-up procedure rejects each hypothesis."""
    number = len(p)
    return [
        min(1.0, *(number * other / sum(each <= other for each in p) for other in p if other >= mine))
        for mine in p
    ]


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes its sign between low and high."""
    sign = function(low) > 0
    for _ in range(200):
        middle = (low + high) / 2
        if (function(middle) > 0) == sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The shares from which the observed one is as far as 1.96 of their standard errors."""
    share = successes / trials

    def beyond(other: float) -> float:
        return abs(share - other) - Z95 * math.sqrt(other * (1 - other) / trials)

    return root(beyond, 0.0, share) if share > 0 else 0.0, root(beyond, 1.0, share) if share < 1 else 1.0


def ratio_interval(first: float, of_first: float, second: float, of_second: float) -> tuple[float, float]:
    """The ratios r at which the MOVER interval of p − r · q ends at 0."""
    p, q = first / of_first, second / of_second
    (p_low, p_high), (q_low, q_high) = wilson(first, of_first), wilson(second, of_second)
    far = 1.0
    while p - far * q + math.hypot(p_high - p, far * (q - q_low)) > 0:
        far *= 2
    lower = root(lambda r: p - r * q - math.hypot(p - p_low, r * (q_high - q)), 0.0, p / q)
    return lower, root(lambda r: p - r * q + math.hypot(p_high - p, r * (q - q_low)), p / q, far)


@dataclass(frozen=True)
class Sighting:
    """A posting of a comparison, for one skill; `employer` is None where it is unknown."""

    stratum: str
    is_recent: bool
    has_skill: bool
    employer: object


def design_effect(sightings: Sequence[Sighting]) -> float:
    """The variance of the score over employers divided by that over single postings; 1 where nothing varies."""
    of_stratum: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        of_stratum[sighting.stratum].append(sighting)
    recent = {name: sum(each.is_recent for each in held) / len(held) for name, held in of_stratum.items()}
    share = {name: sum(each.has_skill for each in held) / len(held) for name, held in of_stratum.items()}
    of_employer: dict[object, float] = defaultdict(float)
    alone = 0.0
    for number, each in enumerate(sightings):
        influence = (each.has_skill - share[each.stratum]) * (each.is_recent - recent[each.stratum])
        alone += influence**2
        of_employer[("unknown", number) if each.employer is None else each.employer] += influence
    return sum(value**2 for value in of_employer.values()) / alone if alone > 1e-12 else 1.0


def mantel_haenszel(sightings: Sequence[Sighting], effect: float) -> float:
    """The z of the Cochran–Mantel–Haenszel test of counts ÷ effect, with continuity correction."""
    excess = variance = 0.0
    for name in {each.stratum for each in sightings}:
        held = [each for each in sightings if each.stratum == name]
        n, n_recent = len(held), sum(each.is_recent for each in held)
        having = sum(each.has_skill for each in held)
        excess += sum(each.is_recent and each.has_skill for each in held) - n_recent * having / n
        if n > 1:
            variance += n_recent * (n - n_recent) * having * (n - having) / (n**2 * (n - 1))
    if variance == 0:
        return 0.0
    corrected = max(abs(excess) / effect - 0.5, 0.0)
    return math.copysign(corrected / math.sqrt(variance / effect), excess)


@dataclass(frozen=True)
class Paid:
    """A salary of a skill; salaries of one level are compared."""

    month: int
    salary: float
    employer: object
    level: object


@dataclass(frozen=True)
class Line:
    """A line through logarithms of salaries: its slope by month, the error, and the degrees of freedom."""

    slope: float
    error: float
    freedom: float


def pay_line(paid: Sequence[Paid]) -> Line | None:
    """Least squares on the month and a dummy for each level, with the larger of two errors: the ordinary one, and
    the sandwich over employers. None where no level has two months."""
    levels = sorted({each.level for each in paid}, key=str)
    month = np.array([float(each.month - paid[0].month) for each in paid])
    pay = np.array([math.log(each.salary) for each in paid])
    dummies = np.array([[float(each.level == level) for level in levels] for each in paid])
    own = month - dummies @ np.linalg.lstsq(dummies, month)[0]
    if own @ own < 1e-9:
        return None
    design = np.column_stack((month, dummies))
    coefficients = np.linalg.lstsq(design, pay)[0]
    residual = pay - design @ coefficients
    bread = np.linalg.pinv(design.T @ design)
    score, weight = np.zeros((0, design.shape[1])), np.zeros(0)
    for employer in _numbered(paid):
        of = np.array([number in employer for number in range(len(paid))])
        score = np.vstack((score, residual[of] @ design[of]))
        weight = np.append(weight, own[of] @ own[of])
    effective = weight.sum() ** 2 / (weight @ weight)
    ordinary = residual @ residual / max(len(paid) - design.shape[1], 1) * bread[0, 0]
    clustered = math.inf
    if effective > 1 + 1e-9:
        clustered = (bread @ (score.T @ score) @ bread)[0, 0] * effective / (effective - 1)
    error = max(math.sqrt(max(ordinary, clustered)), 1e-12)
    return Line(float(coefficients[0]), error, max(effective - 1, 1.0))


def _numbered(paid: Sequence[Paid]) -> Iterable[set[int]]:
    """The positions of each employer's salaries; one of an unknown employer is by itself."""
    of: Mapping[object, set[int]] = defaultdict(set)
    for number, each in enumerate(paid):
        of["unknown", number].add(number) if each.employer is None else of[each.employer].add(number)
    return of.values()


def z_of_t(t: float, freedom: float) -> float:
    """Wallace's approximation."""
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return math.copysign(scale * math.sqrt(freedom * math.log1p(t * t / freedom)), t)


def t_of_z(z: float, freedom: float) -> float:
    return root(lambda t: z_of_t(t, freedom) - z, 0.0, 1e9)


def median_ranks(count: int) -> int:
    """The greatest rank whose interval of order statistics holds the median with at least 95 %; 0 if none does."""
    rank = below = 0
    while (below := below + math.comb(count, rank)) * 40 <= 2**count:
        rank += 1
    return rank
