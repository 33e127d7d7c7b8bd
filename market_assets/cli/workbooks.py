"""Rows as an Excel workbook of one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

import polars as pl

from market_assets.cli.command import CommandFailedError

#: What a sheet can hold.
_MOST_ROWS, _LONGEST_TEXT = 1_048_576, 32_767
#: Larger whole numbers are not exact in a cell.
_LARGEST_NUMBER = 2**53
#: A text is a text, whatever it looks like.
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "remove_timezone": True,
    "default_date_format": "yyyy-mm-dd hh:mm:ss",
}


def write_workbook(file: IO[bytes], columns: Iterable[str], frames: Iterator[pl.DataFrame]) -> int:
    """Write a heading and the rows of all frames, in little memory; how many rows there were.

    Raises:
        CommandFailedError: there are more rows, or longer texts, than a sheet can hold.
    """
    # Typed as little as its package is.
    import xlsxwriter  # type: ignore[import-untyped]

    with xlsxwriter.Workbook(file, _OPTIONS) as workbook:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, list(columns), workbook.add_format({"bold": True}))
        written = 0
        for row in (row for frame in frames for row in frame.iter_rows()):
            written += 1
            if written == _MOST_ROWS:
                raise CommandFailedError(f"a sheet has at most {_MOST_ROWS - 1:,} rows: choose another format")
            sheet.write_row(written, 0, [_cell(value) for value in row])
    return written


def _cell(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise CommandFailedError(f"a cell has at most {_LONGEST_TEXT:,} characters: choose another format")
    is_large = isinstance(value, int) and abs(value) > _LARGEST_NUMBER
    return str(value) if is_large else value
