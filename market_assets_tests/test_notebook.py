"""docs/notebook.py and the example of docs/own_assets.md, on a store that is filled as users fill theirs."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import market_assets
from market_assets.checked_settings import get_settings
from market_assets.operations.names import PARTITION_TAG
from market_assets.settings import Settings
from market_assets.sources.sample.source import SampleSource
from market_assets_tests.pipelines import Pipeline, done

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, without any setting."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    get_settings.cache_clear()
    yield tmp_path
    get_settings.cache_clear()


@pytest.mark.slow
def test_the_notebook_and_the_example_work_after_a_run(folder: Path) -> None:
    (example,) = re.findall(r"```python\n(import dagster.*?)```", (DOCS / "own_assets.md").read_text(), re.DOTALL)
    (folder / "custom").mkdir()
    (folder / "custom" / "mine.py").write_text(example)
    with Pipeline(Settings(_env_file=None), SampleSource(postings_per_day=400)) as pipeline:
        for days in range(3):
            day = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
            done(pipeline.run("daily_sample_ingestion", {PARTITION_TAG: day}))
        done(pipeline.run("refresh_market_stats"))
    names = runpy.run_path(str(DOCS / "notebook.py"))
    assert names["everywhere"]["postings"].max() > 0
    assert len(names["beside"]) > 0
    assert names["beside"].index.is_unique
    assert "Python" not in names["beside"].index
    assert names["trends"].height > 0
    # A group of the job's: the asset was materialized with the rest.
    gaps = market_assets.read("pay_gap")
    assert len(gaps) > 0
    assert (gaps["gap"] == gaps["senior"] - gaps["junior"]).all()
