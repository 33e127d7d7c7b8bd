"""`market-assets sql` and `export`: the store's tables for spreadsheets, notebooks and other programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any

import click
import polars as pl
import sqlalchemy as sa
from polars.io.plugins import register_io_source

from market_assets.cli.command import CommandFailedError, open_database, pass_settings, print_rows, rows_options
from market_assets.settings import Settings
from market_assets.store.connection import MarketConnection
from market_assets.store.database import file_errors
from market_assets.store.own_tables import declared_tables
from market_assets.store.read_only import answered
from market_assets.store.reading import BATCH, read_batches
from market_assets.store.tables import administration, postings
from market_assets.store.tables.columns import arrow_schema

#: What is about the program itself, not about the market.
_OWN = {
    *(administration.scheduled_jobs, administration.scheduler_stops),
    *(postings.data_revision, postings.posting_sketches),
}
EXPORTED = {name: table for name, table in declared_tables().items() if table not in _OWN}
FORMATS = ("csv", "json", "jsonl", "parquet", "xlsx")
_BINARY = {"parquet": "Parquet", "xlsx": "A workbook"}
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


@click.command()
@click.argument("query")
@rows_options
@pass_settings
def sql(settings: Settings, query: str, as_csv: bool, as_json: bool) -> None:
    """Print the rows of a SQL query on the market database, which can't change anything.

    The query is an argument, or standard input where it is "-". docs/tables.md describes tables and columns.
    """
    text = sys.stdin.read() if query == "-" else query
    with answered(open_database(settings), text) as answer:
        print_rows(answer.columns, answer.rows, as_csv=as_csv, as_json=as_json)


@click.command()
@click.argument(
    "table", shell_complete=lambda *given: [name for name in sorted(EXPORTED) if name.startswith(given[-1])]
)
@click.option("--format", "written_as", type=click.Choice(FORMATS), help="Else by the file's name, else csv.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file, else standard output."
)
@pass_settings
def export(settings: Settings, table: str, written_as: str | None, output: Path | None) -> None:
    """Write all rows of TABLE as CSV, JSON, JSON lines, Parquet or an Excel workbook.

    docs/tables.md describes tables and columns.
    """
    if table not in EXPORTED:
        alike = get_close_matches(table, EXPORTED, n=1)
        hint = f"; did you mean {alike[0]}?" if alike else f": {', '.join(sorted(EXPORTED))}"
        raise click.BadParameter(f"{table!r} is no table to export{hint}", param_hint="TABLE")
    kind = written_as or (output.suffix.removeprefix(".").lower() if output else "csv")
    if kind not in FORMATS:
        raise click.BadParameter(f"{kind!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    if output is None and kind in _BINARY and sys.stdout.isatty():
        raise CommandFailedError(f"{_BINARY[kind]} is not for terminals: name a file with --output")
    declared = EXPORTED[table]
    with (
        MarketConnection(open_database(settings)) as connection,
        connection.snapshot(),
        _opened(output) as file,
    ):
        rows = _WRITERS[kind](file, declared, read_batches(connection, declared))
    if output:
        click.echo(f"{rows:,} rows of {table} written to {output}")


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears under its name only once it is whole."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with file_errors(output), part.open("wb") as file:
            yield file
        with file_errors(output):
            part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _export_csv(file: IO[bytes], table: sa.Table, frames: Iterator[pl.DataFrame]) -> int:
    file.write((",".join(arrow_schema(table).names()) + "\n").encode())
    return _each(frames, lambda frame: file.write(frame.write_csv(include_header=False).encode()))


def _export_json_lines(file: IO[bytes], table: sa.Table, frames: Iterator[pl.DataFrame]) -> int:  # noqa: ARG001
    return _each(frames, lambda frame: file.write(frame.write_ndjson().encode()))


def _export_json(file: IO[bytes], table: sa.Table, frames: Iterator[pl.DataFrame]) -> int:  # noqa: ARG001
    written = 0
    file.write(b"[")
    for frame in frames:
        for line in frame.write_ndjson().splitlines():
            file.write(b",\n " if written else b"")
            file.write(line.encode())
            written += 1
    file.write(b"]\n")
    return written


def _export_parquet(file: IO[bytes], table: sa.Table, frames: Iterator[pl.DataFrame]) -> int:
    written = 0

    def read(*_: object) -> Iterator[pl.DataFrame]:
        nonlocal written
        for frame in frames:
            written += frame.height
            yield frame

    # Row groups as small as the batches: otherwise many of these would be in memory at once.
    rows = register_io_source(read, schema=arrow_schema(table))
    rows.sink_parquet(file, compression="zstd", row_group_size=BATCH)
    return written


def write_workbook(file: IO[bytes], columns: list[str], frames: Iterator[pl.DataFrame]) -> int:
    """Write a heading and the rows of all frames, in little memory; how many rows there were.

    Raises:
        CommandFailedError: there are more rows, or longer texts, than a sheet can hold.
    """
    # Typed as little as its package is.
    import xlsxwriter  # type: ignore[import-untyped]

    with xlsxwriter.Workbook(file, _OPTIONS) as workbook:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, columns, workbook.add_format({"bold": True}))
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


def _each(frames: Iterator[pl.DataFrame], write: Callable[[pl.DataFrame], object]) -> int:
    rows = 0
    for frame in frames:
        write(frame)
        rows += frame.height
    return rows


_WRITERS: dict[str, Callable[[IO[bytes], sa.Table, Iterator[pl.DataFrame]], int]] = {
    "csv": _export_csv,
    "json": _export_json,
    "jsonl": _export_json_lines,
    "parquet": _export_parquet,
    "xlsx": lambda file, table, frames: write_workbook(file, arrow_schema(table).names(), frames),
}
