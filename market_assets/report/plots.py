"""The plots of the report: each takes the rows to show, at least one, and returns an inline SVG.

Call them within `svg.plot_style()`.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from market_assets.report import numbers
from market_assets.report.svg import (
    ACCENT,
    ACCENT_SOFT,
    DOWN,
    INK,
    MUTED,
    NAMES,
    ROW,
    RULE,
    STRENGTHS,
    UP,
    WIDTH,
    axes_at,
    box_at,
    canvas,
    inline_svg,
    named_rows,
    text_at,
)

#: Bars of growth are cut here, so that one outlier leaves the others distinguishable.
LONGEST_GROWTH = 3.0
#: The classes of skill_relationships.strength, weakest first.
STRENGTH_NAMES = ("very_weak", "weak", "moderate", "strong", "very_strong")
#: Days of the running mean of the volume.
MEAN_DAYS = 7
#: How the direction of a trend is drawn.
_DIRECTIONS = {"increasing": ("▲", UP), "decreasing": ("▼", DOWN), "stable": ("▶", MUTED)}
#: The axis of a small plot of pay spans at least this part of its middle, so that a flat line looks flat.
_LEAST_SPAN = 0.1


def demand_bars(skills: pl.DataFrame, currency: str) -> Markup:
    """The share of postings of each skill, with its median pay beside (rows of skill_demand)."""
    height, top, pay_width = skills.height * ROW, 26, 128
    figure = canvas(height + top)
    axes = axes_at(figure, NAMES, top, WIDTH - NAMES - pay_width, height)
    shares = skills["demand_share"].to_list()
    named_rows(axes, skills["skill"])
    axes.barh(range(len(shares)), shares, height=0.62, color=ACCENT)
    axes.set_xlim(0, max(*shares, 1e-9))
    axes.set_xticks([])
    for row, (part, median) in enumerate(zip(shares, skills["median_salary"], strict=True)):
        _beside(axes, numbers.share(part), part, row)
        pay = "–" if median is None else numbers.short_money(median)
        text_at(figure, WIDTH - 2, top + (row + 0.5) * ROW, pay, MUTED, "right")
    text_at(figure, NAMES, 10, "share of postings", MUTED)
    text_at(figure, WIDTH - 2, 10, f"median, {currency}", MUTED, "right")
    return inline_svg(figure, "demand", f"Bar plot: share of postings of the {len(shares)} most asked skills")


def growth_bars(moving: pl.DataFrame, emerging: pl.DataFrame) -> Markup:
    """Growth to the right and to the left of zero, and below the emerging skills by recent postings.

    Both hold rows of trending_skills; one of them may be empty.
    """
    heading = 26
    parts = [heading + part.height * ROW for part in (moving, emerging) if part.height]
    figure = canvas(sum(parts) + 18 * (len(parts) - 1))
    if moving.height:
        text_at(figure, NAMES, 10, "change of the share of postings", MUTED)
        _diverging(axes_at(figure, NAMES, heading, WIDTH - NAMES, moving.height * ROW), moving)
    if emerging.height:
        top = sum(parts) + 18 * (len(parts) - 1) - emerging.height * ROW
        text_at(figure, NAMES, top - 16, "new: postings of the last 30 days", MUTED)
        axes = axes_at(figure, NAMES, top, WIDTH - NAMES - 60, emerging.height * ROW)
        recent = emerging["recent_postings"].to_list()
        named_rows(axes, emerging["skill"])
        axes.barh(range(len(recent)), recent, height=0.62, color=ACCENT)
        axes.set_xlim(0, max(recent))
        axes.set_xticks([])
        for row, number in enumerate(recent):
            _beside(axes, numbers.count(number), number, row)
    shown = moving.height + emerging.height
    return inline_svg(figure, "growth", f"Diverging bars: growth of {shown} growing, declining and new skills")


def _diverging(axes: Axes, moving: pl.DataFrame) -> None:
    growth = moving["growth"].to_numpy()
    bars = np.minimum(growth, LONGEST_GROWTH)
    named_rows(axes, moving["skill"])
    axes.barh(range(len(bars)), bars, height=0.62, color=[UP if bar > 0 else DOWN for bar in bars])
    # Room for the figures at the outer ends of the bars.
    right, left = max(float(bars.max()), 0.0), min(float(bars.min()), 0.0)
    room = (right - left) * 0.26
    axes.set_xlim(left - (room if left else 0.0), right + (room if right else 0.0))
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_xticks([])
    for row, (bar, change) in enumerate(zip(bars, growth, strict=True)):
        _beside(axes, numbers.growth(change), bar, row)


def relationship_heat_map(skills: list[str], pairs: pl.DataFrame) -> Markup:
    """The strength of each pair of skills, as a triangle with the names on its diagonal.

    Args:
        skills: two or more, in the order of the diagonal.
        pairs: rows of skill_relationships; those of other skills are left out.
    """
    cell = 28.0
    side = cell * len(skills)
    figure = canvas(max(side + 4, 20.0 * (len(STRENGTHS) + 1)))
    axes = axes_at(figure, 0, 2, side, side)
    axes.set_xlim(0, len(skills))
    axes.set_ylim(len(skills), 0)
    axes.set_axis_off()
    colours = _pair_colours(skills, pairs)
    cells = [Rectangle((column + 0.05, row + 0.05), 0.9, 0.9) for row, column in colours]
    axes.add_collection(PatchCollection(cells, facecolors=list(colours.values()), edgecolors="none"))
    for place, skill in enumerate(skills):
        text_at(figure, place * cell + 6, 2 + (place + 0.5) * cell, numbers.shortened(skill, 18), INK)
    _strength_legend(figure)
    description = f"Heat map: how strongly the {len(skills)} most asked skills belong together"
    return inline_svg(figure, "heat", description)


def _pair_colours(skills: list[str], pairs: pl.DataFrame) -> dict[tuple[int, int], str]:
    """The colour of each cell below the diagonal, by row and column."""
    colours = {(row, column): RULE for row in range(len(skills)) for column in range(row)}
    positions = {skill: place for place, skill in enumerate(skills)}
    classes = dict(zip(STRENGTH_NAMES, STRENGTHS, strict=True))
    shown = pairs.filter(pl.col("skill_a").is_in(skills) & pl.col("skill_b").is_in(skills))
    for skill_a, skill_b, strength in shown.select("skill_a", "skill_b", "strength").iter_rows():
        column, row = sorted((positions[skill_a], positions[skill_b]))
        colours[row, column] = classes.get(strength, RULE)
    return colours


def _strength_legend(figure: Figure) -> None:
    """At the upper right, where the triangle leaves room: strongest on top."""
    entries = [(RULE, "seldom or never"), *zip(STRENGTHS, STRENGTH_NAMES, strict=True)]
    for place, (colour, name) in enumerate(reversed(entries)):
        text_at(figure, 350, 10 + 20 * place, name.replace("_", " "), MUTED)
        box_at(figure, 330, 4 + 20 * place, 12, colour)


def daily_volume(days: pl.DataFrame) -> Markup:
    """Postings of each day with their running mean (columns of `selections.daily_volume`)."""
    figure = canvas(252)
    axes = axes_at(figure, 42, 12, WIDTH - 46, 196)
    counts = days["postings"].to_numpy()
    places = np.arange(len(counts))
    axes.bar(places, counts, width=0.8, color=ACCENT_SOFT)
    if len(counts) > MEAN_DAYS:
        mean = np.convolve(counts, np.full(MEAN_DAYS, 1 / MEAN_DAYS), mode="valid")
        axes.plot(places[MEAN_DAYS - 1 :], mean, color=ACCENT, linewidth=2.2)
    axes.set_xlim(-0.7, len(counts) - 0.3)
    axes.set_ylim(0, max(counts.max() * 1.04, 1))
    axes.spines["bottom"].set_visible(True)
    axes.grid(axis="y")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.tick_params(axis="y", colors=MUTED)
    step = -(-len(counts) // 4)
    labels = days["day"].dt.strftime("%d %b").to_list()
    axes.set_xticks(places[::step], labels[::step], ha="left" if len(counts) > 4 else "center")
    legend = f"line: mean of {MEAN_DAYS} days" if len(counts) > MEAN_DAYS else ""
    text_at(figure, 42, 243, f"postings by day; {legend}".rstrip("; "), MUTED)
    return inline_svg(figure, "volume", f"Bars and line: postings of each of {len(counts)} days")


def pay_ranges(skills: pl.DataFrame, currency: str) -> Markup:
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
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _place: numbers.short_money(tick)))
    for row, median in enumerate(skills["median_salary"]):
        text_at(figure, WIDTH - 2, (row + 0.5) * ROW, numbers.short_money(median), INK, "right")
    text_at(figure, WIDTH - 2, height + 14, "median", MUTED, "right")
    text_at(figure, NAMES, height + 40, f"annual pay, {currency}", MUTED)
    return inline_svg(figure, "pay", f"Range plot: percentiles of annual pay of {skills.height} skills")


def salary_bands(bands: pl.DataFrame, currency: str) -> Markup:
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


def pay_trends(months: pl.DataFrame) -> Markup:
    """Median pay by month, one small plot a skill (columns of `selections.pay_trends`)."""
    skills = months.partition_by("skill", maintain_order=True)
    timeline = months["month"].unique().sort().to_list()
    high, gap = 134, 24
    wide = (WIDTH - gap) / 2
    figure = canvas(-(-len(skills) // 2) * high)
    for place, skill in enumerate(skills):
        left, top = (place % 2) * (wide + gap), (place // 2) * high
        arrow, colour = _DIRECTIONS.get(skill["trend_direction"][0], ("", MUTED))
        text_at(figure, left, top + 10, numbers.shortened(skill["skill"][0], 24), INK)
        direction, change = skill["trend_direction"][0].replace("_", " "), skill["change"][0]
        shown = direction if change is None else f"{direction}, {change:+.1%}"
        text_at(figure, left, top + 29, f"{arrow} {shown}", colour)
        _pay_line(axes_at(figure, left, top + 40, wide - 44, 56), skill, timeline, colour)
        text_at(figure, left, top + 109, timeline[0], MUTED)
        text_at(figure, left + wide - 44, top + 109, timeline[-1], MUTED, "right")
    return inline_svg(figure, "trends", f"Small line plots: median pay by month of {len(skills)} skills")


def _pay_line(axes: Axes, skill: pl.DataFrame, timeline: list[str], colour: str) -> None:
    """The medians of one skill on the months of all; a month without salaries is skipped."""
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


def _beside(axes: Axes, text: str, end: float, row: int) -> None:
    """Text at the outer end of a horizontal bar."""
    outward, align = (6, "left") if end >= 0 else (-6, "right")
    axes.annotate(text, (end, row), (outward, 0), textcoords="offset points", ha=align, va="center_baseline")
