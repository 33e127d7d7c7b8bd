"""The tables of pages, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from starlette.responses import Response

#: Programs for tables would run a text that begins with one of these.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: the key in each row, and the heading in CSV.
        heading: as shown.
        show: formats a number; None for a column of text.
        link: the address that a text leads to.
        secondary: leave it out on the narrowest screens.
    """

    name: str
    heading: str
    show: Callable[[Any], str] | None = None
    link: Callable[[str], str] | None = None
    secondary: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a page: `name` is how `?table=` calls it, the first column names the row."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]

    def to_csv(self) -> str:
        """All rows with their columns, numbers as they are; a text that would be a formula begins with '."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(column.name for column in self.columns)
        writer.writerows([_cell(row[column.name]) for column in self.columns] for row in self.rows)
        return text.getvalue()


def csv_response(table: Table) -> Response:
    """A table as a file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{table.name}.csv"'}
    return Response(table.to_csv(), media_type="text/csv; charset=utf-8", headers=headers)


def by_name(tables: Iterable[Table]) -> dict[str, Table]:
    return {table.name: table for table in tables}


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
