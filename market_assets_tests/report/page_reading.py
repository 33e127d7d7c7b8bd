"""What the tests read off a rendered page."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser as HTMLParser

SECTIONS = [
    "week",
    "demand",
    "pay",
    "occupations",
    "pay-trends",
    "growth",
    "relationships",
    "market",
    "volume",
    "quality",
    "every-skill",
]


def cells(page: HTMLParser, caption: str) -> list[list[str]]:
    """The body of the table whose caption begins so."""
    for table in page.css("table"):
        if table.css_first("caption").text().startswith(caption):
            return [[cell.text().strip() for cell in row.css("th, td")] for row in table.css("tbody tr")]
    raise AssertionError(f"no table is called {caption}")


def tiles(page: HTMLParser) -> dict[str, tuple[str, str]]:
    return {
        tile.css_first("dt").text(): (tile.css_first("strong").text(), tile.css_first("dd > span").text())
        for tile in page.css(".tiles > div")
    }


def labels(page: HTMLParser, section: str) -> list[str]:
    return [text.text().strip() for text in page.css(f"#{section} svg text")]
