"""The archive: postings that left the store, as Parquet files by month, never overwritten.

`<archive>/month=YYYY-MM/postings-<hash>.parquet`. A file is written beside its place, read back and counted, and
only then given its name, so that a file with a proper name is whole. The name comes from what it holds: archiving
the same postings again finds the file that is already there, and a posting that has changed since gets a new one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from market_assets.postings.identity import IDENTITY
from market_assets.store.database import StoreError, file_errors
from market_assets.store.tables.columns import arrow_schema
from market_assets.store.tables.postings import job_postings, posting_facts

_OF_FACTS = ("skills_version", "url_key", "job_key", "text_hash")
#: What is kept of a posting: its row of job_postings, what only its fact row holds, and its skills by name, each
#: with its `skills.weights.Weight`; both lists are empty where it has none or has not been searched.
ARCHIVED = pl.Schema(
    {
        **arrow_schema(job_postings),
        **{name: dtype for name, dtype in arrow_schema(posting_facts).items() if name in _OF_FACTS},
        "skill_names": pl.List(pl.String()),
        "skill_weights": pl.List(pl.Int16()),
    }
)


def write_month(archive: Path, month: str, postings: pl.DataFrame) -> Path:
    """Write postings of one month to the archive and check what was written; returns the file.

    Raises:
        StoreUnavailableError: the folder can't be written.
        StoreError: what was read back is not what was written.
    """
    folder = archive / f"month={month}"
    path = folder / f"postings-{_digest(postings)}.parquet"
    with file_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.touch()
        else:
            unfinished = path.with_suffix(".part")
            postings.select(ARCHIVED.names()).write_parquet(unfinished, compression="zstd")
            _check(unfinished, postings.height)
            unfinished.rename(path)
        _check(path, postings.height)
    return path


def read_month(archive: Path, month: str) -> pl.DataFrame:
    """All archived postings of a month, each once, as it was archived last.

    Raises:
        StoreError: nothing of that month is in the archive.
    """
    files = sorted((archive / f"month={month}").glob("*.parquet"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise StoreError(
            f"nothing of {month} is in the archive {archive}; it holds: {_months(archive) or 'nothing'}"
        )
    frames = [_read(path) for path in files]
    return pl.concat(frames).unique(IDENTITY, keep="last", maintain_order=True)


def _digest(postings: pl.DataFrame) -> str:
    """A name for what postings hold, but for what the store makes of them each time anew.

    It depends on values alone, not on how a library or a file format writes them; on texts by their hashes.
    """
    apart = ("posting_id", "restored_at", "duplicate_of", "description")
    content = postings.select(ARCHIVED.names()).drop(apart).sort(IDENTITY)
    lists = [name for name, dtype in content.schema.items() if isinstance(dtype, pl.List)]
    digest = hashlib.sha256(content.select(pl.col(lists).list.len()).write_csv().encode())
    for column in (content[name].explode() if name in lists else content[name] for name in content.columns):
        digest.update(column.is_null().to_numpy().tobytes())
        if column.dtype == pl.String:
            digest.update(column.str.len_bytes().fill_null(0).cast(pl.Int64).to_numpy().tobytes())
            digest.update(column.str.join()[0].encode())
        else:
            kind = pl.Float64 if column.dtype.is_float() else pl.Int64
            digest.update(column.to_physical().cast(kind).fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, hive_partitioning=False).select(ARCHIVED.names())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"can't read the archive {path}: {error}") from error


def _check(path: Path, rows: int) -> None:
    try:
        found = pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item()
    except pl.exceptions.PolarsError as error:
        raise StoreError(f"{path} can't be read back; nothing was deleted: {error}") from error
    if found != rows:
        raise StoreError(f"{path} holds {found} postings instead of {rows}; nothing was deleted")


def _months(archive: Path) -> str:
    return ", ".join(sorted(path.name.removeprefix("month=") for path in archive.glob("month=*")))
