"""The plots of pay: each takes the rows to show, never none, and gives an inline SVG.

Call them within `svg.plot_style()`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from market_assets.report import numbers
from market_assets.report.svg import (
    ACCENT,
    ACCENT_SOFT,
    DOWN,
    INK,
    MUTED,
    NAMES,
    ROW,
    UP,
    WIDTH,
    axes_at,
    canvas,
    inline_svg,
    named_rows,
    text_at,
)

#: How the direction of a trend is drawn.
_DIRECTIONS = {"increasing": ("▲", UP), "decreasing": ("▼", DOWN), "stable": ("▶", MUTED)}
#: A small plot of pay spans at least this part of its middle, so that a flat line looks flat.
_LEAST_SPAN = 0.1


def pay_ranges(skills: pl.DataFrame, currency: str) -> str:
    """10th, 25th, 50th, 75th and 90th percentile of pay (rows of salary_statistics)."""
    height = skills.height * ROW
    figure = canvas(height + 58)
    axes = axes_at(figure, NAMES, 0, WIDTH - NAMES - 58, height)
    rows = np.arange(skills.height)
    named_rows(axes, skills["skill"])
    axes.grid(axis="x")
    axes.hlines(rows, skills["p10"].to_numpy(), skills["p90"].to_numpy(), color=ACCENT, linewidth=2)
    axes.hlines(rows, skills["p25"].to_numpy(), skills["p75"].to_numpy(), color=ACCENT_SOFT, linewidth=11)
    axes.plot(skills["median_salary"].to_numpy(), rows, "o", color=ACCENT, markersize=7.5)
    lowest, highest = skills.select(pl.col("p10").min(), pl.col("p90").max()).row(0)
    margin = max((highest - lowest) * 0.04, highest * 0.01, 1.0)
    axes.set_xlim(lowest - margin, highest + margin)
    ticks = _round_ticks(lowest, highest)
    axes.set_xticks(ticks, [numbers.short_money(tick) for tick in ticks])
    for row, median in enumerate(skills["median_salary"]):
        text_at(figure, WIDTH - 2, (row + 0.5) * ROW, numbers.short_money(median), INK, "right")
    text_at(figure, WIDTH - 2, height + 14, "median", MUTED, "right")
    text_at(figure, NAMES, height + 40, f"annual pay, {currency}", MUTED)
    return inline_svg(figure, "pay", f"Range plot: percentiles of annual pay of {skills.height} skills")


def salary_bands(bands: pl.DataFrame, currency: str) -> str:
    """Postings by band of pay, lowest first (columns of `selections.salary_bands`)."""
    figure = canvas(232)
    axes = axes_at(figure, 8, 24, WIDTH - 16, 158)
    counts = bands["postings"].to_list()
    axes.bar(range(len(counts)), counts, width=0.86, color=ACCENT)
    axes.set_xlim(min(-0.6, len(counts) / 2 - 3), max(len(counts) - 0.4, len(counts) / 2 + 2))
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(True)
    labels = bands["label"].to_list()
    step = -(-len(counts) // 5)
    axes.set_xticks(range(0, len(counts), step), labels[::step])
    if len(counts) <= 10:
        for place, number in enumerate(counts):
            axes.annotate(
                numbers.count(number),
                (place, number),
                (0, 10),
                textcoords="offset points",
                ha="center",
                va="center_baseline",
            )
    text_at(figure, WIDTH / 2, 220, f"annual pay, {currency}", MUTED, "center")
    return inline_svg(figure, "bands", f"Histogram: postings by {len(counts)} bands of annual pay")


def pay_trends(months: pl.DataFrame) -> str:
    """Median pay by month, one small plot a skill (columns of `selections.pay_trends`)."""
    skills = months.partition_by("skill", maintain_order=True)
    timeline = months["month"].unique().sort().to_list()
    high, gap = 134, 24
    wide = (WIDTH - gap) / 2
    figure = canvas(-(-len(skills) // 2) * high)
    for place, skill in enumerate(skills):
        left, top = (place % 2) * (wide + gap), (place // 2) * high
        arrow, colour = _DIRECTIONS.get(skill["trend_direction"][0], ("", MUTED))
        change = skill["median_salary"][-1] / max(skill["median_salary"][0], 1e-9) - 1
        text_at(figure, left, top + 10, numbers.shortened(skill["skill"][0], 24), INK)
        text_at(figure, left, top + 29, f"{arrow} {skill['trend_direction'][0]}, {change:+.1%}", colour)
        _pay_line(axes_at(figure, left, top + 40, wide - 44, 56), skill, timeline, colour)
        text_at(figure, left, top + 109, timeline[0], MUTED)
        text_at(figure, left + wide - 44, top + 109, timeline[-1], MUTED, "right")
    return inline_svg(figure, "trends", f"Small line plots: median pay by month of {len(skills)} skills")


def _pay_line(axes: Axes, skill: pl.DataFrame, timeline: list[str], colour: str) -> None:
    """The medians of one skill on the months of all; a month without salaries is passed over."""
    places = [timeline.index(month) for month in skill["month"]]
    medians = skill["median_salary"].to_list()
    middle = (min(medians) + max(medians)) / 2
    reach = max(max(medians) - min(medians), abs(middle) * _LEAST_SPAN, 1.0) * 0.6
    axes.set_xlim(-0.3, len(timeline) - 0.7)
    axes.set_ylim(middle - reach, middle + reach)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(True)
    axes.plot(places, medians, "-o", color=colour, linewidth=2, markersize=4, clip_on=False)
    last = numbers.short_money(medians[-1])
    axes.annotate(last, (places[-1], medians[-1]), (8, 0), textcoords="offset points", va="center_baseline")


def _round_ticks(lowest: float, highest: float) -> list[float]:
    """Three to six round amounts from lowest to highest; the one value where they are the same."""
    if highest <= lowest:
        return [lowest]
    magnitude = 10.0 ** np.floor(np.log10(highest - lowest))
    for step in (2 * magnitude, magnitude, magnitude / 2, magnitude / 4):
        ticks = np.arange(np.ceil(lowest / step), np.floor(highest / step) + 1) * step
        if len(ticks) >= 3:
            return [float(tick) for tick in ticks]
    return [lowest, highest]
