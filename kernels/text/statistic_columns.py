"""The statistics that quality heuristics judge by: their names, what they mean, and how counts become shares.

They are what the rules of the Gopher paper (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1), C4 (Raffel et al.
2020, JMLR 21/140, section 2.2) and FineWeb (Penedo et al. 2024, arXiv 2406.17557, section 3.6) ask for. A token is a
word or a mark of punctuation (kernels/text/word_tokens.py).
"""

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
    TOKENS,
    UNIT_CHARACTERS,
    UNITS,
    WORD_CHARACTERS,
    WORDS,
    WRITTEN,
)

COUNTS = ("script", "characters", "words", "stop_words", "sentences", "lorem_ipsum_lines", "curly_bracket_lines")
SHARES = (
    "mean_word_length", "hashes_per_word", "ellipses_per_word", "bullet_lines", "ellipsis_lines", "alphabetic_words",
    "duplicate_lines", "duplicate_line_characters", "duplicate_paragraphs", "duplicate_paragraph_characters",
    "top_2_gram", "top_3_gram", "top_4_gram", "duplicate_5_grams", "duplicate_6_grams", "duplicate_7_grams",
    "duplicate_8_grams", "duplicate_9_grams", "duplicate_10_grams",
    "terminal_lines", "short_lines", "duplicate_text_line_characters", "newlines_per_word",
)  # fmt: skip
STATISTICS = {
    "script": "the script that most words are written in, an index into unicode_classes.SCRIPTS",
    "characters": "code points",
    "words": "tokens with more than symbols in them",
    "stop_words": "different stop words of the document's language (or of the language with most); -1: no list for it",
    "sentences": "sentences in the lines that C4 keeps",
    "lorem_ipsum_lines": "lines that C4 would keep but for 'lorem ipsum'",
    "curly_bracket_lines": "lines that C4 would keep but for a '{'",
    "mean_word_length": "characters per word",
    "hashes_per_word": "'#' per token",
    "ellipses_per_word": "'...' and '…' per token",
    "bullet_lines": "share of lines that begin with '•' or '-'",
    "ellipsis_lines": "share of lines that end with an ellipsis",
    "alphabetic_words": "share of tokens with a letter",
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
    marks, counters, kept, repeats, ngrams, ends, units_per_word, counts, shares,
):  # fmt: skip
    """One document's COUNTS and SHARES from what was counted. Shares of nothing stay 0."""
    units = counters[UNITS] / units_per_word
    tokens, words, characters = counters[TOKENS] + units, counters[WORDS] + units, marks[CHARACTERS]
    counts[0], counts[1], counts[2], counts[3] = marks[SCRIPT], characters, int(words), marks[STOP_WORDS]
    counts[4], counts[5], counts[6] = kept[KEPT_SENTENCES], kept[LOREM_IPSUM_LINES], kept[CURLY_BRACKET_LINES]
    if words > 0:
        shares[0] = (counters[WORD_CHARACTERS] + counters[UNIT_CHARACTERS]) / words
    if tokens > 0:
        shares[1], shares[2] = marks[HASH_SIGNS] / tokens, marks[ELLIPSES] / tokens
        shares[5] = (counters[ALPHABETIC] + units) / tokens
        shares[22] = marks[FEEDS] / tokens
    if marks[SPLIT_LINES] > 0:
        shares[3] = marks[BULLETS] / marks[SPLIT_LINES]
        shares[4] = marks[ELLIPSIS_LINES] / marks[SPLIT_LINES]
    if characters > 0:
        within_lines = characters if repeats[LINES] < LINE_WINDOW else repeats[COVERED]
        if repeats[LINES] > 0:
            shares[6] = repeats[DUPLICATE_LINES] / repeats[LINES]
        shares[7] = repeats[DUPLICATE_LINE_CHARACTERS] / within_lines
        if repeats[PARAGRAPHS] > 0:
            shares[8] = repeats[DUPLICATE_PARAGRAPHS] / repeats[PARAGRAPHS]
        shares[9] = repeats[DUPLICATE_PARAGRAPH_CHARACTERS] / within_lines
        written = counters[WRITTEN]
        within_words = characters if written < counters[CAPACITY] else ends[written - 1] + written
        for k in range(9):
            shares[10 + k] = ngrams[k] / within_words
        if marks[TEXT_LINES] > 0:
            shares[19] = marks[TERMINAL_LINES] / marks[TEXT_LINES]
            shares[20] = marks[SHORT_LINES] / marks[TEXT_LINES]
            shares[21] = repeats[DUPLICATE_TEXT_CHARACTERS] / max(1, within_lines - marks[FEEDS])
