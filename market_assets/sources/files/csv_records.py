"""The records of a CSV text, and what separates their fields.

Python's csv module parses them one by one, so that a record which is too long or whose quote is never closed is
lost alone, without the rest of the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from market_assets.postings.normalise import MAX_RECORD_BYTES, over_limit
from market_assets.sources.files.text import (
    TextRecord,
    lines,
    shortened,
    utf8_size,
    without_line_end,
)

DELIMITERS = ",;\t|"
#: The number of lines by which rows are distinguished from the text of one field.
_LINES_COMPARED = 20


class CsvRecord(NamedTuple):
    """A record: the line it begins on, its text and its fields; with a problem a shortened text and no fields."""

    line: int
    text: str
    fields: list[str]
    problem: str | None = None


def sniff_delimiter(head: str) -> str:
    """The delimiter of a text: the one by which most records have the width of the first.

    Ties go to the wider first record, then to the order of `DELIMITERS`; a text of one column gets the first.
    """
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        widths = [len(record.fields) for record in CsvRecords([head], delimiter)]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


class CsvRecords:
    """The records of a CSV text in chunks that don't end within a CR LF; empty lines are left out.

    Memory is bounded by the limit of a record. Where the lines after a quote that is not closed within the limit
    look like rows, the reading goes on at the next line.
    """

    def __init__(self, chunks: Iterable[str], delimiter: str) -> None:
        # A record that is within the limit but for its last line is still parsed.
        csv.field_size_limit(max(csv.field_size_limit(), 3 * MAX_RECORD_BYTES))
        self._lines = lines(chunks, newline="")
        self._returned: deque[TextRecord] = deque()
        self._delimiter = delimiter
        self._width = 0

    def __iter__(self) -> Iterator[CsvRecord]:
        while (line := self._next_line()) is not None:
            if line.problem is not None:
                yield CsvRecord(line.line, line.text, [], line.problem)
            elif without_line_end(line.text):
                record = self._record(line)
                self._width = self._width or len(record.fields)
                yield record

    def _next_line(self) -> TextRecord | None:
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def _record(self, first: TextRecord) -> CsvRecord:
        held, size, is_open = [first], 0, False

        def texts() -> Iterator[str]:
            # The csv module takes a further line only while a quote is open.
            nonlocal size, is_open
            yield first.text
            size = utf8_size(first.text)
            while size <= MAX_RECORD_BYTES and (line := self._next_line()) is not None:
                if line.problem is not None:
                    self._returned.appendleft(line)
                    break
                held.append(line)
                size += utf8_size(line.text)
                yield line.text
            is_open = True

        fields = next(csv.reader(texts(), delimiter=self._delimiter))
        if is_open and self._rows_follow(held[1:]):
            self._returned.extendleft(reversed(held[1:]))
            return _unclosed(first, first.text)
        text = without_line_end("".join(line.text for line in held))
        if is_open and size <= MAX_RECORD_BYTES:
            return _unclosed(first, text)
        if is_open:
            return self._over_limit(first, text, size)
        if size > MAX_RECORD_BYTES and utf8_size(text) > MAX_RECORD_BYTES:
            return CsvRecord(first.line, shortened(text), [], over_limit(utf8_size(text)))
        return CsvRecord(first.line, text, fields)

    def _over_limit(self, first: TextRecord, text: str, size: int) -> CsvRecord:
        """Skip the rest of a record, to the line that closes its quote."""
        problem = f", and the quote that it opens on line {first.line} is never closed"
        while (line := self._next_line()) is not None:
            size += utf8_size(line.text)
            if line.text.count('"') % 2:
                size -= len(line.text) - len(without_line_end(line.text))
                problem = ""
                break
        return CsvRecord(first.line, shortened(text), [], over_limit(size) + problem)

    def _rows_follow(self, following: list[TextRecord]) -> bool:
        """Whether of the first lines most have as many fields as the first record."""
        texts = [text for line in following[:_LINES_COMPARED] if (text := without_line_end(line.text))]
        alike = sum(len(next(csv.reader([text], delimiter=self._delimiter))) == self._width for text in texts)
        return self._width > 1 and alike * 2 > len(texts)


def _unclosed(first: TextRecord, text: str) -> CsvRecord:
    problem = f"line {first.line} opens a quote that is never closed"
    return CsvRecord(first.line, shortened(without_line_end(text)), [], problem)
