"""The canvas of the plots: shapes and texts that become one inline SVG.

Colours and fonts are left to the page: every colour here is one of its CSS variables, so that one drawing serves
light, dark and print. Lengths are pixels, from the upper left corner.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from math import ceil, floor, log10
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from market_assets.report import numbers

#: Narrow enough for legible text when the plot is scaled down to the width of a phone.
WIDTH = 460
#: The width at the left of a plot for the names of its rows, and the height of a row.
NAMES = 158
ROW = 25
_NAME_LETTERS = 20
#: The height of a bar beside the name of its row.
_BAR = 15.5
#: Between a name or a figure and what it stands beside.
_GAP = 7

INK = "var(--ink)"
MUTED = "var(--muted)"
RULE = "var(--rule)"
ACCENT = "var(--accent)"
ACCENT_SOFT = "var(--accent-soft)"
UP = "var(--up)"
DOWN = "var(--down)"
#: From very weak to very strong.
STRENGTHS = tuple(f"var(--strength-{level})" for level in range(5))

Align = Literal["start", "middle", "end"]


class Drawing:
    """An empty drawing, `WIDTH` by `height`; what is drawn later covers what was drawn before."""

    def __init__(self, height: float) -> None:
        self._height = height
        self._parts: list[Markup] = []

    def text(self, x: float, y: float, text: str, colour: str = INK, align: Align = "start") -> None:
        """Text whose start, middle or end is at x and whose lower case letters are centred on y."""
        self._parts.append(
            Markup('<text x="{:.1f}" y="{:.1f}" dy=".35em" text-anchor="{}" style="fill: {}">{}</text>').format(
                x, y, align, colour, text
            )
        )

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle by its upper left corner."""
        self._parts.append(
            Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" style="fill: {}"/>').format(
                x, y, width, height, colour
            )
        )

    def line(self, points: Iterable[tuple[float, float]], colour: str, width: float = 1) -> None:
        """Straight lines from point to point."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._parts.append(
            Markup('<polyline points="{}" style="fill: none; stroke: {}; stroke-width: {}"/>').format(
                places, colour, width
            )
        )

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """A filled circle."""
        self._parts.append(
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" style="fill: {}"/>').format(x, y, radius, colour)
        )

    def row(self, top: float, place: int, name: str) -> float:
        """Write the name of a row of a plot that begins at `top`; returns the middle of the row."""
        middle = top + (place + 0.5) * ROW
        self.text(NAMES - _GAP, middle, numbers.shortened(name, _NAME_LETTERS), INK, "end")
        return middle

    def bar(self, start: float, y: float, length: float, colour: str, figure: str) -> None:
        """A bar to the right, or to the left where its length is negative, with a figure at its outer end."""
        end = start + length
        self.box(min(start, end), y - _BAR / 2, abs(length), _BAR, colour)
        self.text(end + (_GAP if length >= 0 else -_GAP), y, figure, INK, "start" if length >= 0 else "end")

    def inline(self, name: str, description: str) -> Markup:
        """The drawing as an `<svg>` to be put into an HTML page.

        Args:
            name: unique in the page; its id begins with it.
            description: what the plot shows, for screen readers.
        """
        title = f"{name}-title"
        return Markup(
            '<svg viewBox="0 0 {} {:.0f}" role="img" aria-labelledby="{}"><title id="{}">{}</title>{}</svg>'
        ).format(WIDTH, self._height, title, title, description, Markup("").join(self._parts))


def image(drawing: str) -> str:
    """An inline drawing as a `data:` URI of an image by itself, on white and in the report's light colours."""
    opening, _, rest = drawing.partition(">")
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" style="background: white; overflow: visible"'
    svg = f"{opening} {size}><style>{_light_colours()} text {{ font: 12.5px sans-serif }}</style>{rest}"
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


@cache
def _light_colours() -> str:
    """The first rule of the report's style sheet."""
    style = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    return f"{style.partition('}')[0]}}}"


def ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Up to six round values from low to high, evenly spaced; `whole` numbers alone where asked for."""
    least = max((high - low) / 5, 1.0 if whole else 1e-9)
    power = 10.0 ** floor(log10(least))
    steps = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    step = next(power * step for step in steps if power * step >= least * 0.999)
    return [step * number for number in range(ceil(low / step), floor(high / step) + 1)]
