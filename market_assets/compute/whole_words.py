"""Texts laid out so that names can be searched for as whole words.

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


@dataclass(frozen=True)
class PreparedTexts:
    """Texts in one buffer, each followed by NUL. The three forms agree in every position.

    Attributes:
        plain: runs of white space are one space; everything else as written.
        spaced: whatever separates words is a space.
        folded: that in lower case.
        ends: positions of the NULs.
    """

    plain: bytes
    spaced: bytes
    folded: bytes
    ends: npt.NDArray[np.int64]


def prepare_texts(texts: pl.Series) -> PreparedTexts:
    """Lay texts (String, no nulls) into one buffer, with a space before and after each."""
    joined = _latin(texts).str.join(" \0 ").item()
    text = np.frombuffer(f" {joined} \0".encode().translate(_WHITE_SPACE), dtype=np.uint8)
    space = text == ord(" ")
    plain = text[np.concatenate(([True], ~(space[1:] & space[:-1])))].tobytes()
    spaced = _separated(plain)
    ends = np.flatnonzero(np.frombuffer(plain, dtype=np.uint8) == 0)
    return PreparedTexts(plain=plain, spaced=spaced, folded=spaced.lower(), ends=ends)


def _latin(texts: pl.Series) -> pl.Series:
    """The texts with typographic marks as spaces, letters without accents, and no NUL.

    Look-alike letters (full width, bold, ligatures) become plain ones; scripts that write no spaces between words
    become spaces, so that a name within them is a word.
    """
    if texts.str.contains("\0", literal=True).any():
        texts = texts.str.replace_all("\0", " ", literal=True)
    return _where_not_ascii(_where_not_ascii(texts, _without_marks), _without_accents)


def _where_not_ascii(texts: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The change made in the texts that need it: most of the cost of preparing, and most texts do not."""
    special = texts.str.len_bytes() != texts.str.len_chars()
    if not special.any():
        return texts
    # `scatter` writes in place.
    return texts.clone().scatter(special.arg_true(), change(texts.filter(special)))


def _without_marks(texts: pl.Series) -> pl.Series:
    return texts.str.replace_many(_HYPHENS_AND_INVISIBLE).str.replace_all(_MARKS, " ")


def _without_accents(texts: pl.Series) -> pl.Series:
    return texts.str.normalize("NFKD").str.replace_all(r"\p{M}+", "")


def _separated(plain: bytes) -> bytes:
    """Spaces for whatever separates words, position by position."""
    text: npt.NDArray[np.uint8] = np.frombuffer(plain.translate(_SEPARATORS), dtype=np.uint8).copy()
    written: npt.NDArray[np.uint8] = np.frombuffer(plain, dtype=np.uint8)
    marks = np.flatnonzero(_IS_MARK[written])
    mark, before, after = written[marks], written[marks - 1], written[marks + 1]
    ends_sentence = ~_IS_WORD[after] | (before == ord(".")) | (_IS_UPPER[after] & _ENDS_SENTENCE[before])
    separates = (
        ((mark == ord(".")) & ends_sentence)
        | ((mark == ord("+")) & _IS_WORD[before] & _IS_WORD[after])
        | ((mark == ord("#")) & ~_IS_WORD[before])
    )
    text[marks[separates]] = ord(" ")
    return text.tobytes()


def _byte_class(members: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(members)] = True
    return table


_HYPHENS_AND_INVISIBLE = {"‐": "-", "‑": "-", "\u00ad": "", "\u2060": "", "\ufeff": ""}
_MARKS = r"[^\x00-\x7F\p{L}\p{M}\p{N}]|[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]"
_CONTROLS = bytes(range(1, 32)) + b"\x7f"
_WHITE_SPACE = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_DIGITS, _LOWER, _UPPER = b"0123456789", b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _DIGITS + _LOWER + _UPPER + bytes(range(128, 256))
_KEPT = _WORD + b".+#\0"
_SEPARATORS = bytes(byte if byte in _KEPT else ord(" ") for byte in range(256))
_IS_WORD = _byte_class(_WORD)
_IS_UPPER = _byte_class(_UPPER)
_IS_MARK = _byte_class(b".+#")
#: What may stand before a full stop after which the space was forgotten ("with Java.Experience in").
_ENDS_SENTENCE = _byte_class(_LOWER + _DIGITS + b")]")
