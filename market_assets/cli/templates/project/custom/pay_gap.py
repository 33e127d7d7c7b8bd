"""How much more seniors are paid than juniors, for each skill: an asset of your own to begin with."""

from __future__ import annotations

import dagster as dg
import pandas as pd


# Assets of the group "statistics" are materialized by refresh_market_stats; those without a group from the UI.
@dg.asset(group_name="statistics", kinds={"pandas", "table"})
def pay_gap(salary_statistics: pd.DataFrame) -> pd.DataFrame:
    """Skills by how much the median pay of seniors exceeds that of juniors, in the currency of the store."""
    # The input has the name of a table, and arrives as the frame of its annotation: pandas, Polars or Arrow.
    everywhere = salary_statistics[salary_statistics["country"].isna()]
    medians = everywhere.pivot_table(index="skill", columns="seniority", values="median_salary")
    pay = medians.reindex(columns=["junior", "senior"]).dropna().reset_index()
    pay["gap"] = pay["senior"] - pay["junior"]
    # What is returned takes the place of the table pay_gap, whole.
    return pay.sort_values("gap", ascending=False, ignore_index=True)


@dg.asset_check(asset=pay_gap)
def seniors_are_paid_more(pay_gap: pd.DataFrame) -> dg.AssetCheckResult:
    """Juniors are paid more in no skill."""
    unusual = pay_gap.loc[pay_gap["gap"] < 0, "skill"].tolist()
    return dg.AssetCheckResult(
        passed=not unusual, severity=dg.AssetCheckSeverity.WARN, metadata={"skills": unusual}
    )
