"""A cache for the parsing of short texts, which repeat from batch to batch and from day to day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import polars as pl

#: Texts in one cache. When new ones would exceed this, the cache is emptied first.
MAX_TEXTS = 50_000
#: Characters; a longer text is parsed every time.
MAX_TEXT_LENGTH = 200

Row = tuple[Any, ...]


class TextCache:
    """Parses columns of texts, each distinct text once.

    Args:
        parse: returns a row for each of the given distinct texts, in their order. A row may depend on nothing but
            its text.
        schema: the columns of those rows.
    """

    def __init__(self, parse: Callable[[list[str]], Iterable[Row]], schema: pl.Schema) -> None:
        self._parse = parse
        self._schema = schema
        self._cached: dict[str, Row] = {}

    def frame(self, texts: pl.Series) -> pl.DataFrame:
        """The row of each text, with the cache's schema; all null for a null."""
        values = texts.to_list()
        rows = self._rows(dict.fromkeys(values))
        # Column by column, as polars takes twice as long for tuples.
        columns = list(zip(*(rows[text] for text in values), strict=True)) or [()] * len(self._schema)
        fields = zip(self._schema.items(), columns, strict=True)
        return pl.DataFrame([pl.Series(name, column, dtype) for (name, dtype), column in fields])

    def column(self, texts: pl.Series) -> pl.Series:
        """The first column of `frame`, under the name of `texts`."""
        return self.frame(texts).to_series().alias(texts.name)

    def _rows(self, distinct: Iterable[str | None]) -> dict[str | None, Row]:
        cached = {text: self._cached.get(text) for text in distinct if text is not None}
        new = [text for text, row in cached.items() if row is None]
        parsed = dict(zip(new, self._parse(new), strict=True)) if new else {}
        self._add(parsed)
        rows: dict[str | None, Row] = {None: (None,) * len(self._schema)}
        rows.update((text, row) for text, row in cached.items() if row is not None)
        rows.update(parsed)
        return rows

    def _add(self, parsed: dict[str, Row]) -> None:
        if len(self._cached) + len(parsed) > MAX_TEXTS:
            self._cached.clear()
        short = ((text, row) for text, row in parsed.items() if len(text) <= MAX_TEXT_LENGTH)
        self._cached.update(islice(short, MAX_TEXTS))


def single_column_cache(parse: Callable[[str], Any], dtype: pl.DataType) -> TextCache:
    """A cache of one column, for a function of one text."""
    return TextCache(lambda texts: ((parse(text),) for text in texts), pl.Schema({"value": dtype}))
