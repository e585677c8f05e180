"""All text statistics that quality heuristics judge by, in one pass over an Arrow text column.

What they are is said in kernels/text/statistic_columns.py, how they are counted in kernels/text/statistics_pass.py.

Memory: repeated n-grams are looked for within a document's first million (2^20) tokens, duplicate lines and paragraphs
within its first 2^18 lines, so that a kernel holds about 60 MB of scratch on a document of any size; their shares are
of the characters in there. Everything else is counted over the whole document.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.text.c4_sentences import CITATIONS_RULE, JAVASCRIPT_RULE, LONGEST_CITED, POLICY_RULE, TERMINAL_RULE
from dspipe.kernels.text.duplicate_lines import LINE_WINDOW, REPEATS
from dspipe.kernels.text.repeated_ngrams import ORDERS, NgramScratch, ngram_orders
from dspipe.kernels.text.script import units_per_word
from dspipe.kernels.text.special_words import special_words
from dspipe.kernels.text.statistic_columns import COUNTS, MARKS, SHARES
from dspipe.kernels.text.statistics_pass import Scratch, Tables, measure_documents
from dspipe.kernels.text.stop_words import StopWords
from dspipe.kernels.text.unicode_classes import SCRIPTS, character_classes
from dspipe.kernels.text.word_tokens import COUNTERS, PIECES

WINDOW_TOKENS = 1 << 20
"""Tokens of a document that n-grams are made of."""


class LineSettings(NamedTuple):
    """What statistics depend on. `rules`: bits of C4's line rules that are on; `by_tokens`: a word is a token, as
    datatrove has it, not what stands between white space."""

    short_line: int = 30
    min_words: int = 3
    max_word_length: int = 1000
    rules: int = TERMINAL_RULE | JAVASCRIPT_RULE | POLICY_RULE | CITATIONS_RULE
    by_tokens: bool = True


class TextStatistics(NamedTuple):
    """counts: int32[documents, len(COUNTS)]; shares: float32[documents, len(SHARES)]."""

    counts: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float32]


def text_statistics(
    data: Bytes,
    offsets: Offsets,
    stop_words: StopWords,
    languages: npt.NDArray[np.int16],
    settings: LineSettings | None = None,
) -> TextStatistics:
    """The statistics of each row of a text column (see kernels.arrow.text_buffers).

    languages: int16[documents], the language's index in stop_words.names; -1 when it is unknown, -2 when it has no
    list.
    """
    settings = settings or LineSettings()
    documents = len(offsets) - 1
    counts = np.zeros((documents, len(COUNTS)), np.int32)
    shares = np.zeros((documents, len(SHARES)), np.float32)
    if documents:
        tables = Tables(character_classes(), special_words(), stop_words.table, ngram_orders(), units_per_word())
        scratch = _scratch(int(np.diff(offsets).max()), len(stop_words.names))
        with np.errstate(over="ignore"):
            measure_documents(data, offsets, languages, tables, settings, scratch, counts, shares)
    return TextStatistics(counts, shares)


def _scratch(max_bytes: int, languages: int) -> Scratch:
    """Room for documents of up to `max_bytes`, or for the windows where they are longer."""
    tokens = min(max_bytes, WINDOW_TOKENS) + 1
    lines = np.empty((2, _table_size(min(max_bytes + 2, LINE_WINDOW))), np.uint64)
    return Scratch(
        hashes=np.empty(tokens, np.uint64),
        ends=np.empty(tokens, np.int32),
        starts=np.empty(tokens, np.uint8),
        ngrams=NgramScratch(
            table=np.empty(_table_size(tokens), np.uint64),
            active=np.empty(tokens, np.int32),
            slots=np.empty(tokens, np.int32),
            grams=np.empty(tokens, np.uint64),
        ),
        lines=lines[0],
        paragraphs=lines[1],
        pieces=np.empty(2 * PIECES, np.int64),
        cleaned=np.empty(LONGEST_CITED, np.uint8),
        counters=np.zeros(COUNTERS, np.int64),
        line_counters=np.zeros(COUNTERS, np.int64),
        letters=np.zeros(len(SCRIPTS), np.int64),
        marks=np.zeros(MARKS, np.int64),
        kept=np.zeros(3, np.int64),
        repeats=np.zeros(REPEATS, np.int64),
        found=np.zeros(languages, np.uint64),
        repeated=np.zeros(len(ORDERS), np.float64),
    )


def _table_size(entries: int) -> int:
    return max(16, 1 << (2 * entries - 1).bit_length())
