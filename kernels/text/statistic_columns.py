"""The statistics that quality heuristics judge by: their names, what they mean, and how counts become shares.

They are what the rules of the Gopher paper (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1), C4 (Raffel et al.
2020, JMLR 21/140, section 2.2) and FineWeb (Penedo et al. 2024, arXiv 2406.17557, section 3.6) ask for. A token is a
word or a mark of punctuation (kernels/text/word_tokens.py); a word is what stands between white space, or a token where
statistics are to be datatrove's (LineSettings.by_tokens). Letters of unspaced scripts count as words by script.py.
"""

from enum import IntEnum

from dspipe.kernels.jit import jit
from dspipe.kernels.text.c4_sentences import CURLY_BRACKET_LINES, KEPT_SENTENCES, LOREM_IPSUM_LINES
from dspipe.kernels.text.duplicate_lines import (
    COVERED,
    DUPLICATE_LINE_CHARACTERS,
    DUPLICATE_LINES,
    DUPLICATE_PARAGRAPH_CHARACTERS,
    DUPLICATE_PARAGRAPHS,
    DUPLICATE_TEXT_CHARACTERS,
    LINE_WINDOW,
    LINES,
    PARAGRAPHS,
)
from dspipe.kernels.text.word_tokens import (
    ALPHABETIC,
    CAPACITY,
    SPACED,
    SPACED_ALPHABETIC,
    SPACED_CHARACTERS,
    TOKENS,
    UNIT_CHARACTERS,
    UNITS,
    WORD_CHARACTERS,
    WORDS,
    WRITTEN,
)


class Count(IntEnum):
    """The columns of whole numbers, in their order."""

    SCRIPT = 0
    CHARACTERS = 1
    WORDS = 2
    STOP_WORDS = 3
    SENTENCES = 4
    LOREM_IPSUM_LINES = 5
    CURLY_BRACKET_LINES = 6


class Share(IntEnum):
    """The columns of shares and ratios, in their order. Those of n-grams are one after the other."""

    MEAN_WORD_LENGTH = 0
    HASHES_PER_WORD = 1
    ELLIPSES_PER_WORD = 2
    BULLET_LINES = 3
    ELLIPSIS_LINES = 4
    ALPHABETIC_WORDS = 5
    DUPLICATE_LINES = 6
    DUPLICATE_LINE_CHARACTERS = 7
    DUPLICATE_PARAGRAPHS = 8
    DUPLICATE_PARAGRAPH_CHARACTERS = 9
    TOP_2_GRAM = 10
    TOP_3_GRAM = 11
    TOP_4_GRAM = 12
    DUPLICATE_5_GRAMS = 13
    DUPLICATE_6_GRAMS = 14
    DUPLICATE_7_GRAMS = 15
    DUPLICATE_8_GRAMS = 16
    DUPLICATE_9_GRAMS = 17
    DUPLICATE_10_GRAMS = 18
    TERMINAL_LINES = 19
    SHORT_LINES = 20
    DUPLICATE_TEXT_LINE_CHARACTERS = 21
    NEWLINES_PER_WORD = 22


COUNTS, SHARES = tuple(column.name.lower() for column in Count), tuple(column.name.lower() for column in Share)
STATISTICS = {
    "script": "the script that most words are written in, an index into unicode_classes.SCRIPTS",
    "characters": "code points",
    "words": "words, with datatrove tokens with more than symbols in them",
    "stop_words": "different stop words of the document's language (or of the language with most); -1: no list for it",
    "sentences": "sentences in the lines that C4 keeps",
    "lorem_ipsum_lines": "lines that C4 would keep but for 'lorem ipsum'",
    "curly_bracket_lines": "lines that C4 would keep but for a '{'",
    "mean_word_length": "characters per word",
    "hashes_per_word": "'#' per word",
    "ellipses_per_word": "'...' and '…' per word",
    "bullet_lines": "share of lines that begin with '•' or '-'",
    "ellipsis_lines": "share of lines that end with an ellipsis",
    "alphabetic_words": "share of words with a letter",
    "duplicate_lines": "share of lines that occurred before",
    "duplicate_line_characters": "characters in lines that occurred before, of all characters",
    "duplicate_paragraphs": "share of paragraphs that occurred before",
    "duplicate_paragraph_characters": "characters in paragraphs that occurred before, of all characters",
    **{f"top_{n}_gram": f"characters in the most frequent {n}-gram, of all characters" for n in (2, 3, 4)},
    **{f"duplicate_{n}_grams": f"characters in {n}-grams that occurred before, of all" for n in range(5, 11)},
    "terminal_lines": "share of lines with text that end with a terminal punctuation mark",
    "short_lines": "share of lines with text of at most `short_line` characters",
    "duplicate_text_line_characters": "characters in lines with text that occurred before, of all outside line ends",
    "newlines_per_word": "line feeds per token",
}

# what the pass itself counts of a document; int64 each
(
    CHARACTERS, HASH_SIGNS, FEEDS, SCRIPT, STOP_WORDS, SPLIT_LINES, BULLETS, ELLIPSIS_LINES, ELLIPSES, TEXT_LINES,
    TERMINAL_LINES, SHORT_LINES,
) = range(12)  # fmt: skip
MARKS = 12
"""FEEDS: line feeds. SPLIT_LINES, BULLETS, ELLIPSIS_LINES: lines as str.splitlines cuts them, for Gopher. TEXT_LINES,
TERMINAL_LINES, SHORT_LINES: lines between line feeds, not of white space alone, for FineWeb."""


@jit
def write_columns(  # type: ignore[no-untyped-def]
    marks, counters, kept, repeats, repeated, ends, written, units_per_word, by_tokens, counts, shares,
):  # fmt: skip
    """One document's COUNTS and SHARES from what was counted. Shares of nothing stay 0. written: the words of n-grams
    in `ends`."""
    units, characters = counters[UNITS] / units_per_word, marks[CHARACTERS]
    if by_tokens:
        all_words, words = counters[TOKENS] + units, counters[WORDS] + units
        word_characters, alphabetic = counters[WORD_CHARACTERS], counters[ALPHABETIC]
    else:
        all_words = words = counters[SPACED] + units
        word_characters, alphabetic = counters[SPACED_CHARACTERS], counters[SPACED_ALPHABETIC]
    counts[Count.SCRIPT], counts[Count.CHARACTERS], counts[Count.WORDS] = marks[SCRIPT], characters, int(words)
    counts[Count.STOP_WORDS] = marks[STOP_WORDS]
    counts[Count.SENTENCES] = kept[KEPT_SENTENCES]
    counts[Count.LOREM_IPSUM_LINES] = kept[LOREM_IPSUM_LINES]
    counts[Count.CURLY_BRACKET_LINES] = kept[CURLY_BRACKET_LINES]
    if words > 0:
        shares[Share.MEAN_WORD_LENGTH] = (word_characters + counters[UNIT_CHARACTERS]) / words
    if all_words > 0:
        shares[Share.HASHES_PER_WORD] = marks[HASH_SIGNS] / all_words
        shares[Share.ELLIPSES_PER_WORD] = marks[ELLIPSES] / all_words
        shares[Share.ALPHABETIC_WORDS] = (alphabetic + units) / all_words
    if counters[TOKENS] + units > 0:
        shares[Share.NEWLINES_PER_WORD] = marks[FEEDS] / (counters[TOKENS] + units)
    if marks[SPLIT_LINES] > 0:
        shares[Share.BULLET_LINES] = marks[BULLETS] / marks[SPLIT_LINES]
        shares[Share.ELLIPSIS_LINES] = marks[ELLIPSIS_LINES] / marks[SPLIT_LINES]
    if characters > 0:
        within_lines = characters if repeats[LINES] < LINE_WINDOW else repeats[COVERED]
        if repeats[LINES] > 0:
            shares[Share.DUPLICATE_LINES] = repeats[DUPLICATE_LINES] / repeats[LINES]
        shares[Share.DUPLICATE_LINE_CHARACTERS] = repeats[DUPLICATE_LINE_CHARACTERS] / within_lines
        if repeats[PARAGRAPHS] > 0:
            shares[Share.DUPLICATE_PARAGRAPHS] = repeats[DUPLICATE_PARAGRAPHS] / repeats[PARAGRAPHS]
        shares[Share.DUPLICATE_PARAGRAPH_CHARACTERS] = repeats[DUPLICATE_PARAGRAPH_CHARACTERS] / within_lines
        within_words = characters if counters[WRITTEN] < counters[CAPACITY] else ends[written - 1] + written
        for k in range(len(repeated)):
            shares[Share.TOP_2_GRAM + k] = repeated[k] / within_words
        if marks[TEXT_LINES] > 0:
            shares[Share.TERMINAL_LINES] = marks[TERMINAL_LINES] / marks[TEXT_LINES]
            shares[Share.SHORT_LINES] = marks[SHORT_LINES] / marks[TEXT_LINES]
            shares[Share.DUPLICATE_TEXT_LINE_CHARACTERS] = repeats[DUPLICATE_TEXT_CHARACTERS] / max(
                1, within_lines - marks[FEEDS]
            )
