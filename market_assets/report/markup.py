"""Pieces of HTML. Whatever comes from data is escaped here, and nowhere passed by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl

from market_assets.report.numbers import printable

_NONE = '<span class="none">–</span>'


def text(value: str) -> str:
    """Text from data, harmless in HTML, on one line."""
    return escape(printable(value))


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: of the column in the frame.
        heading: as shown.
        show: a number as text; None for a column of text.
        meter: draw a bar beside the number, its length relative to the largest of the column.
        secondary: leave it out on the narrowest screens.
    """

    name: str
    heading: str
    show: Callable[[Any], str] | None = None
    meter: bool = False
    secondary: bool = False


def table(caption: str, rows: pl.DataFrame, columns: Sequence[Column]) -> str:
    """A table with a caption; the first column names the row."""
    headings = "".join(f'<th scope="col"{_class(column)}>{escape(column.heading)}</th>' for column in columns)
    cells = [_cells(rows[column.name], column, first=not place) for place, column in enumerate(columns)]
    body = "".join(f"<tr>{''.join(row)}</tr>\n" for row in zip(*cells, strict=True))
    return (
        f'<div class="table"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{headings}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _class(column: Column) -> str:
    classes = [*(["number"] if column.show else []), *(["secondary"] if column.secondary else [])]
    return f' class="{" ".join(classes)}"' if classes else ""


def _cells(values: pl.Series, column: Column, first: bool) -> list[str]:
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    opening = f"<{tag}{scope}{_class(column)}>"
    largest = _largest(values) if column.meter else 0.0
    return [f"{opening}{_cell(value, column, largest)}</{tag}>" for value in values]


def _largest(values: pl.Series) -> float:
    return max((float(value) for value in values.drop_nulls()), default=0.0)


def _cell(value: Any, column: Column, largest: float) -> str:
    if value is None:
        return _NONE
    shown = text(str(value)) if column.show is None else escape(column.show(value))
    if not column.meter or largest <= 0:
        return shown
    length = max(value, 0) / largest
    return f'<span class="meter" style="--length:{length:.1%}">{shown}</span>'


def figure(svg: str, caption: str) -> str:
    """A plot with the sentence that says how to read it."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def stack(*parts: str) -> str:
    """Parts below each other, in one column of the section."""
    kept = [part for part in parts if part]
    return f'<div class="stack">{"".join(kept)}</div>' if kept else ""


def wide(part: str) -> str:
    """A part over the whole width of the section."""
    return f'<div class="wide">{part}</div>'


def nothing(reason: str) -> str:
    """What stands where there is nothing to show yet."""
    return f'<p class="nothing">{escape(reason)}</p>'


def section(anchor: str, title: str, how: str, *parts: str) -> str:
    """A section of the page: heading, one sentence on how it is counted, and its parts side by side."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-heading">\n'
        f'<h2 id="{anchor}-heading">{escape(title)}</h2>\n<p class="how">{escape(how)}</p>\n'
        f'<div class="parts">\n{body}\n</div>\n</section>'
    )


def tile(label: str, value: str | None, note: str) -> str:
    """A headline figure. `value` and `note` may come from data; None shows as a dash."""
    shown = _NONE if value is None else text(value)
    return f"<div><dt>{escape(label)}</dt><dd><strong>{shown}</strong><span>{text(note)}</span></dd></div>"
