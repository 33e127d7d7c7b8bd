"""Stated text made readable: HTML, entities, control characters, white space, web addresses.

What comes out of here never holds a NUL (PostgreSQL refuses it) nor any other control character but
newline and tab.

All columns go through one expression each, as every call into polars costs more than the rows of a small batch.
Polars keeps 32 compiled regular expressions a thread, so what can be said without one is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import polars as pl
from selectolax.lexbor import LexborHTMLParser

#: Words that sources write where they mean that nothing is known.
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
#: A text without any of these characters is plain as it stands.
_MARKED_UP_OR_UNTIDY = f"[<&{_UNTIDY[1:]}"

#: All white space but a single space, which most of it is, and which stays as it is.
_WHITE_SPACE = r"\s{2,}|[^\S ]"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

#: UTF-8 that was read as Latin-1 ('youâ\x80\x99ll'): a lead byte and its continuation bytes, as characters.
_MISREAD_UTF8 = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

#: Beyond this many tags the parser's time grows with the square of the nesting, so tags are cut out instead.
_MOST_TAGS_PARSED = 10_000

#: Characters of a stated address that are looked at, and of the longest that is kept.
LONGEST_ADDRESS_READ = 4_000
LONGEST_ADDRESS = 2_000

#: Query parameters (in lower case) that say where a visitor came from, not which page is meant.
_TRACKING_PARAMETER = (
    r"^(?:utm_.*|gh_src|ref|refid|referrer|source|src|lever-source(?:\[\])?|lever-origin|gclid|dclid|gbraid|wbraid"
    r"|fbclid|msclkid|yclid|igshid|mc_cid|mc_eid|trk|trackingid|_ga|_gl|_hsenc|_hsmi)(?:=|$)"
)


def plain_columns(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns of texts without markup, entities and untidy characters; what is left to do is their white space.

    Plain text, HTML and HTML that was escaped once more are read. Paragraphs and list items stand on lines of
    their own. Control characters are dropped but for newline and tab.

    Few texts but descriptions need it, so those of all columns go through it together.
    """
    special = texts.select(pl.all().str.contains(_MARKED_UP_OR_UNTIDY))
    names = [name for name in texts.columns if special[name].any()]
    if not names:
        return texts
    found = [texts[name].filter(special[name]).alias("text") for name in names]
    plain, start = _plain(pl.concat(found)), 0
    replaced = []
    for name, part in zip(names, found, strict=True):
        replaced.append(_put(plain.slice(start, len(part)), texts[name], special[name]))
        start += len(part)
    return texts.with_columns(replaced)


def tidied(plain: pl.Expr) -> pl.Expr:
    """Plain text (see `plain_columns`) without white space at its ends and those of its lines."""
    # Looking for the last space before a newline is twenty times as fast as looking for the first.
    trailing = plain.str.contains(r"[ \t]\n")
    trimmed = pl.when(trailing).then(plain).str.replace_all(r"[ \t]+\n", "\n")
    whole = pl.when(trailing).then(trimmed).otherwise(plain)
    return whole.str.replace_all(r"\n{3,}", "\n\n").str.strip_chars()


def in_one_line(plain: pl.Expr, longest: int) -> pl.Expr:
    """Plain text (see `plain_columns`) in one line of at most so many characters."""
    return plain.str.strip_chars().str.replace_all(_WHITE_SPACE, " ").str.head(longest)


def first_line(plain: pl.Expr, longest: int) -> pl.Expr:
    """As `in_one_line`, of the first line that holds anything: some state a rating below the name."""
    return in_one_line(plain.str.strip_chars().str.split("\n").list.first(), longest)


def unless_missing(text: pl.Expr) -> pl.Expr:
    """The text trimmed, null where it only says that nothing is known (`MISSING_WORDS`)."""
    trimmed = text.str.strip_chars()
    # The head alone is lowered, as descriptions are long.
    lowered = trimmed.str.head(max(map(len, MISSING_WORDS)) + 1).str.to_lowercase()
    return pl.when(~lowered.is_in(list(MISSING_WORDS))).then(trimmed)


def web_address(line: pl.Expr) -> pl.Expr:
    """The http or https address that a line (of up to `LONGEST_ADDRESS_READ`) is; null where it is none."""
    address = line.str.replace_all(" ", "%20", literal=True)
    is_address = address.str.contains(r"(?i)^https?://[^\s/?#]+") & (address.str.len_chars() <= LONGEST_ADDRESS)
    return pl.when(is_address).then(address)


def canonical_url(url: pl.Expr) -> pl.Expr:
    """One spelling for the addresses of the same page.

    Scheme https, host in lower case without 'www.' and default port, no trailing slash, no tracking parameters,
    the other parameters in order. The fragment goes too, unless it is a route of a page's own ('#/jobs/7').
    Null where the text is not an http or https address.
    """
    page = url.str.extract_groups(r"(?i)^https?://(?P<host>[^/?#]+)(?P<path>[^?#]*)").struct
    host = page.field("host").str.to_lowercase().str.strip_prefix("www.")
    is_secure = host.str.ends_with(":443")
    parameters = url.str.extract(r"^[^?#]*\?([^#]*)").str.split("&")
    meant = ~pl.element().str.to_lowercase().str.contains(_TRACKING_PARAMETER) & (pl.element() != "")
    query = parameters.list.eval(pl.element().filter(meant)).list.sort().list.join("&")
    route = url.str.extract(r"#(!?/.*)$")
    return pl.concat_str(
        pl.lit("https://"),
        pl.when(is_secure).then(host.str.strip_suffix(":443")).otherwise(host.str.strip_suffix(":80")),
        page.field("path").str.strip_chars_end("/"),
        pl.when(query != "").then("?" + query).otherwise(pl.lit("")),
        pl.when(route.is_not_null()).then("#" + route).otherwise(pl.lit("")),
    )


def listed(text: str) -> list[str]:
    """The texts of a JSON list, each in one line, or the text itself where it is no such list."""
    if text.startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        # JSON can escape what no stored text may hold: control characters, and halves of other characters.
        texts = (item.encode("utf-8", "replace").decode("utf-8") for item in items if isinstance(item, str))
        return [cleaned for cleaned in (" ".join(_CONTROL.sub(" ", item).split()) for item in texts) if cleaned]
    return [text]


def lost(stated_name: str, kept_name: str) -> pl.Expr:
    """How many values were stated in one column and are null in the other."""
    return (pl.col(stated_name).is_not_null() & pl.col(kept_name).is_null()).sum()


def _plain(texts: pl.Series) -> pl.Series:
    """Texts without markup, entities and untidy characters."""
    texts = _tidy_characters(_repair_misread(texts))
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
    """Replace only the texts for which `where` is true."""
    return _put(replace(texts.filter(where)), texts, where) if where.any() else texts


def _put(replaced: pl.Series, texts: pl.Series, where: pl.Series) -> pl.Series:
    """The texts with the `replaced` ones in the places for which `where` is true."""
    # `scatter` writes in place.
    return texts.clone().scatter(where.arg_true(), replaced)


def _tidy_characters(texts: pl.Series) -> pl.Series:
    """Line breaks as newlines, spaces of every width as a space, control characters and invisible ones dropped."""

    def tidy(untidy: pl.Series) -> pl.Series:
        broken = untidy.str.replace_all(_LINE_BREAKS, "\n")
        return broken.str.replace_all(_SPACES, " ").str.replace_all(_DROPPED, "")

    return _replace_where(texts, texts.str.contains(_UNTIDY), tidy)


def _repair_misread(texts: pl.Series) -> pl.Series:
    """Decode UTF-8 that was read as Latin-1, told by C1 control characters, which no text means to hold."""

    def repaired(match: re.Match[str]) -> str:
        try:
            return match[0].encode("latin-1").decode("utf-8")
        except UnicodeDecodeError:
            return match[0]

    def repair(misread: pl.Series) -> pl.Series:
        return pl.Series([_MISREAD_UTF8.sub(repaired, text) for text in misread], dtype=pl.String)

    return _replace_where(texts, texts.str.contains("[\x80-\x9f]"), repair)


def _unescape_markup(texts: pl.Series) -> pl.Series:
    """Undo one escaping of HTML in a single pass; the parser reads what other entities there are."""
    return texts.str.replace_many(list(_MARKUP), list(_MARKUP.values()))


def _decode_entities(texts: pl.Series) -> pl.Series:
    """Decode '&amp;' and the like once; without a semicolon they may be part of an address, so they stay."""
    return pl.Series([_ENTITY.sub(lambda match: html.unescape(match[0]), text) for text in texts], dtype=pl.String)


def _texts_of_html(texts: pl.Series) -> pl.Series:
    """Text of HTML. White space in the source means nothing once there are block elements."""
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
    if source.count("<") > _MOST_TAGS_PARSED:
        return _ENTITY.sub(lambda match: html.unescape(match[0]), re.sub(r"<[^<>]*>", "", source))
    parser = LexborHTMLParser(source)
    parser.strip_tags(["script", "style", "template"])
    body = parser.body
    return "" if body is None else body.text()
