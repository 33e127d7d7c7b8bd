"""Texts of pay without what is no pay in them: budgets, stipends, on-target earnings beside a base, and so on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

_WORDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("pay_words.yaml").read_text(encoding="utf-8"))


def _any_of(name: str) -> str:
    return "|".join(_WORDS[name])


_AMOUNT = r"[$€£¥₹]?\s?\b\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?(?:\s?(?:k|m|mn|mio|million|tsd)\b)?(?:\s?[€£])?"
_RANGE = rf"{_AMOUNT}(?:\s?(?:[-–—]|to|bis)\s?{_AMOUNT})?"
#: Words of another clause, which end the reach of a word.
_ELSEWHERE = r"\b(?:salary|base|pay|plus|and|und|et|en|y|gehalt|lohn|brutto|gross|salaire|compensation)\b"
_NOT_PAY = re.compile(
    rf"(?i)\b(?:{_any_of('not_pay')})(?:(?!{_ELSEWHERE})[^\d;|\n]){{0,40}}?{_RANGE}"
    rf"|{_RANGE}(?:[/ ]+(?!{_ELSEWHERE})[^\s\d;|,.()+]+){{0,4}}?\s+(?:{_any_of('not_pay')})(?!\w*:)"
)
_TARGET = rf"(?:{_any_of('on_target')})"
_ON_TARGET = re.compile(rf"(?i){_RANGE}\s*{_TARGET}\b|\b{_TARGET}\b(?:(?!\bbase\b)[^\d;|]){{0,20}}?{_RANGE}")
_BASE = re.compile(rf"(?i)\b(?:{_any_of('base')})\b")
_PAYMENTS = re.compile(
    r"(?i)[,(]?\s*(?:\bauf basis von\s|\b(?:in|en|per|sur|à|auf)\s|[x×*]\s?)?"
    rf"\b(1[2-6])\s?(?:{_any_of('payments')})\)?"
    r"|\s[x×*]\s?(1[2-6])\b(?!\s?(?:h|hours|std))\)?"
)

#: Full-width characters and Japanese words for bounds.
_FULL_WIDTH = str.maketrans(
    {chr(0xFF01 + place): chr(0x21 + place) for place in range(94)} | {"〜": "~", "　": " "}
)
#: Ten thousands, as Japanese and Chinese postings count: "600万円", "1万2000円".
_TEN_THOUSANDS = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?万(?:\s?(\d{1,4})(?!\d))?")
_RANGE_IN_JAPANESE = re.compile(r"([円\d])\s*(?:から|~)\s*(?=[¥\d])")
_FROM_IN_JAPANESE = re.compile(r"(?<=円)\s*(?:以上|から|より|~)(?!\s*\d)")
_UP_TO_IN_JAPANESE = re.compile(r"([\d,.]+\s?円)(?:以下|まで)")


def _in_figures(match: re.Match[str]) -> str:
    return f"{float(match[1].replace(',', '')) * 1e4 + float(match[2] or 0):.0f}"


def only_pay(text: str) -> tuple[str, int | None]:
    """The text without amounts that are no pay, and how many monthly payments a year has, where it says so."""
    if not text.isascii():
        text = _TEN_THOUSANDS.sub(_in_figures, text.translate(_FULL_WIDTH))
        text = _RANGE_IN_JAPANESE.sub(r"\1~", text)
        text = _UP_TO_IN_JAPANESE.sub(r"up to \1", _FROM_IN_JAPANESE.sub(" or more", text))
    text = _NOT_PAY.sub(" ", text)
    if _BASE.search(text):
        text = _ON_TARGET.sub(" ", text)
    stated = _PAYMENTS.search(text)
    if stated is None:
        return text, None
    return _PAYMENTS.sub(" ", text), int(stated[1] or stated[2])
