"""Rows as a command prints them: a table for people, CSV or JSON for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

#: Rows are never broken or shortened; a terminal wraps what is too wide for it.
_WIDEST = 10_000

_Result = TypeVar("_Result")


def rows_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """The options `--csv` and `--json`, which a command receives as `as_csv` and `as_json`."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects instead.")
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")(as_json(command))


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, as_csv: bool, as_json: bool) -> None:
    """Print rows as they come; a table waits for all of them."""
    if as_json:
        _print_json(columns, rows)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _print_table(columns, [list(row) for row in rows])


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    click.echo("[", nl=False)
    for number, row in enumerate(rows):
        click.echo(",\n " if number else "", nl=False)
        fields = dict(zip(columns, row, strict=True))
        click.echo(json.dumps(fields, default=str, ensure_ascii=False), nl=False)
    click.echo("]")


def _print_table(columns: Sequence[str], rows: list[list[Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        is_number = all(isinstance(row[number], int | float | None) for row in rows)
        table.add_column(name, justify="right" if rows and is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(_shown, row))
    Console(highlight=False, markup=False, width=_WIDEST).print(table)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
