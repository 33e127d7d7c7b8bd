"""Texts laid out so that names can be searched for as whole words, and sentences told apart.

Words end at everything but letters, digits, `+`, `#` and a `.` inside a word, so that C, C++, C#, .NET and Node.js
are five words; a `.` that ends a sentence is not part of one. Whatever separates words becomes a space, so that a
name stands as a whole word where it has a space on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise, zip_longest

import numpy as np
import numpy.typing as npt
import polars as pl

_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

#: What a title may be set apart with from the description after it.
TITLE_END = "\x1f"


@dataclass(frozen=True)
class PreparedTexts:
    """Texts in one buffer, each followed by NUL. The three forms agree in every position.

    Attributes:
        plain: runs of white space are one space, or one newline where they hold one; digits that follow three
            letters or more ("Python3.11") are a word of their own; everything else as written.
        spaced: whatever separates words is a space.
        folded: that in lower case.
        ends: positions of the NULs.
        breaks: positions where a sentence ends: full stops and other marks, line breaks, title ends, NULs.
    """

    plain: bytes
    spaced: bytes
    folded: bytes
    ends: npt.NDArray[np.int64]
    breaks: npt.NDArray[np.int64]

    def title_ends(self) -> npt.NDArray[np.int64]:
        """Positions of the marks that end titles, in ascending order."""
        written = np.frombuffer(self.plain, dtype=np.uint8)
        found: npt.NDArray[np.int64] = self.breaks[written[self.breaks] == ord(TITLE_END)]
        return found


def prepare_texts(texts: pl.Series) -> PreparedTexts:
    """Lay texts (String, no nulls) into one buffer, with a space before and after each."""
    written = [text.replace(b"\0", b" ") for text in texts.cast(pl.Binary).to_list()]
    return _separated(_spaced(_latin(b" " + b" \0 ".join(written) + b" \0")))


def _latin(text: bytes) -> bytes:
    """The text with typographic marks as spaces, and letters without accents.

    Look-alike letters (full width, bold, ligatures) become plain ones; scripts that write no spaces between words
    become spaces, so that a name within them is a word.
    """
    if text.isascii():
        return text
    written = np.frombuffer(text, dtype=np.uint8)
    starts = np.flatnonzero(written >= _FIRST_OF_TWO)
    first = written[starts]
    stops = starts + 2 + (first >= _FIRST_OF_THREE) + (first >= _FIRST_OF_FOUR)
    begins, ends = starts.tolist(), stops.tolist()
    stand_ins = [_stand_in(text[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    between = [text[end:begin] for end, begin in zip([0, *ends], [*begins, len(text)], strict=True)]
    return b"".join(chain.from_iterable(zip_longest(between, stand_ins, fillvalue=b"")))


@lru_cache(maxsize=2**16)
def _stand_in(character: bytes) -> bytes:
    """What takes the place of a character that is not ASCII."""
    point = ord(character.decode())
    return _stand_ins(point // _BLOCK)[point % _BLOCK]


@lru_cache(maxsize=2**10)
def _stand_ins(block: int) -> list[bytes]:
    """What takes the place of each character of a block; the same in any text, so that it is found out once."""
    points = range(block * _BLOCK, (block + 1) * _BLOCK)
    # Surrogates are no characters.
    characters = pl.Series([chr(point).encode("utf-8", "replace").decode() for point in points])
    plain = characters.str.replace_many(_COMMON_MARKS).str.replace_all(_MARKS, " ").str.normalize("NFKD")
    return plain.str.replace_all(r"\p{M}+", "").cast(pl.Binary).to_list()


def _spaced(text: bytes) -> bytes:
    """The text with every run of white space as one character, and a space between letters and digits after them.

    The one character is a newline where the run holds one. Letters are at least three: Python3.11, HTML5.
    """
    kinds = _translated(text, _KINDS)
    digits = np.flatnonzero(kinds == _DIGIT)
    glued = digits[kinds[digits - 1] == _LETTER]
    glued = glued[(kinds[glued - 2] == _LETTER) & (kinds[glued - 3] == _LETTER)]
    repeated = np.flatnonzero((kinds[1:] & kinds[:-1]) >= _WHITE) + 1
    written = np.frombuffer(bytearray(text), dtype=np.uint8)
    if kinds.max() >= _CONTROL:
        written[kinds >= _CONTROL] = ord(" ")
    if len(repeated):
        new_run = np.concatenate(([True], np.diff(repeated) > 1))
        first = repeated[new_run] - 1
        written[first[(np.cumsum(new_run) - 1)[written[repeated] == ord("\n")]]] = ord("\n")
        kept = np.ones(len(written), dtype=bool)
        kept[repeated] = False
        written = written[kept]
    plain = written.tobytes()
    bounds = [0, *(glued - np.searchsorted(repeated, glued)).tolist(), len(plain)]
    return b" ".join([plain[start:end] for start, end in pairwise(bounds)])


def _separated(plain: bytes) -> PreparedTexts:
    """Spaces for whatever separates words, position by position, and where sentences end."""
    written = np.frombuffer(plain, dtype=np.uint8)
    text = _translated(plain, _SEPARATED)
    marks = np.flatnonzero(text < ord(" "))
    mark = written[marks]
    is_break = _IS_BREAK[mark]
    inside = np.flatnonzero(~is_break)
    ends_sentence, separates = _word_marks(written, marks[inside])
    # "e.g. Python" is no end of a sentence.
    is_break[inside] = ends_sentence & (written[marks[inside] - 2] != ord("."))
    kept = mark == 0
    kept[inside] = ~separates
    text[marks] = np.where(kept, mark, ord(" "))
    spaced = text.tobytes()
    return PreparedTexts(plain, spaced, spaced.lower(), ends=marks[mark == 0], breaks=marks[is_break])


def _word_marks(written: _Bytes, marks: npt.NDArray[np.int64]) -> tuple[_Flags, _Flags]:
    """Of the marks that words may hold (. + #): which end a sentence, and which separate words."""
    mark, before, after = written[marks], written[marks - 1], written[marks + 1]
    ends_sentence = (mark == ord(".")) & (
        ~_IS_WORD[after] | (before == ord(".")) | (_IS_UPPER[after] & _ENDS_SENTENCE[before])
    )
    separates = (
        ends_sentence
        | ((mark == ord("+")) & _IS_WORD[before] & _IS_WORD[after])
        | ((mark == ord("#")) & ~_IS_WORD[before])
    )
    return ends_sentence, separates


def _translated(text: bytes, table: bytes) -> _Bytes:
    """Each byte as the table has it; of a bytearray, which is faster and can be written to."""
    return np.frombuffer(bytearray(text).translate(table), dtype=np.uint8)


def _byte_class(members: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(members)] = True
    return table


_BULLETS = dict.fromkeys("•●▪■◦‣∙⁃►✔✓➢", "\n")
_COMMON_MARKS = {
    **dict.fromkeys("\u00a0\u200b–—’‘“”…®™·", " "),
    "‐": "-",
    "‑": "-",
    "\u00ad": "",
    "\u2060": "",
    "\ufeff": "",
    **_BULLETS,
}
_MARKS = r"[^\x00-\x7F\p{L}\p{M}\p{N}]|[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"
#: All but newline and the end of a title.
_CONTROLS = bytes(code for code in range(1, 31) if code != 10) + b"\x7f"
_DIGITS, _LOWER, _UPPER = b"0123456789", b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _DIGITS + _LOWER + _UPPER + bytes(range(128, 256))
_IS_WORD = _byte_class(_WORD)
_IS_UPPER = _byte_class(_UPPER)
_BREAKS = b"\n!?;\0" + TITLE_END.encode()
_IS_BREAK = _byte_class(_BREAKS)
#: Spaces for what separates words, and every mark that is to be looked at as one that sorts before the space.
_SEPARATED = bytes(byte if byte in _WORD else 1 if byte in b".+#" + _BREAKS else ord(" ") for byte in range(256))
_LETTER, _DIGIT, _WHITE, _CONTROL = 1, 2, 4, 8
_KINDS = bytes(
    _LETTER * (byte in _LOWER + _UPPER)
    + _DIGIT * (byte in _DIGITS)
    + _WHITE * (byte in b" \n" + _CONTROLS)
    + _CONTROL * (byte in _CONTROLS)
    for byte in range(256)
)
#: The first bytes of characters of two, three and four bytes, from these on; and how many characters are a block.
_FIRST_OF_TWO, _FIRST_OF_THREE, _FIRST_OF_FOUR = 0xC0, 0xE0, 0xF0
_BLOCK = 256
#: What may stand before a full stop after which the space was forgotten ("with Java.Experience in").
_ENDS_SENTENCE = _byte_class(_LOWER + _DIGITS + b")]")
