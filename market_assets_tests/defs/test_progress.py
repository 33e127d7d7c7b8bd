"""What a run prints while it goes on."""

import dagster as dg
import pytest

from market_assets.defs import progress_logger
from market_assets.defs.progress_logger import with_progress


@dg.asset
def counted(context: dg.AssetExecutionContext) -> None:
    sizes = with_progress(context, [20, 300], lambda done: f"{done} postings", lambda size: size)
    assert list(sizes) == [20, 300]
    context.log.debug("nobody wants to know")


DEFS = dg.Definitions(assets=[counted], loggers={"progress": progress_logger.progress_logger})


def run(quiet: bool = False) -> None:
    job = DEFS.resolve_implicit_global_asset_job_def()
    config = {"loggers": {"progress": {"config": {"quiet": quiet}}}}
    assert job.execute_in_process(run_config=config).success


def test_a_step_that_takes_long_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_logger, "SAY_SECONDS", 0.0)
    run()
    first, second, ended = capsys.readouterr().out.splitlines()
    assert first.split() == ["counted", "20", "postings"]
    assert second.split() == ["counted", "320", "postings"]
    assert ended.split()[:2] == ["✓", "counted"]
    run(quiet=True)
    assert capsys.readouterr().out == ""


def test_one_that_does_not_is_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_logger, "SAY_SECONDS", 1e9)
    run()
    (ended,) = capsys.readouterr().out.splitlines()
    assert "counted" in ended
