"""The canvas of the plots: matplotlib figures that become inline SVG.

Colours and fonts are left to the page: every colour here is replaced by one of its CSS variables, so that one
drawing serves light, dark and print. Lengths are pixels.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
import polars as pl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from market_assets.report import numbers

#: Narrow enough for legible text when the plot is scaled down to the width of a phone.
WIDTH = 460
#: The width at the left of a plot for the names of its rows, and the height of a row.
NAMES = 158
ROW = 25
_NAME_LETTERS = 20
_PIXELS_PER_INCH = 72

INK = "#000001"
MUTED = "#000002"
RULE = "#000003"
ACCENT = "#000004"
ACCENT_SOFT = "#000005"
UP = "#000006"
DOWN = "#000007"
#: From very weak to very strong.
STRENGTHS = ("#000010", "#000011", "#000012", "#000013", "#000014")

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    ACCENT: "var(--accent)",
    ACCENT_SOFT: "var(--accent-soft)",
    UP: "var(--up)",
    DOWN: "var(--down)",
} | {colour: f"var(--strength-{level})" for level, colour in enumerate(STRENGTHS)}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "market_assets",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 12.5,
    "text.color": INK,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.spines.bottom": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "grid.linewidth": 1.0,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 7,
    "ytick.major.pad": 8,
}


@contextmanager
def plot_style() -> Iterator[None]:
    """The settings for drawing plots, independent of the user's matplotlibrc."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        # Names may be in any script; only the browser needs the glyphs.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(height: float) -> Figure:
    """An empty figure, `WIDTH` by `height`."""
    figure = Figure(figsize=(WIDTH / _PIXELS_PER_INCH, height / _PIXELS_PER_INCH))
    FigureCanvasSVG(figure)
    return figure


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes whose upper left corner is at (left, top) of the figure."""
    across, down = figure.get_size_inches() * _PIXELS_PER_INCH
    return figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))


def text_at(figure: Figure, left: float, top: float, text: str, colour: str, align: str = "left") -> None:
    """Text at a place of the figure; `align` is left, center or right."""
    across, down = figure.get_size_inches() * _PIXELS_PER_INCH
    figure.text(left / across, 1 - top / down, text, color=colour, ha=align, va="center_baseline")


def box_at(figure: Figure, left: float, top: float, side: float, colour: str) -> None:
    """A filled square; separate axes would take many times as long to draw."""
    across, down = figure.get_size_inches() * _PIXELS_PER_INCH
    corner = (left / across, 1 - (top + side) / down)
    figure.add_artist(Rectangle(corner, side / across, side / down, color=colour, transform=figure.transFigure))


def named_rows(axes: Axes, names: pl.Series) -> None:
    """One row for each name, the first on top, with the name at its left."""
    axes.set_yticks(
        range(len(names)), [numbers.shortened(name, _NAME_LETTERS) for name in names], va="center_baseline"
    )
    axes.set_ylim(len(names) - 0.5, -0.5)


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """The figure as an `<svg>` to be put into an HTML page.

    Args:
        name: unique in the page; its ids begin with it.
        description: what the plot shows, for screen readers.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    _strip(root)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {key.rpartition("}")[2]: _page_value(key, value, name) for key, value in element.items()}
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title",
    }
    title = ElementTree.Element("title", id=f"{name}-title")
    title.text = description
    root.insert(0, title)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _strip(root: ElementTree.Element) -> None:
    """Remove the metadata, and the style sheet, which would apply to the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)


def _page_value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key.endswith("href"):
        return value.replace("#", f"#{name}-")
    if key == "clip-path":
        return value.replace("url(#", f"url(#{name}-")
    if key == "style":
        kept = [part.strip() for part in value.split(";") if not part.strip().startswith("font")]
        return "; ".join(_with_variable(part) for part in kept if part)
    return value


def _with_variable(declaration: str) -> str:
    prefix, _, colour = declaration.partition(": ")
    return f"{prefix}: {_VARIABLES.get(colour, colour)}"
