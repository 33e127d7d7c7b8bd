"""The language of postings, by their frequent words or their script."""

from __future__ import annotations

from functools import cache

import polars as pl

from market_assets.postings.word_lists import word_lists

#: Characters of a text that are looked at.
MAX_TEXT = 600
#: A language is known from this many of its words on, more than any other language has.
LEAST_WORDS = 3
#: Of all words of a text, at least one in this many is among the frequent ones of its language.
MOST_OTHER_WORDS = 12

#: A script decides where it has this many letters.
_LEAST_LETTERS = 20


def languages(titles: pl.Series, texts: pl.Series) -> pl.Series:
    """The language of postings: of the text, and of the title where there is no text.

    Args:
        titles, texts: String, nulls allowed.

    Returns:
        String, ISO 639-1; null where too few words are known, or as many of several languages.
    """
    frame = pl.DataFrame({"title": titles.cast(pl.String), "text": texts.cast(pl.String)})
    frame = frame.select(pl.coalesce("text", "title").str.head(MAX_TEXT).str.to_lowercase().alias("text"))
    rows = frame.with_row_index("row")
    known = rows.join(_by_script(rows), on="row", how="left", maintain_order="left").join(
        _by_words(rows), on="row", how="left", maintain_order="left"
    )
    return known.select(pl.coalesce("script", "language").alias("language")).to_series()


def _by_script(rows: pl.DataFrame) -> pl.DataFrame:
    """row, script: the language of the texts that are written in a script of its own."""
    text = pl.col("text")
    by_script = [
        pl.when(text.str.count_matches(letters) >= _LEAST_LETTERS).then(pl.lit(language))
        for language, letters in word_lists("languages.yaml")["scripts"].items()
    ]
    # Each of their letters has two bytes at least, and most texts have few of those.
    can_be = rows.filter(text.str.len_bytes() - text.str.len_chars() >= _LEAST_LETTERS)
    return can_be.select("row", script=pl.coalesce(*by_script))


def _by_words(rows: pl.DataFrame) -> pl.DataFrame:
    """row, language of the texts that have enough frequent words of one language, and fewer of any other."""
    # Splitting at what is no letter is several times faster than a pattern a language; and single spaces, of which
    # there are the most, need not be replaced.
    words = rows.select(
        "row",
        word=pl.col("text")
        .str.replace_all(r" *[^\p{L}\p{M} ][^\p{L}\p{M}]*| {2,}", " ")
        .str.strip_chars()
        .str.split(" "),
    )
    words = words.with_columns(all_words=pl.col("word").list.len()).explode("word")
    counts = (
        words.join(_frequent_words(), on="word")
        .group_by("row", "language")
        .agg(pl.len().alias("found"), pl.col("all_words").first())
    )
    ranked = (
        counts.sort("row", "found", descending=[False, True])
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("language").first(),
            pl.col("found").first(),
            pl.col("found").get(1, null_on_oob=True).fill_null(0).alias("second"),
            pl.col("all_words").first(),
        )
    )
    best = pl.col("found")
    is_known = (best >= LEAST_WORDS) & (best > pl.col("second")) & (best * MOST_OTHER_WORDS >= pl.col("all_words"))
    return ranked.filter(is_known).select("row", "language")


@cache
def _frequent_words() -> pl.DataFrame:
    """word, language."""
    listed = word_lists("languages.yaml")["words"].items()
    pairs = [(word, language) for language, words in listed for word in words.split()]
    return pl.DataFrame(pairs, schema=["word", "language"], orient="row").unique()
