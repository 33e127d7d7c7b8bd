"""The formulas beside figures of SciPy 1.17.1 and statsmodels 0.15.0, and beside their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.statistics import significance
from market_assets_tests.statistics import significance_by_hand as by_hand
from market_assets_tests.statistics.significance_by_hand import Paid, Sighting

#: Successes, trials; proportion_confint(…, method="wilson").
WILSON = [
    (1, 10, 0.017876213095072924, 0.40415002679523854),
    (30, 200, 0.10713593562241994, 0.2060557928416666),
    (0, 50, 0.0, 0.07134759913335874),
    (50, 50, 0.9286524008666412, 1.0),
    (3.5, 81.25, 0.015887956508408685, 0.11152152701612927),
]
#: p-values; multipletests(…, method="fdr_bh").
P_VALUES = [0.39, 0.001, 0.041, 0.008, 0.06, 0.039, 0.042, 0.06, 0.986]
Q_VALUES = [0.43875, 0.009, 0.0756, 0.036, 0.0771428571428571, 0.0756, 0.0756, 0.0771428571428571, 0.986]
#: t, degrees of freedom; 2 · scipy.stats.t.sf(|t|, freedom).
T = [
    (2, 3, 0.13932596855884305),
    (3, 5, 0.030099247897462586),
    (5, 4, 0.007490433881274525),
    (2, 30, 0.054625044962983094),
    (-4, 12.5, 0.0016290629206468443),
    (1, 1, 0.5),
]
#: Tables of recent and previous postings (with the skill, without); StratifiedTable(…).test_null_odds(True).
STRATA = [
    ([((30, 170), (40, 460)), ((12, 88), (25, 175))], 4.178866439460625, 0.040931068778167545),
    ([((9, 291), (2, 598))], 9.66431894876777, 0.0018788139900746126),
]

shares = st.tuples(st.integers(0, 400), st.integers(0, 400)).map(lambda pair: (min(pair), max(pair) + 1))


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(("successes", "trials", "lower", "upper"), WILSON)
def test_the_interval_of_a_share(successes: float, trials: float, lower: float, upper: float) -> None:
    found = significance.wilson_interval(array(successes), array(trials))
    assert [end[0] for end in found] == pytest.approx([lower, upper], rel=1e-9, abs=1e-12)
    assert by_hand.wilson(successes, trials) == pytest.approx((lower, upper), rel=1e-9, abs=1e-12)


def test_false_discovery_rates() -> None:
    assert significance.benjamini_hochberg(np.array(P_VALUES)).tolist() == pytest.approx(Q_VALUES)
    assert by_hand.q_values(P_VALUES) == pytest.approx(Q_VALUES)
    assert significance.benjamini_hochberg(array()).tolist() == []


@given(p=st.lists(st.sampled_from((0.0, 0.001, 0.01, 0.02, 0.02, 0.3, 0.5, 1.0)), min_size=1, max_size=12))
def test_false_discovery_rates_of_equal_p_values(p: list[float]) -> None:
    assert significance.benjamini_hochberg(np.array(p)).tolist() == pytest.approx(by_hand.q_values(p))


@pytest.mark.parametrize(("t", "freedom", "p"), T)
def test_students_t_as_a_normal_variable(t: float, freedom: float, p: float) -> None:
    z = significance.normal_of_t(array(t), array(freedom))
    assert significance.two_sided_p(z)[0] == pytest.approx(p, rel=0.1)
    assert significance.t_of_normal(z[0], array(freedom))[0] == pytest.approx(t)


@pytest.mark.parametrize(("strata", "statistic", "p"), STRATA)
def test_the_stratified_test(
    strata: list[tuple[tuple[int, int], tuple[int, int]]], statistic: float, p: float
) -> None:
    sightings = [
        Sighting(f"source {number}", is_recent, has_skill, None)
        for number, table in enumerate(strata)
        for is_recent, counts in zip((True, False), table, strict=True)
        for has_skill, count in zip((True, False), counts, strict=True)
        for _ in range(count)
    ]
    z = by_hand.mantel_haenszel(sightings, effect=1.0)
    assert z**2 == pytest.approx(statistic)
    assert by_hand.two_sided_p(z) == pytest.approx(p)
    assert by_hand.design_effect(sightings) == pytest.approx(1.0)


@given(first=shares, second=shares.filter(lambda share: share[0] > 0), effect=st.sampled_from((1.0, 3.7)))
def test_the_interval_of_a_ratio(first: tuple[int, int], second: tuple[int, int], effect: float) -> None:
    figures = [figure / effect for figure in (*first, *second)]
    lower, upper = (float(end[0]) for end in significance.ratio_interval(*(array(figure) for figure in figures)))
    expected = by_hand.ratio_interval(*figures)
    assert (lower, upper) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    ratio = figures[0] / figures[1] / (figures[2] / figures[3])
    assert 0 <= lower <= ratio * (1 + 1e-9)
    assert ratio * (1 - 1e-9) <= upper < math.inf


def test_the_interval_of_a_ratio_is_close_to_that_of_the_score_test() -> None:
    lower, upper = significance.ratio_interval(array(60), array(300), array(80), array(600))
    # confint_proportions_2indep(60, 300, 80, 600, compare="ratio", method="score")
    assert (lower[0], upper[0]) == pytest.approx((1.1047485723110753, 2.0283734179394273), rel=0.01)


def paid(employer: bool) -> list[Paid]:
    return [
        Paid(
            month=24_000 + i % 6,
            salary=50_000
            * math.exp(
                0.3 * (i % 5 // 3)
                + 0.02 * (i % 6)
                + 0.08 * math.sin(5 * (i * 7 % 13)) * (i % 6)
                + 0.1 * math.sin(1.7 * i)
            ),
            employer=i * 7 % 13 if employer else None,
            level=i % 5 // 3,
        )
        for i in range(120)
    ]


@pytest.mark.parametrize(
    ("employer", "error", "clusters"),
    # OLS(…).fit(cov_type="cluster", cov_kwds={"groups": …, "use_correction": False}).bse
    [(True, 0.01672848800721004, 12.6977545705438), (False, 0.010606184104082698, None)],
)
def test_a_line_with_levels_and_employers(employer: bool, error: float, clusters: float | None) -> None:
    line = by_hand.pay_line(paid(employer))
    assert line is not None
    effective = line.freedom + 1
    assert line.slope == pytest.approx(0.008980317436449448)
    assert line.error == pytest.approx(error * math.sqrt(effective / (effective - 1)))
    assert clusters is None or effective == pytest.approx(clusters)
