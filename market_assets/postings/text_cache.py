"""Short texts that are read once and known again: boards repeat themselves from day to day.

A small batch then costs only what is new in it. What is read here must depend on nothing but the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import polars as pl

#: Texts of one kind that are remembered, and the characters of the longest that is.
MOST_REMEMBERED = 50_000
LONGEST_REMEMBERED = 200

Row = tuple[Any, ...]


class Remembered:
    """Reads columns of texts, each different text once.

    Args:
        read: the rows for different texts, in their order.
        schema: the columns of those rows.
    """

    def __init__(self, read: Callable[[list[str]], Iterable[Row]], schema: pl.Schema) -> None:
        self._read = read
        self._schema = schema
        self._known: dict[str, Row] = {}

    def frame(self, texts: pl.Series) -> pl.DataFrame:
        """The row of each text; all null for null."""
        stated = texts.to_list()
        rows = self._rows(dict.fromkeys(stated))
        # Column by column, as polars takes twice as long for tuples.
        columns = list(zip(*(rows[text] for text in stated), strict=True)) or [()] * len(self._schema)
        fields = zip(self._schema.items(), columns, strict=True)
        return pl.DataFrame([pl.Series(name, values, dtype) for (name, dtype), values in fields])

    def column(self, texts: pl.Series) -> pl.Series:
        """The first column of `frame`, under the name of the texts."""
        return self.frame(texts).to_series().alias(texts.name)

    def _rows(self, distinct: Iterable[str | None]) -> dict[str | None, Row]:
        known = {text: self._known.get(text) for text in distinct if text is not None}
        fresh = [text for text, row in known.items() if row is None]
        read = dict(zip(fresh, self._read(fresh), strict=True)) if fresh else {}
        self._remember(read)
        rows: dict[str | None, Row] = {None: (None,) * len(self._schema)}
        rows.update((text, row) for text, row in known.items() if row is not None)
        rows.update(read)
        return rows

    def _remember(self, read: dict[str, Row]) -> None:
        if len(self._known) + len(read) > MOST_REMEMBERED:
            self._known.clear()
        short = ((text, row) for text, row in read.items() if len(text) <= LONGEST_REMEMBERED)
        self._known.update(islice(short, MOST_REMEMBERED))
