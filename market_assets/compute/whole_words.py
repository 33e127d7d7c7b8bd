"""Texts laid out so that names can be searched for as whole words, and sentences told apart.

Words end at everything but letters, digits, `+`, `#` and a `.` inside a word, so that C, C++, C#, .NET and Node.js
are five words; a `.` that ends a sentence is not part of one. Whatever separates words becomes a space, so that a
name stands as a whole word where it has a space on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

_Bytes = npt.NDArray[np.uint8]


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
    joined = _latin(texts).str.join(" \0 ").item()
    text = np.frombuffer(f" {joined} \0".encode().translate(_WHITE_SPACE), dtype=np.uint8)
    plain = _collapsed(_parted(text))
    return _separated(plain)


def _parted(text: _Bytes) -> _Bytes:
    """A space between three letters and the digits after them: Python3.11, HTML5, Office365."""
    digits = np.flatnonzero((text - ord("0")) < 10)
    glued = digits[(digits >= 3) & _IS_LETTER[text[digits - 1]]]
    glued = glued[_IS_LETTER[text[glued - 2]] & _IS_LETTER[text[glued - 3]]]
    return np.insert(text, glued, ord(" ")) if len(glued) else text


def _collapsed(text: _Bytes) -> bytes:
    """Every run of white space as one character: a newline where the run holds one, else a space."""
    newline = text == ord("\n")
    white = newline | (text == ord(" "))
    repeated = np.flatnonzero(white[1:] & white[:-1]) + 1
    if not len(repeated):
        return text.tobytes()
    new_run = np.concatenate(([True], np.diff(repeated) > 1))
    first = repeated[new_run] - 1
    text = text.copy()
    text[first[(np.cumsum(new_run) - 1)[newline[repeated]]]] = ord("\n")
    return np.delete(text, repeated).tobytes()


def _latin(texts: pl.Series) -> pl.Series:
    """The texts with typographic marks as spaces, letters without accents, and no NUL.

    Look-alike letters (full width, bold, ligatures) become plain ones; scripts that write no spaces between words
    become spaces, so that a name within them is a word.
    """
    if texts.str.contains("\0", literal=True).any():
        texts = texts.str.replace_all("\0", " ", literal=True)
    for change in (_without_common_marks, _without_marks, _without_accents):
        texts = _where_not_ascii(texts, change)
    return texts


def _where_not_ascii(texts: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The change made in the texts that need it: most of the cost of preparing, and most texts do not."""
    special = texts.str.len_bytes() != texts.str.len_chars()
    if not special.any():
        return texts
    # `scatter` writes in place.
    return texts.clone().scatter(special.arg_true(), change(texts.filter(special)))


def _without_common_marks(texts: pl.Series) -> pl.Series:
    return texts.str.replace_many(_COMMON_MARKS)


def _without_marks(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all(_MARKS, " ")


def _without_accents(texts: pl.Series) -> pl.Series:
    return texts.str.normalize("NFKD").str.replace_all(r"\p{M}+", "")


def _separated(plain: bytes) -> PreparedTexts:
    """Spaces for whatever separates words, position by position, and where sentences end."""
    text: _Bytes = np.frombuffer(plain.translate(_SEPARATORS), dtype=np.uint8).copy()
    written: _Bytes = np.frombuffer(plain, dtype=np.uint8)
    marks = np.flatnonzero(np.frombuffer(plain.translate(_MARKS_TABLE), dtype=bool))
    # The last mark is the NUL at the very end.
    mark, before, after = written[marks], written[marks - 1], written[np.minimum(marks + 1, len(written) - 1)]
    stop = mark == ord(".")
    ends_sentence = ~_IS_WORD[after] | (before == ord(".")) | (_IS_UPPER[after] & _ENDS_SENTENCE[before])
    separates = (
        (stop & ends_sentence)
        | ((mark == ord("+")) & _IS_WORD[before] & _IS_WORD[after])
        | ((mark == ord("#")) & ~_IS_WORD[before])
    )
    text[marks[separates]] = ord(" ")
    # "e.g. Python" is no end of a sentence.
    abbreviates = written[marks - 2] == ord(".")
    breaks = marks[_IS_BREAK[mark] | (stop & ends_sentence & ~abbreviates)]
    spaced = text.tobytes()
    return PreparedTexts(plain=plain, spaced=spaced, folded=spaced.lower(), ends=marks[mark == 0], breaks=breaks)


def _byte_class(members: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(members)] = True
    return table


_BULLETS = dict.fromkeys("•●▪■◦‣∙⁃►✔✓➢", "\n")
#: After these few texts need the slower regular expressions.
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
_WHITE_SPACE = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_DIGITS, _LOWER, _UPPER = b"0123456789", b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _DIGITS + _LOWER + _UPPER + bytes(range(128, 256))
_KEPT = _WORD + b".+#\0"
_SEPARATORS = bytes(byte if byte in _KEPT else ord(" ") for byte in range(256))
_IS_WORD = _byte_class(_WORD)
_IS_UPPER = _byte_class(_UPPER)
_IS_LETTER = _byte_class(_LOWER + _UPPER)
_BREAKS = b"\n!?;\0" + TITLE_END.encode()
_IS_BREAK = _byte_class(_BREAKS)
_MARKS_TABLE = _byte_class(b".+#" + _BREAKS).tobytes()
#: What may stand before a full stop after which the space was forgotten ("with Java.Experience in").
_ENDS_SENTENCE = _byte_class(_LOWER + _DIGITS + b")]")
