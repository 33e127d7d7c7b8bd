"""The rebuild finds communities and candidates in what is stored, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from market_assets.settings import Settings
from market_assets_tests.pipelines import ListedSource, Pipeline, failed_checks

DAY = date(2024, 3, 1)
AS_OF = datetime(2024, 3, 1, 18, tzinfo=UTC)
WEB = "React, TypeScript, CSS and HTML"
DATA = "Python, pandas, NumPy and SQL"


def source() -> ListedSource:
    texts = [WEB] * 100 + [f"{DATA}, Frobnik"] * 100
    postings = [
        {"id": str(number), "title": "Job", "company": f"C{number}", "description": f"{text}. No {number}."}
        for number, text in enumerate(texts)
    ]
    aged = {
        "title": "Old",
        "description": "Python, Oldnik, SQL",
        "posted_at": f"{DAY - timedelta(days=200)}T00:00:00Z",
    }
    postings += [{**aged, "id": f"old-{number}", "company": f"O{number}"} for number in range(5)]
    return ListedSource("listed", {DAY: postings})


def test_the_rebuild_makes_both(settings: Settings) -> None:
    settings = settings.model_copy(update={"retention_days": 36_500})
    with Pipeline(settings, source()) as pipeline:
        pipeline.ingest(DAY)
        assert failed_checks(pipeline.rebuild(AS_OF)) == set()
        named: dict[str, set[str]] = {}
        for row in pipeline.rows("skill_communities"):
            named.setdefault(row["community_name"], set()).add(row["skill"])
        assert sorted(map(sorted, named.values())) == [
            ["CSS", "HTML", "React", "TypeScript"],
            ["NumPy", "Python", "SQL", "pandas"],
        ]
        (candidate,) = pipeline.rows("skill_candidates")
        assert (candidate["candidate"], candidate["listed_postings"], candidate["rank"]) == ("Frobnik", 100, 1)
        assert candidate["suggested_line"] == "- Frobnik"


def test_a_market_without_candidates_is_nothing_to_warn_of(settings: Settings) -> None:
    with Pipeline(settings, ListedSource()) as pipeline:
        pipeline.ingest(DAY)
        warned = failed_checks(pipeline.rebuild(AS_OF))
        assert ("skill_pairs", "has_rows", "WARN") in warned
        assert "skill_candidates" not in {asset for asset, *_ in warned}
        assert pipeline.rows("skill_candidates") == []
