"""Cleaning of texts: HTML, entities, control characters, white space, web addresses.

Clean text holds no control characters but newline and tab; in particular no NUL, which PostgreSQL refuses.

There is one expression a column, as each call into polars costs more than the rows of a small batch. Regular
expressions are avoided where possible, as polars keeps only 32 compiled ones a thread.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import polars as pl
from selectolax.lexbor import LexborHTMLParser

#: Words that sources write for a missing value.
MISSING_WORDS = ("", "-1", "n/a", "none", "null", "nan")

_BLOCK_NAMES = (
    "address|article|aside|blockquote|br|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header"
    "|hr|li|main|nav|ol|option|p|pre|section|summary|table|tbody|tfoot|thead|tr|ul"
)
_INLINE_NAMES = (
    "a|abbr|b|big|body|button|center|cite|code|del|em|font|head|html|i|iframe|img|input|ins|label|link|mark|meta"
    "|o:p|q|s|script|small|span|strike|strong|style|sub|sup|svg|td|template|textarea|th|time|title|tt|u|var|video"
)
_REST_OF_TAG = r"(?:[\s/][^<>]*)?>"
_ESCAPED_REST_OF_TAG = r"(?:[\s/][^<>]*?)??&gt;"
_TAG = rf"(?i)</?(?:{_BLOCK_NAMES}|{_INLINE_NAMES}){_REST_OF_TAG}"
_BLOCK_TAG = rf"(?i)</?(?:{_BLOCK_NAMES}){_REST_OF_TAG}"
_CELL_TAG = rf"(?i)<(?:td|th){_REST_OF_TAG}"
_ESCAPED_TAG = rf"(?i)&lt;/?(?:{_BLOCK_NAMES}|{_INLINE_NAMES}){_ESCAPED_REST_OF_TAG}"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_MARKUP = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#34;": '"', "&#38;": "&"}

_LINE_BREAKS = "\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
_DROPPED = "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff]"
_SPACES = "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_UNTIDY = (
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\ufffe\uffff]"
)
#: A text without any of these characters needs no cleaning.
MARKED_UP_OR_UNTIDY = f"[<&{_UNTIDY[1:]}"

#: All white space but a single space, which is the most frequent and is kept.
_WHITE_SPACE = r"\s{2,}|[^\S ]"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

#: UTF-8 that was decoded as Latin-1 ('youâ\x80\x99ll'): a lead byte and its continuation bytes, as characters.
_MISREAD_UTF8 = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

#: The parser's time grows with the square of the nesting. From texts with more tags, tags are cut by pattern.
_MAX_PARSED_TAGS = 10_000

#: Characters of a stated web address that are parsed, and of the longest one that is kept.
MAX_ADDRESS_INPUT = 4_000
MAX_ADDRESS_LENGTH = 2_000

#: Query parameters (in lower case) that track visitors and do not identify the page.
_TRACKING_PARAMETER = (
    r"^(?:utm_.*|gh_src|ref|refid|referrer|source|src|lever-source(?:\[\])?|lever-origin|gclid|dclid|gbraid|wbraid"
    r"|fbclid|msclkid|yclid|igshid|mc_cid|mc_eid|trk|trackingid|_ga|_gl|_hsenc|_hsmi)(?:=|$)"
)


#: Texts in the cache of a parser: short texts repeat from batch to batch and from day to day.
MAX_CACHED = 2**14


def parsed_each(texts: pl.Series, parse: Callable[[str], object], dtype: pl.DataType) -> pl.Series:
    """Parse each text of a column (String, nulls allowed) on its own; null for null."""
    values = [None if text is None else parse(text) for text in texts]
    return pl.Series(texts.name, values, dtype)


def plain_columns(texts: pl.DataFrame) -> pl.DataFrame:
    """Remove markup, entities and control characters from columns of texts; white space is left as it is.

    Plain text, HTML and HTML that was escaped once more are recognised. Paragraphs and list items get a line each.
    """
    return texts.with_columns(
        _replace_where(column, column.str.contains(MARKED_UP_OR_UNTIDY), _plain) for column in texts
    )


def tidied(plain: pl.Expr) -> pl.Expr:
    """Plain text (see `plain_columns`) without white space at its ends and at the ends of its lines."""
    # Searching for the last space before a newline is twenty times as fast as for the first.
    trailing = plain.str.contains(r"[ \t]\n")
    trimmed = pl.when(trailing).then(plain).str.replace_all(r"[ \t]+\n", "\n")
    whole = pl.when(trailing).then(trimmed).otherwise(plain)
    return whole.str.replace_all(r"\n{3,}", "\n\n").str.strip_chars()


def in_one_line(plain: pl.Expr, longest: int) -> pl.Expr:
    """Plain text (see `plain_columns`) in one line of at most `longest` characters."""
    return plain.str.strip_chars().str.replace_all(_WHITE_SPACE, " ").str.head(longest)


def first_line(plain: pl.Expr, longest: int) -> pl.Expr:
    """As `in_one_line`, of the first line with text: some sources put a rating below the company's name."""
    return in_one_line(plain.str.strip_chars().str.split("\n").list.first(), longest)


def unless_missing(text: pl.Expr) -> pl.Expr:
    """The text trimmed, null where it is one of `MISSING_WORDS`."""
    trimmed = text.str.strip_chars()
    # Only the beginning is lowered, as descriptions are long.
    lowered = trimmed.str.head(max(map(len, MISSING_WORDS)) + 1).str.to_lowercase()
    return pl.when(~lowered.is_in(list(MISSING_WORDS))).then(trimmed)


def web_address(line: pl.Expr) -> pl.Expr:
    """The http or https address in a line of up to `MAX_ADDRESS_INPUT` characters; null where it is none."""
    address = line.str.replace_all(" ", "%20", literal=True)
    is_address = address.str.contains(r"(?i)^https?://[^\s/?#]+") & (address.str.len_chars() <= MAX_ADDRESS_LENGTH)
    return pl.when(is_address).then(address)


def canonical_url(url: pl.Expr) -> pl.Expr:
    """One spelling for the addresses of the same page.

    Scheme https, host in lower case without 'www.' and default port, no trailing slash, no tracking parameters,
    the other parameters sorted. The fragment is dropped, unless it is a route ('#/jobs/7'). Null where the text is
    not an http or https address.
    """
    page = url.str.extract_groups(r"(?i)^https?://(?P<host>[^/?#]+)(?P<path>[^?#]*)").struct
    host = page.field("host").str.to_lowercase().str.strip_prefix("www.")
    is_secure = host.str.ends_with(":443")
    parameters = url.str.extract(r"^[^?#]*\?([^#]*)").str.split("&")
    identifying = ~pl.element().str.to_lowercase().str.contains(_TRACKING_PARAMETER) & (pl.element() != "")
    query = parameters.list.eval(pl.element().filter(identifying)).list.sort().list.join("&")
    route = url.str.extract(r"#(!?/.*)$")
    return pl.concat_str(
        pl.lit("https://"),
        pl.when(is_secure).then(host.str.strip_suffix(":443")).otherwise(host.str.strip_suffix(":80")),
        page.field("path").str.strip_chars_end("/"),
        pl.when(query != "").then("?" + query).otherwise(pl.lit("")),
        pl.when(route.is_not_null()).then("#" + route).otherwise(pl.lit("")),
    )


def listed(text: str) -> list[str]:
    """The texts of a JSON list, each in one line; the text itself where it is no JSON list."""
    if text.startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        # JSON can escape control characters and lone surrogates, which no stored text may hold.
        texts = (item.encode("utf-8", "replace").decode("utf-8") for item in items if isinstance(item, str))
        return [cleaned for cleaned in (" ".join(_CONTROL.sub(" ", item).split()) for item in texts) if cleaned]
    return [text]


def is_lost(stated_name: str, kept_name: str) -> pl.Expr:
    """Whether a value is stated in one column and null in the other."""
    return pl.col(stated_name).is_not_null() & pl.col(kept_name).is_null()


def _plain(texts: pl.Series) -> pl.Series:
    """Texts without markup, entities, control characters and special spaces."""
    texts = _tidy_characters(texts, misread=True)
    tags = texts.str.count_matches(_TAG) if _any(texts, "<") else pl.repeat(0, len(texts), eager=True)
    if _any(texts, "&lt;"):
        escaped_tags = texts.str.count_matches(_ESCAPED_TAG)
        escaped = escaped_tags > tags
        texts = _replace_where(texts, escaped, _unescape_markup)
        tags = pl.select(pl.when(escaped).then(escaped_tags).otherwise(tags)).to_series()
    marked_up = tags > 0
    entities = texts.str.contains("&", literal=True) & ~marked_up
    texts = _replace_where(texts, marked_up, _texts_of_html)
    texts = _replace_where(texts, entities, _decode_entities)
    return _tidy_characters(texts)


def _any(texts: pl.Series, part: str) -> bool:
    return bool(texts.str.contains(part, literal=True).any())


def _replace_where(texts: pl.Series, where: pl.Series, replace: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Apply `replace` to the texts for which `where` is true."""
    # `scatter` modifies its series.
    return texts.clone().scatter(where.arg_true(), replace(texts.filter(where))) if where.any() else texts


def _tidy_characters(texts: pl.Series, *, misread: bool = False) -> pl.Series:
    """Line breaks as newlines, all spaces as U+0020, without control and invisible characters."""

    def tidy(untidy: pl.Series) -> pl.Series:
        repaired = _repair_misread(untidy) if misread else untidy
        broken = repaired.str.replace_all(_LINE_BREAKS, "\n")
        return broken.str.replace_all(_SPACES, " ").str.replace_all(_DROPPED, "")

    return _replace_where(texts, texts.str.contains(_UNTIDY), tidy)


def _repair_misread(texts: pl.Series) -> pl.Series:
    """Decode UTF-8 that was decoded as Latin-1, recognised by C1 control characters, which no text should hold."""

    def repaired(match: re.Match[str]) -> str:
        try:
            return match[0].encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return match[0]

    def repair(misread: pl.Series) -> pl.Series:
        return pl.Series([_MISREAD_UTF8.sub(repaired, text) for text in misread], dtype=pl.String)

    return _replace_where(texts, texts.str.contains("[\x80-\x9f]"), repair)


def _unescape_markup(texts: pl.Series) -> pl.Series:
    """Undo one escaping of HTML in a single pass; the parser decodes all other entities."""
    return texts.str.replace_many(list(_MARKUP), list(_MARKUP.values()))


def _decode_entities(texts: pl.Series) -> pl.Series:
    """Decode '&amp;' and the like once; those without a semicolon are kept, as they may be part of an address."""
    return pl.Series([_ENTITY.sub(lambda match: html.unescape(match[0]), text) for text in texts], dtype=pl.String)


def _texts_of_html(texts: pl.Series) -> pl.Series:
    """Text of HTML. In the presence of block elements, white space in the source has no meaning."""
    blocks = texts.str.contains(_BLOCK_TAG)

    def mark_lines(sources: pl.Series) -> pl.Series:
        collapsed = sources.str.replace_all(_WHITE_SPACE, " ")
        return collapsed.str.replace_all(_BLOCK_TAG, "\n${0}").str.replace_all(_CELL_TAG, " ${0}")

    marked = _replace_where(texts, blocks, mark_lines)
    plain = pl.Series([_text_of_html(source) for source in marked], dtype=pl.String)
    return _replace_where(
        plain, blocks, lambda found: found.str.replace_all(r"\s*\n\s*", "\n").str.replace_all(" {2,}", " ")
    )


def _text_of_html(source: str) -> str:
    if source.count("<") > _MAX_PARSED_TAGS:
        return _ENTITY.sub(lambda match: html.unescape(match[0]), re.sub(r"<[^<>]*>", "", source))
    parser = LexborHTMLParser(source)
    parser.strip_tags(["script", "style", "template"])
    body = parser.body
    return "" if body is None else body.text()
