"""Gopher's quality and repetition rules: Rae et al. 2021, "Scaling Language Models" (arXiv 2112.11446), appendix A.1.1,
thresholds of the text for quality and of table A1 for repetition.

A word is what stands between white space, for the share of words with a letter as in n-grams. datatrove, and with
`like: datatrove` this stage, takes spaCy's tokens: marks of punctuation count as words, so that technical prose with
its brackets and figures has too few with a letter; only for the number and the mean length of words are they left out.
In scripts without spaces letters count as parts of words (kernels/text/script.py), and n-grams are of tokens both ways.
Stop words are found beside punctuation both ways.

With `like: datatrove` verdicts agree with datatrove's GopherQualityFilter and GopherRepetitionFilter on English text.
What differs, on purpose:

- Repeated n-grams are compared word by word. datatrove glues the words of an n-gram together, so that "- --" equals
  "-- -".
- datatrove's repetition filter drops a text with no character, but passes one with no word; here both have too few
  words.
- Repeated n-grams are looked for within a document's first 2^20 tokens, duplicate lines and paragraphs within its first
  2^18 lines, so that memory stays bounded; with so many words it is too long for `max_words` anyway.
- A text in another script than its language's is judged by its script, with that script's stop words and thresholds.
- Tokens differ in the rare cases that kernels/text/word_tokens.py lists, about one in 80,000 on English pages.

Thresholds for other languages are FineWeb2's, which were tuned with tokens; how statutes and manuals fare with them is
said in languages.py.
"""

from typing import ClassVar

from pydantic import Field

from dspipe.stages.heuristics.rules import Rule, RuleSet


class Gopher(RuleSet):
    """Thresholds; null turns a rule off."""

    RULES: ClassVar = (
        Rule("min_words", "words", "too_few_words"),
        Rule("max_words", "words", "too_many_words"),
        Rule("min_mean_word_length", "mean_word_length", "words_too_short"),
        Rule("max_mean_word_length", "mean_word_length", "words_too_long"),
        Rule("max_hashes_per_word", "hashes_per_word", "too_many_hashes"),
        Rule("max_ellipses_per_word", "ellipses_per_word", "too_many_ellipses"),
        Rule("max_bullet_lines", "bullet_lines", "too_many_bullet_lines"),
        Rule("max_ellipsis_lines", "ellipsis_lines", "too_many_ellipsis_lines"),
        Rule("min_alphabetic_words", "alphabetic_words", "too_few_alphabetic_words"),
        Rule("min_stop_words", "stop_words", "too_few_stop_words"),
        Rule("max_duplicate_lines", "duplicate_lines", "duplicate_lines"),
        Rule("max_duplicate_paragraphs", "duplicate_paragraphs", "duplicate_paragraphs"),
        Rule("max_duplicate_line_characters", "duplicate_line_characters", "duplicate_line_characters"),
        Rule("max_duplicate_paragraph_characters", "duplicate_paragraph_characters", "duplicate_paragraph_characters"),
        *(Rule(f"max_top_{n}_gram", f"top_{n}_gram", f"top_{n}_gram") for n in (2, 3, 4)),
        *(Rule(f"max_duplicate_{n}_grams", f"duplicate_{n}_grams", f"duplicate_{n}_grams") for n in range(5, 11)),
    )

    min_words: float | None = 50
    """Words of a document, at least; in unspaced scripts so many letters as say one English word are one."""
    max_words: float | None = 100_000
    """Words of a document, at most."""
    min_mean_word_length: float | None = 3
    """Characters per word on average, at least."""
    max_mean_word_length: float | None = 10
    """Characters per word on average, at most."""
    max_hashes_per_word: float | None = 0.1
    """`#` per word, at most."""
    max_ellipses_per_word: float | None = 0.1
    """`...` and `…` per word, at most."""
    max_bullet_lines: float | None = 0.9
    """Share of lines that begin with `•` or `-`, at most."""
    max_ellipsis_lines: float | None = 0.3
    """Share of lines that end with an ellipsis, at most."""
    min_alphabetic_words: float | None = 0.8
    """Share of words that have a letter, at least."""
    min_stop_words: float | None = 2
    """Different stop words of the language. Off for languages without a list."""

    max_duplicate_lines: float | None = 0.3
    """Share of lines that occurred before in the document, at most."""
    max_duplicate_paragraphs: float | None = 0.3
    """Share of paragraphs that occurred before in the document, at most."""
    max_duplicate_line_characters: float | None = 0.2
    """Share of characters that are in lines that occurred before, at most."""
    max_duplicate_paragraph_characters: float | None = 0.2
    """Share of characters that are in paragraphs that occurred before, at most."""
    max_top_2_gram: float | None = 0.2
    """Share of characters that the most frequent sequence of two words takes, at most."""
    max_top_3_gram: float | None = 0.18
    """Share of characters that the most frequent sequence of three words takes, at most."""
    max_top_4_gram: float | None = 0.16
    """Share of characters that the most frequent sequence of four words takes, at most."""
    max_duplicate_5_grams: float | None = 0.15
    """Share of characters in sequences of five words that occurred before, at most."""
    max_duplicate_6_grams: float | None = 0.14
    """Share of characters in sequences of six words that occurred before, at most."""
    max_duplicate_7_grams: float | None = 0.13
    """Share of characters in sequences of seven words that occurred before, at most."""
    max_duplicate_8_grams: float | None = 0.12
    """Share of characters in sequences of eight words that occurred before, at most."""
    max_duplicate_9_grams: float | None = 0.11
    """Share of characters in sequences of nine words that occurred before, at most."""
    max_duplicate_10_grams: float | None = 0.10
    """Share of characters in sequences of ten words that occurred before, at most."""

    stop_words: dict[str, list[str]] = Field(default_factory=dict)
    """Lists that replace a language's own (`de: [der, die, das]`)."""
