"""Prepares texts for the search: divides them into words and sentences, many texts in one buffer.

Words end at everything but letters, digits, `+`, `#` and a `.` inside a word, so that C, C++, C#, .NET and Node.js
are five words; a `.` that ends a sentence is not part of one. All separators become spaces, so that a name is a
whole word where it has a space on both sides. Each Chinese, Japanese, Korean or Thai character is a word, as these
languages put no spaces between words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from unicodedata import category, name, normalize

import numpy as np
import numpy.typing as npt

_ByteArray = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

#: Divides a title from the description after it.
TITLE_END = "\x1f"


@dataclass(frozen=True)
class PreparedTexts:
    """Texts in one buffer, each followed by NUL, in three forms with the same positions.

    Attributes:
        plain: each run of white space is one newline if it contains one, else one space; digits after three
            letters or more ("Python3.11") are divided from them by a space; all else as written, in ASCII where it
            can be.
        spaced: `plain` with a space for every separator of words.
        folded: `spaced` in lower case.
        ends: positions of the NULs, ascending.
        breaks: positions of the ends of sentences, ascending: full stops and other marks, line breaks, title ends,
            NULs.
    """

    plain: bytes
    spaced: bytes
    folded: bytes
    ends: npt.NDArray[np.int64]
    breaks: npt.NDArray[np.int64]

    def title_ends(self) -> npt.NDArray[np.int64]:
        """Positions of `TITLE_END`, ascending."""
        written = np.frombuffer(self.plain, dtype=np.uint8)
        found: npt.NDArray[np.int64] = self.breaks[written[self.breaks] == ord(TITLE_END)]
        return found


def prepare_texts(texts: Sequence[bytes]) -> PreparedTexts:
    """Prepare texts (UTF-8); each gets a space before and after it."""
    written = [text.replace(b"\0", b" ") for text in texts]
    return _separated(_spaced(_latin(b" " + b" \0 ".join(written) + b" \0")))


def prepared_words(texts: Sequence[str]) -> list[bytes]:
    """Each text as it is in a prepared text (`PreparedTexts.spaced`), without the spaces around it."""
    if not texts:
        return []
    prepared = prepare_texts([text.encode() for text in texts])
    return [text.strip(b" ") for text in prepared.spaced.split(b"\0")][: len(texts)]


def _latin(text: bytes) -> bytes:
    """Replace typographic marks by spaces, and letters with accents by those without.

    Compatibility letters (full width, bold, ligatures) become plain ones. Letters of scripts without spaces
    between words get a space on both sides.
    """
    # Python's regular expressions take several times as long to find the few letters that are not ASCII.
    written = np.frombuffer(text, dtype=np.uint8)
    starts = np.flatnonzero(written >= _FIRST_OF_TWO)
    lead = written[starts]
    ends = starts + 2 + (lead >= _FIRST_OF_THREE) + (lead >= _FIRST_OF_FOUR)
    pieces: list[bytes] = []
    reached = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        pieces += text[reached:start], _replacement(text[start:end])
        reached = end
    return b"".join([*pieces, text[reached:]])


@lru_cache(maxsize=2**16)
def _replacement(character: bytes) -> bytes:
    """The replacement of a character that is not ASCII."""
    letter = character.decode()
    if letter.isalpha() and name(letter, "").startswith(_UNSPACED_SCRIPTS):
        return f" {normalize('NFKC', letter)} ".encode()
    plain = _COMMON_MARKS.get(letter, letter if category(letter)[0] in "LMN" else " ")
    return "".join(part for part in normalize("NFKD", plain) if category(part)[0] != "M").encode()


def _spaced(text: bytes) -> bytes:
    """Replace each run of white space by one character, and divide digits from three letters or more before them.

    The one character is a newline if the run contains one. Divided are Python3.11 and HTML5, but not S3.
    """
    kinds = _translated(text, _KINDS)
    digits = np.flatnonzero(kinds == _DIGIT)
    attached = digits[kinds[digits - 1] == _LETTER]
    attached = attached[(kinds[attached - 2] == _LETTER) & (kinds[attached - 3] == _LETTER)]
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
    bounds = [0, *(attached - np.searchsorted(repeated, attached)).tolist(), len(plain)]
    return b" ".join([plain[start:end] for start, end in pairwise(bounds)])


def _separated(plain: bytes) -> PreparedTexts:
    """Replace each separator of words by a space, and find the ends of sentences."""
    written = np.frombuffer(plain, dtype=np.uint8)
    text = _translated(plain, _SEPARATED)
    marks = np.flatnonzero(text < ord(" "))
    mark = written[marks]
    is_break = _IS_BREAK[mark]
    inside = np.flatnonzero(~is_break)
    ends_sentence, separates = _word_marks(written, marks[inside])
    # No sentence ends in "e.g. Python".
    is_break[inside] = ends_sentence & (written[marks[inside] - 2] != ord("."))
    kept = mark == 0
    kept[inside] = ~separates
    text[marks] = np.where(kept, mark, ord(" "))
    spaced = text.tobytes()
    return PreparedTexts(plain, spaced, spaced.lower(), ends=marks[mark == 0], breaks=marks[is_break])


def _word_marks(written: _ByteArray, marks: npt.NDArray[np.int64]) -> tuple[_Flags, _Flags]:
    """Whether each mark that words may contain (. + #) ends a sentence, and whether it separates words."""
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


def _translated(text: bytes, table: bytes) -> _ByteArray:
    """Each byte translated by the table, in a writable array."""
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
    # Letters that are not made of a letter and an accent.
    **dict(zip("ŁłØøĐđı", "LlOoDdi", strict=True)),
    "ß": "ss",
    "Æ": "AE",
    "æ": "ae",
    "Œ": "OE",
    "œ": "oe",
    **dict(zip("、：；！？（）／＃＋．", ",:;!?()/#+.", strict=True)),
    **dict.fromkeys("・【】", "\n"),
    "。": ". ",
}
#: How the names of letters begin that are written without spaces between words.
_UNSPACED_SCRIPTS = (
    *("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "HANGUL ", "THAI "),
    *("HALFWIDTH KATAKANA LETTER", "HALFWIDTH HANGUL"),
)
#: All control characters but newline and `TITLE_END`.
_CONTROLS = bytes(code for code in range(1, 31) if code != 10) + b"\x7f"
#: The least first bytes of characters of so many bytes.
_FIRST_OF_TWO, _FIRST_OF_THREE, _FIRST_OF_FOUR = 0xC0, 0xE0, 0xF0
_DIGITS, _LOWER, _UPPER = b"0123456789", b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _DIGITS + _LOWER + _UPPER + bytes(range(128, 256))
_IS_WORD = _byte_class(_WORD)
_IS_UPPER = _byte_class(_UPPER)
_BREAKS = b"\n!?;\0" + TITLE_END.encode()
_IS_BREAK = _byte_class(_BREAKS)
#: Bytes of words are kept; marks that may be part of a word or end a sentence become 1, all others a space.
_SEPARATED = bytes(byte if byte in _WORD else 1 if byte in b".+#" + _BREAKS else ord(" ") for byte in range(256))
_LETTER, _DIGIT, _WHITE, _CONTROL = 1, 2, 4, 8
_KINDS = bytes(
    _LETTER * (byte in _LOWER + _UPPER)
    + _DIGIT * (byte in _DIGITS)
    + _WHITE * (byte in b" \n" + _CONTROLS)
    + _CONTROL * (byte in _CONTROLS)
    for byte in range(256)
)
#: Bytes before a full stop that ends a sentence though the space after it is missing ("with Java.Experience in").
_ENDS_SENTENCE = _byte_class(_LOWER + _DIGITS + b")]")
