"""How much more seniors are paid than juniors, for each skill: an asset of your own to begin with."""

from __future__ import annotations

import dagster as dg
import polars as pl


# Assets of the group "statistics" are materialized by refresh_market_stats; those without a group from the UI.
@dg.asset(group_name="statistics", kinds={"polars", "table"})
def pay_gap(salary_statistics: pl.DataFrame) -> pl.DataFrame:
    """Skills by how much the median pay of seniors exceeds that of juniors, in the currency of the store."""
    # The input has the name of a table, and arrives as the frame of its annotation: Polars, pandas or Arrow.
    everywhere = salary_statistics.filter(pl.col("country").is_null())
    of_juniors, of_seniors = (
        pl.col("median_salary").filter(pl.col("seniority") == seniority).first().alias(seniority)
        for seniority in ("junior", "senior")
    )
    pay = everywhere.group_by("skill").agg(of_juniors, of_seniors).drop_nulls()
    # What is returned takes the place of the table pay_gap, whole.
    return pay.with_columns(gap=pl.col("senior") - pl.col("junior")).sort("gap", "skill", descending=[True, False])


@dg.asset_check(asset=pay_gap)
def seniors_are_paid_more(pay_gap: pl.DataFrame) -> dg.AssetCheckResult:
    """Juniors are paid more in no skill."""
    unusual = pay_gap.filter(pl.col("gap") < 0)["skill"].to_list()
    return dg.AssetCheckResult(
        passed=not unusual, severity=dg.AssetCheckSeverity.WARN, metadata={"skills": unusual}
    )
