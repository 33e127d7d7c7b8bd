"""The plots of the report: each takes the rows to show, at least one, and returns an inline SVG."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

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
    Align,
    Drawing,
    ticks,
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
#: The side of a cell of the heat map.
_CELL = 28.0


def demand_bars(skills: pl.DataFrame, currency: str) -> Markup:
    """The share of postings of each skill, with its median pay beside (rows of skill_demand)."""
    top, pay_width = 26, 128
    drawing = Drawing(top + skills.height * ROW)
    drawing.text(NAMES, 10, "share of postings", MUTED)
    drawing.text(WIDTH - 2, 10, f"median, {currency}", MUTED, "end")
    shown = skills.select("skill", "demand_share", "median_salary").rows()
    scale = (WIDTH - NAMES - pay_width) / max(1e-9, *(part for _, part, _ in shown))
    for place, (skill, part, median) in enumerate(shown):
        y = drawing.row(top, place, skill)
        drawing.bar(NAMES, y, part * scale, ACCENT, numbers.share(part))
        drawing.text(WIDTH - 2, y, "–" if median is None else numbers.short_money(median), MUTED, "end")
    return drawing.inline("demand", f"Bar plot: share of postings of the {len(shown)} most asked skills")


def growth_bars(moving: pl.DataFrame, emerging: pl.DataFrame) -> Markup:
    """Growth to the right and to the left of zero, and below the emerging skills by recent postings.

    Both hold rows of trending_skills; one of them may be empty.
    """
    heading, gap = 26, 18
    parts = [heading + part.height * ROW for part in (moving, emerging) if part.height]
    height = sum(parts) + gap * (len(parts) - 1)
    drawing = Drawing(height)
    if moving.height:
        drawing.text(NAMES, 10, "change of the share of postings", MUTED)
        _diverging(drawing, heading, moving)
    if emerging.height:
        top = height - emerging.height * ROW
        drawing.text(NAMES, top - 16, "new: postings of the last 30 days", MUTED)
        shown = emerging.select("skill", "recent_postings").rows()
        scale = (WIDTH - NAMES - 60) / max(recent for _, recent in shown)
        for place, (skill, recent) in enumerate(shown):
            y = drawing.row(top, place, skill)
            drawing.bar(NAMES, y, recent * scale, ACCENT, numbers.count(recent))
    count = moving.height + emerging.height
    return drawing.inline("growth", f"Diverging bars: growth of {count} growing, declining and new skills")


def _diverging(drawing: Drawing, top: float, moving: pl.DataFrame) -> None:
    shown = moving.select("skill", "growth").rows()
    bars = [min(growth, LONGEST_GROWTH) for _, growth in shown]
    right, left = max(0.0, *bars), min(0.0, *bars)
    # Room for the figures at the outer ends of the bars.
    room = max(right - left, 1e-9) * 0.26
    before = room - left if left else 0.0
    scale = (WIDTH - NAMES) / (before + right + (room if right else 0.0))
    zero = NAMES + before * scale
    for place, ((skill, growth), bar) in enumerate(zip(shown, bars, strict=True)):
        y = drawing.row(top, place, skill)
        drawing.bar(zero, y, bar * scale, UP if bar > 0 else DOWN, numbers.growth(growth))
    drawing.line([(zero, top), (zero, top + len(shown) * ROW)], MUTED)


def relationship_heat_map(skills: list[str], pairs: pl.DataFrame) -> Markup:
    """The strength of each pair of skills, as a triangle with the names on its diagonal.

    Args:
        skills: two or more, in the order of the diagonal.
        pairs: rows of skill_relationships; those of other skills are left out.
    """
    drawing = Drawing(max(_CELL * len(skills) + 4, 20.0 * (len(STRENGTHS) + 1)))
    for (row, column), colour in _pair_colours(skills, pairs).items():
        drawing.box((column + 0.05) * _CELL, 2 + (row + 0.05) * _CELL, 0.9 * _CELL, 0.9 * _CELL, colour)
    for place, skill in enumerate(skills):
        drawing.text(place * _CELL + 6, 2 + (place + 0.5) * _CELL, numbers.shortened(skill, 18))
    _strength_legend(drawing)
    return drawing.inline("heat", f"Heat map: how strongly the {len(skills)} most asked skills belong together")


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


def _strength_legend(drawing: Drawing) -> None:
    """At the upper right, where the triangle leaves room: strongest on top."""
    entries = [(RULE, "seldom or never"), *zip(STRENGTHS, STRENGTH_NAMES, strict=True)]
    for place, (colour, name) in enumerate(reversed(entries)):
        drawing.text(350, 10 + 20 * place, name.replace("_", " "), MUTED)
        drawing.box(330, 4 + 20 * place, 12, 12, colour)


def daily_volume(days: pl.DataFrame) -> Markup:
    """Postings of each day with their running mean (columns of `selections.daily_volume`)."""
    left, right, top, bottom = 42, WIDTH - 4, 12, 208
    drawing = Drawing(252)
    counts = days["postings"].to_list()
    most: float = max(*counts, 1) * 1.04
    step = (right - left) / (days.height + 0.4)

    def at(place: float, postings: float) -> tuple[float, float]:
        return left + (place + 0.7) * step, bottom - postings / most * (bottom - top)

    for tick in ticks(0, most, whole=True):
        _, y = at(0, tick)
        drawing.line([(left, y), (right, y)], RULE)
        drawing.text(left - 8, y, numbers.count(round(tick)), MUTED, "end")
    for place, postings in enumerate(counts):
        x, y = at(place, postings)
        drawing.box(x - 0.4 * step, y, 0.8 * step, bottom - y, ACCENT_SOFT)
    has_mean = days.height > MEAN_DAYS
    if has_mean:
        means = days["postings"].rolling_mean(MEAN_DAYS)
        drawing.line((at(place, mean) for place, mean in enumerate(means) if mean is not None), ACCENT, 2.2)
    align: Align = "start" if days.height > 4 else "middle"
    for place in range(0, days.height, -(-days.height // 4)):
        drawing.text(at(place, 0)[0], bottom + 14, f"{days['day'][place]:%d %b}", MUTED, align)
    drawing.text(left, 243, "postings by day" + (f"; line: mean of {MEAN_DAYS} days" if has_mean else ""), MUTED)
    return drawing.inline("volume", f"Bars and line: postings of each of {days.height} days")


def pay_ranges(skills: pl.DataFrame, currency: str) -> Markup:
    """10th, 25th, 50th, 75th and 90th percentile of pay (rows of salary_statistics)."""
    height, width = skills.height * ROW, WIDTH - NAMES - 58
    drawing = Drawing(height + 58)
    shown = skills.select("skill", "p10", "p25", "median_salary", "p75", "p90").rows()
    lowest, highest = min(row[1] for row in shown), max(row[-1] for row in shown)
    margin = max((highest - lowest) * 0.04, highest * 0.01, 1.0)
    first, last = lowest - margin, highest + margin

    def at(pay: float) -> float:
        return float(NAMES + (pay - first) / (last - first) * width)

    for tick in ticks(first, last):
        drawing.line([(at(tick), 0), (at(tick), height)], RULE)
        drawing.text(at(tick), height + 14, numbers.short_money(tick), MUTED, "middle")
    for place, (skill, p10, p25, median, p75, p90) in enumerate(shown):
        y = drawing.row(0, place, skill)
        drawing.line([(at(p10), y), (at(p90), y)], ACCENT, 2)
        drawing.line([(at(p25), y), (at(p75), y)], ACCENT_SOFT, 11)
        drawing.dot(at(median), y, 3.75, ACCENT)
        drawing.text(WIDTH - 2, y, numbers.short_money(median), INK, "end")
    drawing.text(WIDTH - 2, height + 14, "median", MUTED, "end")
    drawing.text(NAMES, height + 40, f"annual pay, {currency}", MUTED)
    return drawing.inline("pay", f"Range plot: percentiles of annual pay of {len(shown)} skills")


def salary_bands(bands: pl.DataFrame, currency: str) -> Markup:
    """Postings by band of pay, lowest first (columns of `selections.salary_bands`)."""
    left, width, top, bottom = 8, WIDTH - 16, 32, 182
    drawing = Drawing(232)
    shown = bands.select("label", "postings").rows()
    # Few bars are as wide as five would be.
    step = width / max(len(shown) + 0.2, 5)
    start = left + (width - step * (len(shown) - 1)) / 2
    scale = (bottom - top) / max(1, *(postings for _, postings in shown))
    labelled = -(-len(shown) // 5)
    for place, (label, postings) in enumerate(shown):
        x, y = start + place * step, bottom - postings * scale
        drawing.box(x - 0.43 * step, y, 0.86 * step, bottom - y, ACCENT)
        if len(shown) <= 10:
            drawing.text(x, y - 10, numbers.count(postings), INK, "middle")
        if place % labelled == 0:
            drawing.text(x, bottom + 14, label, MUTED, "middle")
    drawing.line([(left, bottom), (left + width, bottom)], RULE)
    drawing.text(WIDTH / 2, 220, f"annual pay, {currency}", MUTED, "middle")
    return drawing.inline("bands", f"Histogram: postings by {len(shown)} bands of annual pay")


def pay_trends(months: pl.DataFrame) -> Markup:
    """Median pay by month, one small plot a skill (columns of `selections.pay_trends`)."""
    skills = months.partition_by("skill", maintain_order=True)
    timeline = months["month"].unique().sort().to_list()
    height, gap = 134, 24
    width = (WIDTH - gap) / 2
    drawing = Drawing(-(-len(skills) // 2) * height)
    for place, skill in enumerate(skills):
        left, top = (place % 2) * (width + gap), (place // 2) * height
        arrow, colour = _DIRECTIONS.get(skill["trend_direction"][0], ("", MUTED))
        direction, change = skill["trend_direction"][0].replace("_", " "), skill["change"][0]
        drawing.text(left, top + 10, numbers.shortened(skill["skill"][0], 24))
        shown = direction if change is None else f"{direction}, {change:+.1%}"
        drawing.text(left, top + 29, f"{arrow} {shown}", colour)
        # At the right of the line, its last median is written.
        _pay_line(drawing, left, top + 40, width - 44, skill, timeline, colour)
        drawing.text(left, top + 109, timeline[0], MUTED)
        drawing.text(left + width - 44, top + 109, timeline[-1], MUTED, "end")
    return drawing.inline("trends", f"Small line plots: median pay by month of {len(skills)} skills")


def _pay_line(
    drawing: Drawing, left: float, top: float, width: float, skill: pl.DataFrame, timeline: list[str], colour: str
) -> None:
    """The medians of one skill on the months of all; a month without salaries is skipped."""
    height = 56
    medians = skill["median_salary"].to_list()
    middle = (min(medians) + max(medians)) / 2
    reach = max(max(medians) - min(medians), abs(middle) * _LEAST_SPAN, 1.0) * 0.6
    step = width / (len(timeline) - 0.4)
    points = [
        (left + (timeline.index(month) + 0.3) * step, top + height / 2 * (1 - (median - middle) / reach))
        for month, median in zip(skill["month"], medians, strict=True)
    ]
    drawing.line([(left, top + height), (left + width, top + height)], RULE)
    drawing.line(points, colour, 2)
    for x, y in points:
        drawing.dot(x, y, 2.5, colour)
    x, y = points[-1]
    drawing.text(x + 8, y, numbers.short_money(medians[-1]))
