"""The counted postings of a refresh as files: they are read many times faster than the rows of the database.

A refresh writes them when it has written `market_summary`; the web process and commands map them into memory. They
can be lost: whoever misses them reads the database.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from market_assets.statistics.window import WINDOW_POSTING, Window
from market_assets.store.database import Database, make_private_folder


class WindowFiles:
    """The files of one database, in a folder for each refresh, of which only the newest is kept."""

    def __init__(self, data_dir: Path, database: Database) -> None:
        """Keep them in the data folder, which every process of the installation has."""
        name = str(database.path.resolve()) if database.is_sqlite else database.name
        self._folder = data_dir / "windows" / hashlib.sha256(name.encode()).hexdigest()[:16]

    def write(self, as_of: datetime, revision: int, window: Window) -> None:
        """Write the postings of a refresh, and remove those of earlier ones.

        Args:
            as_of: the time of the refresh.
            revision: of `market_summary`, which tells refreshes of one time apart.
            window: what the tables are counted from.

        Raises:
            OSError: they can't be written.
        """
        make_private_folder(self._folder)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=self._folder))
        try:
            for name, value in vars(window).items():
                if isinstance(value, pl.DataFrame):
                    value.write_ipc(making / name)
                else:
                    np.save(making / f"{name}.npy", value)
            written = self._of_refresh(as_of, revision)
            shutil.rmtree(written, ignore_errors=True)
            making.rename(written)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        for other in self._folder.iterdir():
            if other != written:
                # Whoever has them mapped keeps them.
                shutil.rmtree(other, ignore_errors=True)

    def read(self, as_of: datetime, revision: int) -> Window | None:
        """The postings of a refresh, mapped into memory; None where there are no such files."""
        folder = self._of_refresh(as_of, revision)
        try:
            parts = {field.name: _read(folder / field.name) for field in fields(Window)}
        except (OSError, EOFError, ValueError, pl.exceptions.PolarsError):
            return None
        # They may be of another version of the program.
        return Window(**parts) if parts["postings"].schema == WINDOW_POSTING else None

    def _of_refresh(self, as_of: datetime, revision: int) -> Path:
        return self._folder / f"{as_of.astimezone(UTC):%Y%m%dT%H%M%S.%f}-{revision}"


def _read(path: Path) -> Any:
    arrays = path.with_suffix(".npy")
    return np.load(arrays, mmap_mode="r") if arrays.exists() else pl.read_ipc(path)
