"""Pay in the descriptions of real postings, beside the labels of the benchmarks."""

from __future__ import annotations

import pytest

from benchmarks.quality.pay_in_texts import PRECISION_WANTED, RECALL_WANTED, Measure, measure
from benchmarks.quality.real_postings import DATA

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the recordings (shared/data) are not beside the checkout"
)


@pytest.fixture(scope="module")
def measured() -> dict[str, Measure]:
    return measure()


@pytest.mark.parametrize("name", ["first", "tuning", "held out"])
def test_enough_pay_is_found_and_hardly_any_wrongly(measured: dict[str, Measure], name: str) -> None:
    if name not in measured:
        pytest.skip(f"the postings of the set {name!r} are not in shared/data")
    found = measured[name]
    assert found.precision >= PRECISION_WANTED, found.errors
    assert found.recall >= RECALL_WANTED, found.errors
