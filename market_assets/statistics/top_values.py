"""The most frequent values of many groups at once, as JSON text."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import polars as pl

from market_assets.statistics.groups import Labels, SkillGroups, position_in_group

#: Up to this many combinations of group and value, counting in a flat array (128 MiB of int64) beats sorting.
DENSE_CELLS = 1 << 24

Int64s = npt.NDArray[np.int64]


def top_values(members: SkillGroups, values: Labels, limit: int = 5) -> pl.Series:
    """The most frequent values of each group, by postings and then by name; null values are left out.

    Returns:
        String, one a group: a JSON list of up to `limit` objects {"value": text, "postings": number}.
    """
    keys, postings = _combinations(members, values)
    group, value = np.divmod(keys, max(len(values.names), 1))
    # Most combinations are far from the best of their group: dropping them first makes the sort cheap.
    kept = postings >= _least_of_best(group, postings, members.size, limit)[group]
    group, value, postings = group[kept], value[kept], postings[kept]
    order = np.lexsort((value, -postings, group))
    best = order[position_in_group(group[order]) < limit]
    return _as_json(group[best], value[best], postings[best], values.names, members.size)


def _combinations(members: SkillGroups, values: Labels) -> tuple[Int64s, Int64s]:
    """The combinations of group and value that occur, ascending, as group · values + value, and how often."""
    keys = values.codes[members.rows]
    known = keys >= 0
    groups = members.groups
    if not known.all():
        keys, groups = keys[known], groups[known]
    keys += groups * len(values.names)
    cells = members.size * len(values.names)
    if cells <= DENSE_CELLS:
        counts = np.bincount(keys, minlength=cells)
        found = np.flatnonzero(counts)
        return found, counts[found]
    return np.unique(keys, return_counts=True)


def _least_of_best(group: Int64s, postings: Int64s, size: int, limit: int) -> Int64s:
    """For each group, the postings of its `limit`-th value (its last if it has fewer); 0 for an empty group."""
    width = postings.max(initial=0) + 1
    ordered = group * width + postings
    ordered.sort()
    sizes = np.bincount(group, minlength=size)
    least = np.zeros(size, dtype=np.int64)
    filled = sizes > 0
    place = np.cumsum(sizes) - np.minimum(sizes, limit)
    least[filled] = ordered[place[filled]] % width
    return least


def _as_json(group: Int64s, value: Int64s, postings: Int64s, names: pl.Series, size: int) -> pl.Series:
    quoted = pl.Series([json.dumps(name, ensure_ascii=False) for name in names], dtype=pl.String)
    objects = pl.DataFrame({"group": group, "value": quoted.gather(value), "postings": postings}).select(
        "group",
        object=pl.concat_str(
            pl.lit('{"value": '),
            "value",
            pl.lit(', "postings": '),
            pl.col("postings").cast(pl.String),
            pl.lit("}"),
        ),
    )
    lists = objects.group_by("group", maintain_order=True).agg(pl.col("object").str.join(", "))
    every = pl.DataFrame({"group": np.arange(size)}).join(lists, on="group", how="left", maintain_order="left")
    return every.select(json=pl.concat_str(pl.lit("["), pl.col("object").fill_null(""), pl.lit("]"))).to_series()
