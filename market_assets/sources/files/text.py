"""Text files decoded into pieces and lines, in bounded memory and in any likely encoding."""

from __future__ import annotations

import codecs
import io
import itertools
import logging
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
    return len(text.encode("utf-8", "surrogatepass"))


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
