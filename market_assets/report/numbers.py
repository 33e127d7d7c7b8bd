"""Numbers, times and names as text for people."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len, set_cell_size


def count(number: int) -> str:
    """12345 → '12,345'."""
    return f"{number:,}"


def money(amount: float) -> str:
    """Whole units of the currency: 123456.7 → '123,457'."""
    return f"{amount:,.0f}"


def short_money(amount: float) -> str:
    """For axes and labels: 950 → '950', 123456.7 → '123k', 1250000 → '1.25M'."""
    if abs(amount) >= 999_500:
        return f"{amount / 1e6:.3g}M"
    if abs(amount) >= 1_000:
        return f"{amount / 1e3:.0f}k"
    return f"{amount:.0f}"


def share(part: float) -> str:
    """0.1234 → '12.3%'."""
    return f"{part:.1%}"


def growth(change: float) -> str:
    """0.25 → '+25%', -0.5 → '-50%', -0.001 → '+0%'."""
    return f"{round(change, 2) + 0.0:+,.0%}"


def mean(number: float) -> str:
    """One decimal: 1234.56 → '1,234.6'."""
    return f"{number:,.1f}"


def ratio(number: float) -> str:
    """Two decimals: 1.2345 → '1.23'."""
    return f"{number:.2f}"


def day(time: datetime) -> str:
    """The UTC day: '2026-07-31'."""
    return f"{time:%Y-%m-%d}"


def printable(text: str) -> str:
    """The text on one line, without control or invisible characters.

    Names come from outside: an escape sequence would steer a terminal, and XML cannot hold most
    control characters.
    """
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def shortened(text: str, width: int) -> str:
    """`printable(text)`, cut with an ellipsis to `width` columns; wide characters take two."""
    text = printable(text)
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
