import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.postings.texts import (
    MAX_ADDRESS_INPUT,
    canonical_url,
    first_line,
    in_one_line,
    listed,
    plain_columns,
    tidied,
    unless_missing,
    web_address,
)

PAYLOADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "payloads"


CONTROL = {chr(code) for code in (*range(32), *range(127, 160))} - set("\n\t")


def column(*texts: str | None) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


def readable(texts: pl.Series) -> pl.Series:
    return plain_columns(texts.to_frame()).select(tidied(pl.all())).to_series()


def lines(texts: pl.Series, *, longest: int) -> pl.Series:
    read = plain_columns(texts.to_frame()).select(in_one_line(pl.all(), longest))
    return stated(read.to_series())


def stated(texts: pl.Series) -> pl.Series:
    return texts.to_frame().select(unless_missing(pl.all())).to_series()


def web_addresses(texts: pl.Series) -> pl.Series:
    read = lines(texts, longest=MAX_ADDRESS_INPUT).to_frame()
    return read.select(web_address(pl.all())).to_series()


def canonical_urls(urls: pl.Series) -> list[str | None]:
    return urls.to_frame("url").select(canonical_url(pl.col("url")).alias("url")).to_series().to_list()


READABLE = {
    "<p>Hello</p><ul><li>first<li>second &amp; third</ul>": "Hello\nfirst\nsecond & third",
    "<div>One<br>two<BR/>three</div>": "One\ntwo\nthree",
    "<p>wrapped\n   in the\n source</p>": "wrapped in the source",
    "<b>Bold</b>\nsecond line": "Bold\nsecond line",
    "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>": "a b\nc",
    "<p>x</p><script>alert('<p>')</script><style>p {color: red}</style>": "x",
    "<p title='a > b'>kept</p>": "kept",
    "&lt;div&gt;&lt;p&gt;A &amp;amp; B&lt;/p&gt;&lt;/div&gt;": "A & B",
    "&lt;p&gt;escaped&lt;/p&gt;&lt;p&gt;once&lt;/p&gt;<p>and not</p>": "escaped\nonce\nand not",
    "<p>Write &lt;div&gt; and &lt;/div&gt;</p>": "Write <div> and </div>",
    "R&D at AT&amp;T &#39;now&#39; a&nbsp;b": "R&D at AT&T 'now' a b",
    "?a=1&copy=2&reg": "?a=1&copy=2&reg",
    "List<String> where x < y and y > z": "List<String> where x < y and y > z",
    "nul\0 bell\x07 kept\ttab": "nul bell kept\ttab",
    "a\r\nb\rc\u2028d": "a\nb\nc\nd",
    "one\n\n\n\n\ntwo  \nthree": "one\n\ntwo\nthree",
    "zero\u200bwidth soft\u00adhyphen no\u00a0break\ufeff": "zerowidth softhyphen no break",
    "youâ\x80\x99ll, caf\u00c3\u00a9 \x80": "you’ll, café",
    "Grâce à vous": "Grâce à vous",
    "&#0;&#x1;&#xD800;": "\ufffd\ufffd",
    "<p></p>": "",
    "<frameset></frameset>": "<frameset></frameset>",
    "": "",
}


@pytest.mark.parametrize("text", READABLE)
def test_readable(text: str) -> None:
    assert readable(column(text)).to_list() == [READABLE[text]]


def test_readable_keeps_order_name_and_nulls() -> None:
    texts = readable(column("<p>a</p>", None, "b &amp; c", "d", "&lt;p&gt;e&lt;/p&gt;"))
    assert texts.to_list() == ["a", None, "b & c", "d", "e"]
    assert texts.name == "text"
    assert readable(column()).to_list() == []
    assert readable(column(None)).to_list() == [None]


def test_deeply_nested_html_is_read_without_the_parser() -> None:
    assert readable(column("<div>" * 60_000 + "deep &amp; down")).to_list() == ["deep & down"]


@given(st.lists(st.one_of(st.none(), st.text(), st.text(alphabet="<>/&;pbrl!- \n\0#x1"))))
def test_readable_never_leaves_a_control_character(texts: list[str | None]) -> None:
    read = readable(column(*texts)).to_list()
    assert [text is None for text in read] == [text is None for text in texts]
    for text in filter(None, read):
        assert not set(text) & CONTROL
        assert text == text.strip()


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the recordings (shared/data) are not beside the checkout")
def test_readable_on_recorded_descriptions() -> None:
    greenhouse = [job["content"] for job in json.loads((PAYLOADS / "greenhouse.json").read_text())["jobs"]]
    arbeitnow = [job["description"] for job in json.loads((PAYLOADS / "arbeitnow.json").read_text())["data"]]
    remote_ok = [job["description"] for job in json.loads((PAYLOADS / "remoteok.json").read_text())[1:]]
    for text in readable(column(*greenhouse, *arbeitnow, *remote_ok)):
        assert "<" not in text
        assert "&nbsp;" not in text
        assert "&lt;" not in text
        assert "â" not in text
        assert len(text.splitlines()) > 10
    first = readable(column(greenhouse[0])).item()
    assert first.startswith("GitLab is the intelligent orchestration platform for DevSecOps. GitLab enables")
    assert "our values and continuous knowledge exchange" in first


LINES = {
    "  Senior\n\tEngineer ": "Senior Engineer",
    "<strong>Data</strong> Engineer &amp; Analyst": "Data Engineer & Analyst",
    "-1": None,
    " N/A ": None,
    "None": None,
    "NULL": None,
    "nan": None,
    "\0": None,
    "nane": "nane",
    "Nonexistent": "Nonexistent",
    "-12": "-12",
}


@pytest.mark.parametrize("text", LINES)
def test_lines(text: str) -> None:
    assert lines(column(text), longest=100).to_list() == [LINES[text]]


def test_lines_are_cut() -> None:
    assert lines(column("ab cd ef"), longest=6).to_list() == ["ab cd"]


def test_first_lines() -> None:
    companies = column("Tecolote Research\n3.8", "\n\nAcme &amp; Co\nLondon", None, "-1", "<p>One</p><p>Two</p>")
    found = plain_columns(companies.to_frame()).select(first_line(pl.all(), 50)).to_series()
    assert found.to_list() == ["Tecolote Research", "Acme & Co", None, "-1", "One"]


def test_stated_looks_at_the_whole_text() -> None:
    assert stated(column("none at all", " none ", "n/a\n", "nulls")).to_list() == [
        "none at all",
        None,
        None,
        "nulls",
    ]


ADDRESSES = {
    " https://a.example/jobs/1 ": "https://a.example/jobs/1",
    "HTTP://A.example": "HTTP://A.example",
    "https://a.example/b c?x=1&amp;y=2": "https://a.example/b%20c?x=1&y=2",
    "ftp://a.example": None,
    "javascript:alert(1)": None,
    "//a.example/x": None,
    "www.a.example": None,
    "https://": None,
    "https:///path": None,
    "see https://a.example": None,
    "https://a.example/" + "x" * 3000: None,
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_web_addresses(text: str) -> None:
    assert web_addresses(column(text)).to_list() == [ADDRESSES[text]]


CANONICAL = {
    "HTTP://WWW.Example.com:80/Jobs/1/?b=2&utm_source=x&a=1&Ref=foo#top": "https://example.com/Jobs/1?a=1&b=2",
    "https://example.com:443/": "https://example.com",
    "https://example.com:8443/x": "https://example.com:8443/x",
    "https://example.com/?": "https://example.com",
    "https://example.com?gh_jid=7&gh_src=board": "https://example.com?gh_jid=7",
    "https://example.com/x?lever-source=LinkedIn&lever-source[]=a": "https://example.com/x",
    "https://example.com/x?source&fbclid=1&&gclid=2": "https://example.com/x",
    "https://example.com/x?resource=1&sourced=2": "https://example.com/x?resource=1&sourced=2",
    "https://example.com/#/jobs/7": "https://example.com#/jobs/7",
    "https://example.com/#!/jobs/7": "https://example.com#!/jobs/7",
    "https://wwwhatever.example/a//": "https://wwwhatever.example/a",
    "not an address": None,
}


@pytest.mark.parametrize("url", CANONICAL)
def test_canonical_urls(url: str) -> None:
    canonical = canonical_urls(column(url))
    assert canonical == [CANONICAL[url]]
    assert canonical_urls(column(*canonical)) == canonical


def test_canonical_urls_of_nothing() -> None:
    assert canonical_urls(column(None)) == [None]
    assert canonical_urls(column()) == []


LISTS = {
    '["a", " b  c "]': ["a", "b c"],
    '["a", 1, null, {"x": 1}, ""]': ["a"],
    "[]": [],
    '["\\ud800\\u0000x"]': ["? x"],
    "[broken": ["[broken"],
    "[" * 100_000: ["[" * 100_000],
    "plain": ["plain"],
    '{"a": 1}': ['{"a": 1}'],
}


@pytest.mark.parametrize("text", LISTS, ids=range(len(LISTS)))
def test_listed(text: str) -> None:
    assert listed(text) == LISTS[text]


@given(
    st.lists(st.none() | st.text() | st.sampled_from([*READABLE, " a \n\n\n b\t\n", "&amp;", "\x00", "\u00a0x"]))
)
def test_readable_reads_each_text_by_itself_and_leaves_the_column_alone(texts: list[str | None]) -> None:
    stated_texts = column(*texts)
    for read in (readable, stated, web_addresses, lambda some: lines(some, longest=5)):
        assert read(stated_texts).to_list() == [read(column(text)).item() for text in texts]
        assert stated_texts.to_list() == texts
