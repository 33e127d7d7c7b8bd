"""Where the records of a CSV text begin and end, and what separates their fields.

Python's csv module parses a record; this module finds the records, so that one which is too long or whose quote
is never closed is lost alone, without the rest of the file. Both follow the same rules: a quote at the beginning
of a field opens a quoted field, a doubled quote inside is one quote, and any other quote is text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from market_assets.sources.files.text import (
    KEPT_CHARACTERS,
    RECORD_LIMIT,
    TextRecord,
    is_over_limit,
    over_limit,
    shortened,
    utf8_size,
)

DELIMITERS = ",;\t|"
_LINE_END = re.compile(r"\r\n|\n|\r")
_START, _PLAIN, _QUOTED, _QUOTE_SEEN = range(4)
#: The number of lines by which rows are distinguished from the text of one field.
_LINES_COMPARED = 20


def rows(records: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The fields of each record."""
    csv.field_size_limit(max(csv.field_size_limit(), RECORD_LIMIT))
    return csv.reader(records, delimiter=delimiter)


def _width(record: str, delimiter: str) -> int:
    return len(next(rows([record], delimiter), []))


def sniff_delimiter(head: str) -> str:
    """The delimiter of a text: the one by which most records have the width of the first.

    Ties go to the wider first record, then to the order of `DELIMITERS`; a text of one column gets the first.
    """
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        widths = [_width(record.text, delimiter) for record in CsvRecords([head], delimiter)]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


class CsvRecords:
    """The records of a CSV text in chunks that don't end within a CR LF; empty lines are left out.

    Memory is bounded by the limit of a record. A record over it, or one whose quote is never closed, comes
    shortened and with its problem; where the lines after such an opening quote look like rows, the reading
    goes on at the next line.
    """

    def __init__(self, chunks: Iterable[str], delimiter: str) -> None:
        self._chunks = iter(chunks)
        self._delimiter = delimiter
        self._buffer = ""
        self._position = 0
        self._line = 1
        self._width = 0
        mark = re.escape(delimiter)
        field = rf'(?:"[^"]*(?:""[^"]*)*(?:"[^{mark}\r\n]*)?|[^"{mark}\r\n][^{mark}\r\n]*|)'
        self._record = re.compile(rf"{field}(?:{mark}{field})*")
        self._field_end = re.compile(rf"[{mark}\r\n]")

    def __iter__(self) -> Iterator[TextRecord]:
        while True:
            end = self._end_of_record()
            if end is not None:
                text = self._buffer[self._position : end]
                record = TextRecord(self._line, text)
                self._step_to(end)
                if text:
                    yield self._within_limit(record)
            elif len(self._buffer) - self._position > RECORD_LIMIT:
                yield self._unfinished()
            elif not self._fill():
                if self._position < len(self._buffer):
                    yield self._last()
                if self._position >= len(self._buffer):
                    return

    def _fill(self) -> bool:
        chunk = next(self._chunks, "")
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _end_of_record(self) -> int | None:
        """Where the record at the position ends; None where the buffer doesn't hold all of it."""
        match = self._record.match(self._buffer, self._position)
        end = match.end() if match else self._position
        return end if end < len(self._buffer) else None

    def _step_to(self, end: int) -> None:
        """Go past a record that ends there, and past its line end."""
        text = self._buffer[self._position : end]
        self._line += text.count("\n") + text.count("\r") - text.count("\r\n")
        line_end = _LINE_END.match(self._buffer, end)
        self._line += 1 if line_end else 0
        self._position = line_end.end() if line_end else end

    def _within_limit(self, record: TextRecord) -> TextRecord:
        if is_over_limit(record.text):
            return TextRecord(record.line, shortened(record.text), over_limit(utf8_size(record.text)))
        self._width = self._width or _width(record.text, self._delimiter)
        return record

    def _last(self) -> TextRecord:
        """The record that the end of the text ends."""
        text = self._buffer[self._position :]
        state, _ = self._scan(text, 0, _START)
        if state == _QUOTED:
            return self._unclosed()
        record = TextRecord(self._line, text)
        self._position = len(self._buffer)
        return self._within_limit(record)

    def _unfinished(self) -> TextRecord:
        """The record at the position, which is over the limit and goes on beyond the buffer."""
        if self._rows_follow():
            return self._unclosed()
        line, kept, size = self._line, self._buffer[self._position :][: KEPT_CHARACTERS + 1], 0
        state: int | None = _START
        while state is not None:
            start = self._position
            state, end = self._scan(self._buffer, start, state)
            size += utf8_size(self._buffer[start:end])
            self._step_to(end)
            if state is not None and not self._fill():
                break
        problem = over_limit(size)
        if state == _QUOTED:
            problem += f", and the quote that it opens on line {line} is never closed"
        return TextRecord(line, shortened(kept), problem)

    def _unclosed(self) -> TextRecord:
        line, text = self._line, self._buffer[self._position :]
        if self._rows_follow():
            end_of_line = _LINE_END.search(self._buffer, self._position)
            assert end_of_line is not None
            text = self._buffer[self._position : end_of_line.start()]
        self._step_to(self._position + len(text))
        return TextRecord(line, shortened(text), f"line {line} opens a quote that is never closed")

    def _rows_follow(self) -> bool:
        """Whether the lines after this one have, most of them, as many fields as the first record."""
        text = self._buffer[self._position : self._position + RECORD_LIMIT]
        following = [line for line in _LINE_END.split(text, _LINES_COMPARED + 1)[1 : _LINES_COMPARED + 1] if line]
        alike = sum(_width(line, self._delimiter) == self._width for line in following)
        return self._width > 1 and alike * 2 > len(following)

    def _scan(self, text: str, position: int, state: int) -> tuple[int | None, int]:
        """Go on to the end of the record, or of the text: the state there (None: the record ended)."""
        while position < len(text):
            character = text[position]
            if state == _QUOTED:
                closing = text.find('"', position)
                if closing < 0:
                    return _QUOTED, len(text)
                state, position = _QUOTE_SEEN, closing + 1
            elif character == '"' and state in (_START, _QUOTE_SEEN):
                state, position = _QUOTED, position + 1
            else:
                field_end = self._field_end.search(text, position)
                if field_end is None:
                    return _PLAIN, len(text)
                if field_end.group() != self._delimiter:
                    return None, field_end.start()
                state, position = _START, field_end.end()
        return state, position
