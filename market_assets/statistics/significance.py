"""Tests and intervals that separate a change from noise.

Counts of postings vary more than those of independent draws, since an employer posts several jobs at once. A count
is therefore worth fewer postings than it has: see `trends.trending_skills`.
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Of a two-sided interval of 95 %.
Z95 = 1.959963984540054


def two_sided_p(z: Floats) -> Floats:
    """The probability that a standard normal variable is at least as far from 0 as each z."""
    return np.array([erfc(abs(each) / sqrt(2)) for each in z.tolist()], dtype=np.float64)


def normal_of_t(t: Floats, freedom: Floats) -> Floats:
    """The standard normal deviate that is as improbable as each t with so many degrees of freedom.

    Source: Wallace, "Bounds on normal approximations to Student's and the chi-square distributions" (1959).
    """
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    z: Floats = np.sign(t) * scale * np.sqrt(freedom * np.log1p(t**2 / freedom))
    return z


def t_of_normal(z: float, freedom: Floats) -> Floats:
    """The inverse of `normal_of_t`."""
    scale = (8 * freedom + 3) / (8 * freedom + 1)
    t: Floats = np.sign(z) * np.sqrt(freedom * np.expm1((scale * z) ** 2 / freedom))
    return t


def benjamini_hochberg(p: Floats) -> Floats:
    """The false discovery rate at which each of several tests is significant (q-values), in the order of `p`.

    Source: Benjamini and Hochberg, "Controlling the False Discovery Rate" (1995), in the step-up form.
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    q = np.empty_like(adjusted)
    q[order] = adjusted
    return q


def wilson_interval(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of a share; `trials` are above 0, and need not be whole numbers.

    Source: Wilson (1927), the score method, recommended by Newcombe, "Two-sided confidence intervals for the
    single proportion" (1998).
    """
    share, squared = successes / trials, Z95**2
    centre = share + squared / (2 * trials)
    half = Z95 * np.sqrt(share * (1 - share) / trials + squared / (4 * trials**2))
    scale = 1 + squared / trials
    lower = np.where(successes > 0, (centre - half) / scale, 0.0)
    upper = np.where(successes < trials, (centre + half) / scale, 1.0)
    return lower, upper


def ratio_interval(first: Floats, of_first: Floats, second: Floats, of_second: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of (first ÷ of_first) ÷ (second ÷ of_second), from the Wilson intervals of both shares.

    Source: Donner and Zou, "Closed-form confidence intervals for functions of the normal mean and standard
    deviation" (2012), the method of variance estimates recovery (MOVER) for a ratio, with Newcombe's choice of
    the Wilson interval. `second` is above 0.
    """
    p, q = first / of_first, second / of_second
    p_low, p_high = wilson_interval(first, of_first)
    q_low, q_high = wilson_interval(second, of_second)
    product = p * q
    below = np.maximum(product**2 - p_low * q_high * (2 * p - p_low) * (2 * q - q_high), 0)
    above = np.maximum(product**2 - p_high * q_low * (2 * p - p_high) * (2 * q - q_low), 0)
    # (product − √below) ÷ (q_high · (2 q − q_high)), written so that no difference of like numbers is divided.
    lower = _quotient(p_low * (2 * p - p_low), product + np.sqrt(below))
    upper = (product + np.sqrt(above)) / (q_low * (2 * q - q_low))
    return lower, upper


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """0 where the denominator is 0."""
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)
    return quotient
