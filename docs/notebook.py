# %% [markdown]
# # Skills beside the pay
#
# A notebook in the form that VS Code, PyCharm and Jupytext open as one: each `# %%` begins a cell. It reads the
# store of the folder that it runs in, after `./scripts/run` or `market-assets run` has filled it.
# It needs pandas, which `./scripts/run` installs, and so does `pip install 'market-assets[pandas]'`.

# %%
import market_assets

demand = market_assets.read("skill_demand")
demand.dtypes

# %% [markdown]
# Rows without an industry are about all postings. `docs/tables.md` says what each column means.

# %%
everywhere = demand[demand["industry"].isna()].set_index("skill")
everywhere.nlargest(10, "postings")[["category", "postings", "demand_share", "median_salary"]]

# %% [markdown]
# Which skills are asked for with Python more often than by chance, and what do they pay?

# %%
pairs = market_assets.read("skill_relationships")
with_python = pairs[(pairs["skill_a"] == "Python") | (pairs["skill_b"] == "Python")].copy()
with_python["other"] = with_python["skill_a"].where(with_python["skill_a"] != "Python", with_python["skill_b"])
beside = with_python.set_index("other")[["co_occurrences", "lift", "npmi"]].join(everywhere["median_salary"])
beside.sort_values("npmi", ascending=False).head(10)

# %% [markdown]
# The same in Polars, which the statistics themselves are computed with; `as_="arrow"` gives a `pyarrow.Table`.

# %%
import polars as pl

trends = market_assets.read("trending_skills", as_="polars")
trends.group_by("trend").agg(pl.len().alias("skills")).sort("skills", descending=True)

# %% [markdown]
# What is worth keeping becomes an asset: the cells above as a function in a file of `custom/`, its inputs named
# like the tables. It is then computed with every refresh, and its table is there for the next notebook.
#
# ```python
# import dagster as dg
# import pandas as pd
#
# @dg.asset(group_name="statistics")
# def beside_python(skill_demand: pd.DataFrame, skill_relationships: pd.DataFrame) -> pd.DataFrame:
#     ...
#     return beside.reset_index()
# ```
