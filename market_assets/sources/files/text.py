"""Text files decoded into pieces, lines and CSV records, in bounded memory and in any likely encoding.

Python's csv module parses the records one by one, so that one which is too long or whose quote is never closed is
lost alone, without the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Literal, NamedTuple

from market_assets.postings.normalise import MAX_RECORD_BYTES, over_limit
from market_assets.sources.protocol import SourceError

log = logging.getLogger(__name__)

#: The length of undecodable records that is kept, in characters.
KEPT_CHARACTERS = 1_000
_CHUNK_BYTES = 256 * 1024

_BYTE_ORDER_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)

#: The beginnings of well-known files that are no text.
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet or document",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file, whose name should end in .gz",
    b"%PDF": "a PDF document",
}


class TextRecord(NamedTuple):
    """A record of a text file: the line it begins on, from 1, and its text.

    `problem` is the reason why the record can't be used, whose text is then shortened.
    """

    line: int
    text: str
    problem: str | None = None


def shortened(text: str) -> str:
    """The beginning of a text that is kept for people to see."""
    return text if len(text) <= KEPT_CHARACTERS else text[:KEPT_CHARACTERS] + "…"


def utf8_size(text: str) -> int:
    # A string knows whether it is ASCII.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "replace") for byte in wrong), error.end


codecs.register_error("market_assets.windows_1252", _as_windows_1252)


def text_chunks(name: str, content: BinaryIO) -> Iterator[str]:
    """The text of a file in pieces, none of them empty and none ending within a carriage return and newline.

    UTF-16, UTF-32 and UTF-8 are recognised by their byte order mark. Text without one is UTF-8, whose invalid
    bytes are read as Windows-1252, with a warning in the log. NUL characters, which databases refuse, are left
    out.

    Raises:
        SourceError: it is a well-known kind of file that is no text.
    """
    data = content.read(_CHUNK_BYTES)
    for beginning, kind in _NO_TEXT.items():
        if data.startswith(beginning):
            raise SourceError(f"it is not text but {kind}")
    encoding = next((codec for mark, codec in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    strict = encoding.startswith("utf-8")
    decoder = codecs.getincrementaldecoder(encoding)("strict" if strict else "replace")
    held = ""
    while data:
        following = content.read(_CHUNK_BYTES)
        try:
            text = decoder.decode(data, not following)
        except UnicodeDecodeError:
            log.warning("%s is not all UTF-8: the bytes that are not are read as Windows-1252", name)
            decoder.errors = "market_assets.windows_1252"
            text = decoder.decode(data, not following)
        text = held + text.replace("\0", "")
        held = "\r" if following and text.endswith("\r") else ""
        text = text.removesuffix(held)
        if text:
            yield text
        data = following


def lines(chunks: Iterable[str], newline: Literal["\n", ""] = "\n") -> Iterator[TextRecord]:
    """The lines of a text, with their ends.

    An over-long line is not held in memory; it is shortened and has its problem.

    Args:
        chunks: the text in pieces, none of which ends within a carriage return and newline.
        newline: what ends a line; if empty, a newline, a carriage return, or both.
    """
    ends = (newline,) if newline else ("\n", "\r")
    number, held, size = 1, "", 0
    for piece in itertools.chain.from_iterable(io.StringIO(chunk, newline=newline) for chunk in chunks):
        size += utf8_size(piece)
        held = held + piece if size <= MAX_RECORD_BYTES + len("\r\n") else (held + piece)[: KEPT_CHARACTERS + 1]
        if piece.endswith(ends):
            yield _line(number, held, size - (len(piece) - len(without_line_end(piece))))
            number, held, size = number + 1, "", 0
    if held:
        yield _line(number, held, size)


def _line(number: int, text: str, size: int) -> TextRecord:
    return (
        TextRecord(number, shortened(text), over_limit(size))
        if size > MAX_RECORD_BYTES
        else TextRecord(number, text)
    )


def without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


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
