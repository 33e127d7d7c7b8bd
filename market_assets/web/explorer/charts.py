"""Drawings of the pages as inline SVG; classes of `market.css` give the colours, so that no style is inline.

Widths are those of the report's plots: legible when scaled down to a phone. Each drawing has its figures in a
table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, cos, floor, log10, pi, sin
from typing import NamedTuple

from markupsafe import Markup, escape

from market_assets.report import numbers

WIDTH, HEIGHT = 460, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 12, 28
_ROW, _NAMES = 26, 120
#: Letters of a name in a graph.
_NAME_LETTERS = 18


class Line(NamedTuple):
    """A line of a chart: its name, and a value or None for each place on the axis."""

    name: str
    values: Sequence[float | None]


class Range(NamedTuple):
    """A row of a chart of ranges: the middle half, the median, and the median's interval where it is known."""

    name: str
    low: float
    median: float
    high: float
    interval: tuple[float, float] | None


class Node(NamedTuple):
    """A node of a graph: `size` is from 0 to 1."""

    name: str
    href: str
    size: float


def line_chart(title: str, axis: Sequence[str], lines: Sequence[Line], show: Callable[[float], str]) -> Markup:
    """Lines from zero upwards over the places of an axis; gaps where a value is not known."""
    known = [value for line in lines for value in line.values if value is not None]
    if not known or not axis:
        return Markup("")
    tick = _round_up(max(known) / 3)
    most = max(ceil(max(known) / tick * 0.999), 1) * tick
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    step = width / max(len(axis) - 1, 1)
    parts = []
    for value in (number * tick for number in range(round(most / tick) + 1)):
        y = _TOP + height * (1 - value / most)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 8, y + 4, show(value), "end", "muted"))
    for place in sorted({0, len(axis) - 1}):
        anchor = "start" if place == 0 else "end"
        parts.append(_text(_LEFT + place * step, HEIGHT - 8, axis[place], anchor, "muted"))
    for number, line in enumerate(lines):
        points = [
            (_LEFT + place * step, _TOP + height * (1 - value / most))
            for place, value in enumerate(line.values)
            if value is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line line-{number}" points="{path}"/>')
        parts += [f'<circle class="dot line-{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]
    return _drawing(title, HEIGHT, parts)


def range_chart(title: str, rows: Sequence[Range]) -> Markup:
    """A row for each range on one scale: bar of the middle half, dot of the median, line of its interval."""
    if not rows:
        return Markup("")
    ends = [end for row in rows for end in (row.low, row.high, *(row.interval or ()))]
    least, most = min(ends), max(ends)
    width = WIDTH - _NAMES - 62
    scale = width / max(most - least, 1)

    def at(value: float) -> float:
        return float(_NAMES + 6 + (value - least) * scale)

    parts = []
    for number, row in enumerate(rows):
        y = number * _ROW + _ROW / 2
        parts.append(_text(_NAMES - 6, y + 4, numbers.shortened(row.name, 16), "end", "ink"))
        bar = max(at(row.high) - at(row.low), 2)
        parts.append(f'<rect class="soft" x="{at(row.low):.1f}" y="{y - 6:.1f}" width="{bar:.1f}" height="12"/>')
        if row.interval:
            low, high = (at(end) for end in row.interval)
            parts.append(f'<line class="line line-0" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot line-0" cx="{at(row.median):.1f}" cy="{y}" r="4.5"/>')
        parts.append(_text(WIDTH - 2, y + 4, numbers.short_money(row.median), "end", "ink"))
    return _drawing(title, len(rows) * _ROW, parts)


def wheel(
    title: str, centre: Node | None, nodes: Sequence[Node], edges: Sequence[tuple[int, int, float]]
) -> Markup:
    """A graph whose nodes lie on a circle, each a link, around one in the middle.

    Args:
        title: what it shows, for screen readers.
        centre: the node in the middle, joined with all others; None for none.
        nodes: those on the circle, clockwise from the top.
        edges: positions of two nodes, and the strength of their edge, 0 to 1.
    """
    height, reach_x, reach_y = 340, 95, 132
    middle_x, middle_y = WIDTH / 2, height / 2
    angles = [2 * pi * place / max(len(nodes), 1) - pi / 2 for place in range(len(nodes))]
    places = [(middle_x + reach_x * cos(angle), middle_y + reach_y * sin(angle)) for angle in angles]
    parts = [_edge(places[a], places[b], strength) for a, b, strength in edges]
    if centre:
        parts += [_edge((middle_x, middle_y), place, node.size) for place, node in zip(places, nodes, strict=True)]
    for (x, y), angle, node in zip(places, angles, nodes, strict=True):
        side = 0 if abs(cos(angle)) < 0.15 else (1 if cos(angle) > 0 else -1)
        parts.append(_node(node, x, y, side, "above" if sin(angle) < 0 else "below"))
    if centre:
        parts.append(_node(centre, middle_x, middle_y, 0, "below"))
    return _drawing(title, height, parts, role="group")


def _round_up(number: float) -> float:
    """The least of 1, 2, 5, 10 and so on, times a power of ten, that is not below a number above 0."""
    power = 10 ** floor(log10(max(number, 1e-9)))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= number * 0.999))


def _edge(one: tuple[float, float], other: tuple[float, float], strength: float) -> str:
    width = 0.5 + 3 * max(strength, 0)
    ends = f'x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}"'
    return f'<line class="edge" {ends} stroke-width="{width:.2f}"/>'


def _node(node: Node, x: float, y: float, side: int, place: str) -> str:
    """A circle with its name at a side, above or below, in a link."""
    radius = 4 + 6 * node.size
    anchor = {0: "middle", 1: "start", -1: "end"}[side]
    across = x + side * (radius + 4)
    down = y + 4 if side else (y - radius - 6 if place == "above" else y + radius + 14)
    name = _text(across, down, numbers.shortened(node.name, _NAME_LETTERS), anchor, "ink")
    circle = f'<circle class="node" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
    return f'<a href="{escape(node.href)}" aria-label="{escape(node.name)}">{circle}{name}</a>'


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawing(title: str, height: float, parts: Sequence[str], role: str = "img") -> Markup:
    label = escape(title)
    inner = "".join(parts)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="{role}" aria-label="{label}">{inner}</svg>')
