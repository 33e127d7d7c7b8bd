"""Prepared texts equal those of the same rules, applied character by character."""

import random
import re
import unicodedata

import pytest

from market_assets.skills.tokenize import prepare_texts

#: Characters of one, two, three and four bytes that are kept, taken apart, left out, or no part of a word.
ODD = "éüñßŁøæ。、（ー½ﬃ①㎏ａＡ𝐏あ漢한ไ—–’•▪\u00a0\u00ad\u200b\u2060\ufeff‐™®🎉ыйΩ\u0301\x01\t\r\x1d\x7f\x1f\x00\n"
ODD += " .+#;:!?-/(),A1"
SPACES = dict.fromkeys("\u00a0\u200b–—’‘“”…®™·", " ") | dict.fromkeys("•●▪■◦‣∙⁃►✔✓➢", "\n")
COMMON = SPACES | dict.fromkeys("‐‑", "-") | dict.fromkeys("\u00ad\u2060\ufeff", "")
LETTERS = dict(zip("ŁłØøĐđı、：；！？（）／", "LlOoDdi,:;!?()/", strict=True)) | dict.fromkeys("・【】", "\n")
LETTERS |= {"ß": "ss", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "。": ". "}
REPLACED = COMMON | LETTERS
UNSPACED = ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "HANGUL", "THAI")


def expected_character(one: str) -> str:
    if one in REPLACED:
        return REPLACED[one]
    if one in "\n\x1f" or " " <= one <= "~":
        return one
    if unicodedata.name(one, "").startswith(UNSPACED) and unicodedata.category(one)[0] == "L":
        return f" {unicodedata.normalize('NFKC', one)} "
    if ord(one) < 128 or unicodedata.category(one)[0] not in "LMN":
        return " "
    return "".join(part for part in unicodedata.normalize("NFKD", one) if unicodedata.category(part)[0] != "M")


def expected_plain(text: str) -> str:
    plain = " " + "".join(map(expected_character, text)) + " "
    plain = re.sub(r"(?<=[A-Za-z]{3})(?=[0-9])", " ", plain)
    return re.sub(r"[ \n]+", lambda run: "\n" if "\n" in run[0] else " ", plain)


def odd_text(draw: random.Random) -> str:
    words = ["Python3", "HTML5", "a1", "Node.js", "C++", "C#", "e.g.", "Java.Then", "R", "naïve", "x" * 30]
    return "".join(draw.choice([draw.choice(words), draw.choice(ODD), " "]) for _ in range(draw.randrange(60)))


@pytest.mark.parametrize("seed", range(60))
def test_texts_are_laid_out_character_by_character(seed: int) -> None:
    draw = random.Random(seed)
    texts = [odd_text(draw) for _ in range(draw.randrange(1, 8))]
    prepared = prepare_texts([text.encode() for text in texts])
    expected = [expected_plain(text) for text in texts]
    # Between two texts are the space of either and the NUL.
    assert prepared.plain.decode().split("\0") == [*expected, ""]
    assert prepared.folded == prepared.spaced.lower()
    assert [prepared.plain[end] for end in prepared.ends] == [0] * len(texts)
    assert prepared.folded.count(0) == len(texts)
    assert set(prepared.ends.tolist()) <= set(prepared.breaks.tolist())
    for plain, spaced in zip(prepared.plain, prepared.spaced, strict=True):
        assert plain == spaced or (spaced == ord(" ") and not chr(plain).isalnum())


def test_every_character_is_replaced_as_it_is_alone(thorough: bool) -> None:
    every = range(128, 0x3000, 1 if thorough else 7)
    points = [point for point in every if unicodedata.category(chr(point)) != "Cn"]
    prepared = prepare_texts([f"a{chr(point)}b".encode() for point in points])
    for point, found in zip(points, prepared.plain.decode().split("\0"), strict=False):
        assert found == expected_plain(f"a{chr(point)}b"), hex(point)
