"""What the tests read off a page of the market, and its CSV."""

from __future__ import annotations

import csv
import io

from selectolax.lexbor import LexborHTMLParser as HTMLParser
from starlette.testclient import TestClient


def page_at(client: TestClient, path: str, status: int = 200) -> HTMLParser:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return HTMLParser(answer.text)


def csv_at(client: TestClient, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def cells(page: HTMLParser, caption: str) -> list[list[str]]:
    """The body of the table with a caption, – where nothing is known."""
    for table in page.css("table"):
        if table.css_first("caption").text().startswith(caption):
            return [[cell.text().strip() for cell in row.css("th, td")] for row in table.css("tbody tr")]
    raise AssertionError(f"no table is called {caption}")


def tiles(page: HTMLParser) -> dict[str, tuple[str, str]]:
    """The headline figures with their notes, by label."""
    return {
        tile.css_first("dt").text(): (
            tile.css_first("strong").text().strip(),
            " ".join(tile.css_first("dd > span").text().split()),
        )
        for tile in page.css(".tiles > div")
    }


def links(page: HTMLParser, selector: str = "a") -> list[str]:
    return [link.attributes["href"] or "" for link in page.css(selector)]
