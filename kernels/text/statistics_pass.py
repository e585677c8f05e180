"""The pass over the documents of a batch that counts all statistics at once.

For each document the kernel walks its lines once. A line is cut into tokens (kernels/text/word_tokens.py), judged by
C4's line rules (kernels/text/c4_sentences.py) and hashed for duplicates (kernels/text/duplicate_lines.py); then the
n-grams of the tokens are counted (kernels/text/repeated_ngrams.py).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry, inline, pointer
from dspipe.kernels.text.c4_sentences import (
    CLAUSES_RULE,
    CURLY_BRACKET_LINES,
    LONGEST_CITED,
    LOREM_IPSUM_LINES,
    WHOLE_PAGE_RULE,
    clauses_before_the_last,
    count_kept,
    ends_line,
    sentence_end,
)
from dspipe.kernels.text.duplicate_lines import (
    COVERED,
    DUPLICATE_LINES,
    LINE_WINDOW,
    LINES,
    PARAGRAPH_CHARACTERS,
    add_line,
    end_paragraph,
)
from dspipe.kernels.text.line_scan import CURLY, LOREM_IPSUM, scan_line
from dspipe.kernels.text.repeated_ngrams import NgramScratch, repetition
from dspipe.kernels.text.script import survey
from dspipe.kernels.text.special_words import SpecialWords, raw_special_words
from dspipe.kernels.text.statistic_columns import (
    BULLETS,
    CHARACTERS,
    ELLIPSES,
    ELLIPSIS_LINES,
    FEEDS,
    HASH_SIGNS,
    SCRIPT,
    SHORT_LINES,
    SPLIT_LINES,
    STOP_WORDS,
    TERMINAL_LINES,
    TEXT_LINES,
    write_columns,
)
from dspipe.kernels.text.stop_words import StopWordTable, count_stop_words, raw_stop_words
from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, NAMES, CharacterClasses
from dspipe.kernels.text.unicode_lookup import character, count_characters, raw_classes, trim
from dspipe.kernels.text.word_tokens import (
    CAPACITY,
    CHUNKS,
    ENDED,
    GAPS,
    LONGEST,
    SENTENCES,
    UNITS,
    WRITTEN,
    join_words,
    raw_output,
    write_tokens,
)

_HAN = NAMES["han"]


class Tables(NamedTuple):
    """What the pass looks things up in. orders: int64[scripts, 9], tokens in the n-grams of each script;
    units_per_word: float64[scripts]."""

    classes: CharacterClasses
    special_words: SpecialWords
    stop_words: StopWordTable
    orders: npt.NDArray[np.int64]
    units_per_word: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """What the pass works in. It is allocated outside because a kernel's own array dies with its last use as an array,
    while pointers to it live on.

    hashes, ends, starts    of the tokens (TokenOutput of kernels.text.word_tokens); ngrams: see there
    lines            set of the hashes of lines;  paragraphs: likewise
    cleaned          a line without its citations
    line_counters    of such a line; their CAPACITY stays 0, so that its tokens are counted and not kept
    letters          by script;  found: stop words by language;  repeated: characters in n-grams, by order
    """

    hashes: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int32]
    starts: npt.NDArray[np.uint8]
    ngrams: NgramScratch
    lines: npt.NDArray[np.uint64]
    paragraphs: npt.NDArray[np.uint64]
    pieces: npt.NDArray[np.int64]
    cleaned: npt.NDArray[np.uint8]
    counters: npt.NDArray[np.int64]
    line_counters: npt.NDArray[np.int64]
    letters: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    repeats: npt.NDArray[np.int64]
    found: npt.NDArray[np.uint64]
    repeated: npt.NDArray[np.float64]


@inline
def _raw_ngrams(scratch: NgramScratch) -> NgramScratch:
    return NgramScratch(pointer(scratch.table), pointer(scratch.active), pointer(scratch.slots), pointer(scratch.grams))


@entry("scratch", "out_counts", "out_shares")
def measure_documents(  # type: ignore[no-untyped-def]
    text, offsets, languages, tables, settings, scratch, out_counts, out_shares,
):  # fmt: skip
    """Count each row of a text column into out_counts and out_shares (kernels/text/statistics.py says what all is)."""
    data, clean = pointer(text), pointer(scratch.cleaned)
    letters, found = pointer(scratch.letters), pointer(scratch.found)
    classes, special_words = raw_classes(tables.classes), raw_special_words(tables.special_words)
    stop_words, ngrams = raw_stop_words(tables.stop_words), _raw_ngrams(scratch.ngrams)
    tokens = raw_output(scratch.hashes, scratch.ends, scratch.starts, scratch.counters, scratch.pieces)
    line_tokens = raw_output(scratch.hashes, scratch.ends, scratch.starts, scratch.line_counters, scratch.pieces)
    hashes, ends, counters, line_counters = tokens.hashes, tokens.ends, tokens.counters, line_tokens.counters
    marks, kept, repeats = pointer(scratch.marks), pointer(scratch.kept), pointer(scratch.repeats)
    line_keys, paragraph_keys = pointer(scratch.lines), pointer(scratch.paragraphs)
    # unpacked here: a namedtuple's arrays cost a reference count each time they are asked for
    complete, stop_scripts = tables.stop_words.complete, tables.stop_words.scripts
    listed = tables.stop_words.listed
    orders, units_per_word = tables.orders, tables.units_per_word
    line_array, paragraph_array, repeated = scratch.lines, scratch.paragraphs, scratch.repeated
    counter_array, mark_array, kept_array, repeat_array = scratch.counters, scratch.marks, scratch.kept, scratch.repeats
    limit, language_count, capacity = len(text), len(scratch.found), len(scratch.hashes)
    short_line, min_words = settings.short_line, settings.min_words
    max_word_length, rules, by_tokens = settings.max_word_length, settings.rules, settings.by_tokens
    # typed, because numba compiles a function again for each literal argument
    zero, cleaned_limit = np.int64(0), np.int64(LONGEST_CITED)

    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        mark_array[:] = 0
        kept_array[:] = 0
        repeat_array[:] = 0
        counter_array[:] = 0
        counters[CAPACITY] = capacity
        characters, hash_signs, feeds, script = survey(data, start, end, classes, units_per_word, letters)
        marks[CHARACTERS], marks[HASH_SIGNS], marks[FEEDS], marks[SCRIPT] = characters, hash_signs, feeds, script
        ascii_only, units_a_word = characters == end - start, units_per_word[script]
        size = 16
        while size < 2 * min(feeds + 2, LINE_WINDOW):
            size *= 2
        mask = np.uint64(size - 1)
        line_array[:size] = 0
        paragraph_array[:size] = 0
        # paragraphs are of the text without the white space around it
        body, body_end = trim(data, start, end, classes)
        paragraph, line, position, has_text = np.uint64(0), start, start, False
        while position < end:
            stop, holds, ellipses = scan_line(data, position, end, classes)
            first, last = trim(data, position, stop, classes)
            marks[ELLIPSES] += ellipses
            marks[SPLIT_LINES] += 1
            if first < last:
                has_text = True
                byte = data[first]
                marks[BULLETS] += byte == 45 or (byte == 0xE2 and data[first + 1] == 0x80 and data[first + 2] == 0xA2)
                if last - first >= 3:
                    x, y, z = data[last - 3], data[last - 2], data[last - 1]
                    marks[ELLIPSIS_LINES] += (x == y == z == 46) or (x == 0xE2 and y == 0x80 and z == 0xA6)
                before, chunks, units = counters[SENTENCES], counters[CHUNKS], counters[UNITS]
                gaps = counters[GAPS]
                counters[ENDED], counters[LONGEST] = 0, 0
                write_tokens(data, first, last, limit, classes, special_words, tokens)
                sentences, chunks = counters[SENTENCES] - before + 1, counters[CHUNKS] - chunks
                words = chunks + np.int64((counters[UNITS] - units) / units_a_word)
                if rules & WHOLE_PAGE_RULE != 0:
                    kept[LOREM_IPSUM_LINES] += holds & LOREM_IPSUM != 0
                    kept[CURLY_BRACKET_LINES] += holds & CURLY != 0
                if counters[LONGEST] <= max_word_length and words >= min_words:
                    cleaned = sentence_end(data, first, last, holds, script, rules, clean, classes)
                    if cleaned > 0:
                        line_counters[SENTENCES], line_counters[ENDED] = 0, 0
                        write_tokens(clean, zero, cleaned, cleaned_limit, classes, special_words, line_tokens)
                        sentences = line_counters[SENTENCES] + 1
                    if script == _HAN and rules & CLAUSES_RULE != 0:
                        if cleaned > 0:
                            sentences += clauses_before_the_last(clean, zero, cleaned, classes)
                        else:
                            sentences += clauses_before_the_last(data, first, last, classes)
                    if cleaned >= 0:
                        count_kept(holds, sentences, counters[GAPS] - gaps, script, rules, kept)
            if stop < end and data[stop] == 13 and stop + 1 < end and data[stop + 1] == 10:
                stop += 1
            position = stop
            if stop < end:
                _, length = character(data, stop, end, classes)
                position += length
                if data[stop] != 10 and position < end:
                    continue
                if data[stop] != 10:
                    stop = position
            # a line between line feeds is complete
            length = stop - line if ascii_only else count_characters(data, line, stop)
            paragraph = add_line(
                data, line, stop, length, has_text, body, body_end, line_keys, mask, paragraph, repeats
            )
            repeats[COVERED] += 1
            if has_text:
                marks[TEXT_LINES] += 1
                marks[TERMINAL_LINES] += ends_line(data, line, stop, script, classes)
                marks[SHORT_LINES] += length <= short_line
            if repeats[PARAGRAPH_CHARACTERS] > 0 and (stop == line or position >= body_end):
                paragraph = end_paragraph(paragraph_keys, mask, paragraph, repeats)
            line, has_text = position, False
        # splitting at runs of line feeds leaves an empty line where the text begins or ends with one
        if end > start:
            edges = (1 if data[start] == 10 else 0) + (1 if data[end - 1] == 10 else 0)
            repeats[LINES] += edges
            repeats[DUPLICATE_LINES] += edges == 2

        language = languages[d]
        # a language that is written in another script was a wrong guess
        if (language >= 0 and stop_scripts[language] != script) or (language == -2 and script >= FIRST_UNSPACED):
            language = -1
        if language == -1 and script != 0 and not listed[script]:
            language = -2
        all_bits = complete[max(language, 0)]
        marks[STOP_WORDS] = count_stop_words(
            hashes, counters[WRITTEN], script, stop_words, all_bits, found, language_count, language
        )
        written, space = counters[WRITTEN], np.int64(0)
        if script < FIRST_UNSPACED:
            space += 1
            if not by_tokens:
                written = join_words(hashes, ends, tokens.starts, written)
        repeated[:] = 0
        repetition(hashes, ends, written, orders[script], space, ngrams, repeated)
        write_columns(
            marks,
            counters,
            kept,
            repeats,
            repeated,
            ends,
            written,
            units_a_word,
            by_tokens,
            out_counts[d],
            out_shares[d],
        )
