"""The pass over the documents of a batch that counts all statistics at once.

For each document the kernel walks its lines once. A line is cut into tokens (kernels/text/word_tokens.py), judged by
C4's line rules (kernels/text/c4_sentences.py) and hashed for duplicates (kernels/text/duplicate_lines.py); then the
n-grams of the tokens are counted (kernels/text/repeated_ngrams.py).
"""

import numpy as np

from dspipe.kernels.jit import jit, pointer
from dspipe.kernels.text.c4_sentences import LONGEST_CITED, count_kept, ends_line, sentence_end
from dspipe.kernels.text.duplicate_lines import (
    COVERED,
    DUPLICATE_LINES,
    LINE_WINDOW,
    LINES,
    PARAGRAPH_CHARACTERS,
    add_line,
    end_paragraph,
)
from dspipe.kernels.text.line_scan import scan_line
from dspipe.kernels.text.repeated_ngrams import repetition
from dspipe.kernels.text.script import survey
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
from dspipe.kernels.text.stop_words import count_stop_words
from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED
from dspipe.kernels.text.unicode_lookup import character, count_characters, trim
from dspipe.kernels.text.word_tokens import CAPACITY, CHUNKS, ENDED, LONGEST, SENTENCES, UNITS, WRITTEN, write_tokens


@jit
def measure(  # type: ignore[no-untyped-def]
    text, offsets, classes, special, stop_words, languages, orders, units_per_word, settings, scratch, out_counts,
    out_shares,
):  # fmt: skip
    """Count each row of a text column into out_counts and out_shares (kernels/text/statistics.py says what all is)."""
    limit, language_count = len(text), len(scratch.found)
    data, pages, flags, clean = pointer(text), pointer(classes.pages), pointer(classes.flags), pointer(scratch.cleaned)
    sieve, special_keys, special_cuts = pointer(special.sieve), pointer(special.keys), pointer(special.cuts)
    pieces, hashes, ends = pointer(scratch.pieces), pointer(scratch.hashes), pointer(scratch.ends)
    counters, line_counters = pointer(scratch.counters), pointer(scratch.line_counters)
    marks, kept, repeats = pointer(scratch.marks), pointer(scratch.kept), pointer(scratch.repeats)
    table, grams = pointer(scratch.table), pointer(scratch.grams)
    active, slots, letters = pointer(scratch.active), pointer(scratch.slots), pointer(scratch.letters)
    line_keys, paragraph_keys, found = pointer(scratch.lines), pointer(scratch.paragraphs), pointer(scratch.found)
    keys, key_languages, key_bits = pointer(stop_words.keys), pointer(stop_words.languages), pointer(stop_words.bits)
    key_mask, complete, stop_scripts = np.uint64(len(stop_words.keys) - 1), stop_words.complete, stop_words.scripts
    # unpacked here: a namedtuple's arrays cost a reference count each time they are asked for
    line_array, paragraph_array, ngrams = scratch.lines, scratch.paragraphs, scratch.ngrams
    counter_array, mark_array, kept_array, repeat_array = scratch.counters, scratch.marks, scratch.kept, scratch.repeats
    capacity, short_line, min_words = len(scratch.hashes), settings.short_line, settings.min_words
    max_word_length, rules = settings.max_word_length, settings.rules
    # typed, because numba compiles a function again for each literal argument
    zero, cleaned_limit = np.int64(0), np.int64(LONGEST_CITED)

    for d in range(len(offsets) - 1):
        start, end = offsets[d], offsets[d + 1]
        mark_array[:] = 0
        kept_array[:] = 0
        repeat_array[:] = 0
        counter_array[:] = 0
        counters[CAPACITY] = capacity
        characters, hash_signs, feeds, script = survey(data, start, end, pages, flags, units_per_word, letters)
        marks[CHARACTERS], marks[HASH_SIGNS], marks[FEEDS], marks[SCRIPT] = characters, hash_signs, feeds, script
        ascii_only, units_a_word = characters == end - start, units_per_word[script]
        size = 16
        while size < 2 * min(feeds + 2, LINE_WINDOW):
            size *= 2
        mask = np.uint64(size - 1)
        line_array[:size] = 0
        paragraph_array[:size] = 0
        # paragraphs are of the text without the white space around it
        body, body_end = trim(data, start, end, pages, flags)
        paragraph, line, position, has_text = np.uint64(0), start, start, False
        while position < end:
            stop, holds, ellipses = scan_line(data, position, end, pages, flags)
            first, last = trim(data, position, stop, pages, flags)
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
                counters[ENDED], counters[LONGEST] = 0, 0
                write_tokens(
                    data, first, last, limit, pages, flags, sieve, special_keys, special_cuts, pieces, hashes, ends,
                    counters,
                )  # fmt: skip
                sentences, chunks = counters[SENTENCES] - before + 1, counters[CHUNKS] - chunks
                words = chunks + np.int64((counters[UNITS] - units) / units_a_word)
                if counters[LONGEST] <= max_word_length and words >= min_words:
                    cleaned = sentence_end(data, first, last, holds, script, rules, clean, pages, flags)
                    if cleaned > 0:
                        line_counters[SENTENCES], line_counters[ENDED] = 0, 0
                        write_tokens(
                            clean, zero, cleaned, cleaned_limit, pages, flags, sieve, special_keys, special_cuts,
                            pieces, hashes, ends, line_counters,
                        )  # fmt: skip
                        sentences = line_counters[SENTENCES] + 1
                    if cleaned >= 0:
                        count_kept(holds, sentences, chunks, script, rules, kept)
            if stop < end and data[stop] == 13 and stop + 1 < end and data[stop + 1] == 10:
                stop += 1
            position = stop
            if stop < end:
                _, length = character(data, stop, end, pages, flags)
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
                marks[TERMINAL_LINES] += ends_line(data, line, stop, script, pages, flags)
                marks[SHORT_LINES] += length <= short_line
            if repeats[PARAGRAPH_CHARACTERS] > 0 and (stop == line or position >= body_end):
                paragraph = end_paragraph(paragraph_keys, mask, paragraph, repeats)
            line, has_text = position, False
        # splitting at runs of line feeds leaves an empty line where the text begins or ends with one
        if end > start:
            edges = (1 if data[start] == 10 else 0) + (1 if data[end - 1] == 10 else 0)
            repeats[LINES] += edges
            repeats[DUPLICATE_LINES] += edges == 2

        written = counters[WRITTEN]
        ngrams[:] = 0
        repetition(
            hashes, ends, written, orders[script], 0 if script >= FIRST_UNSPACED else 1, table, active, slots, grams,
            ngrams,
        )  # fmt: skip
        language = languages[d]
        # a language that is written in another script was a wrong guess
        if (language >= 0 and stop_scripts[language] != script) or (language == -2 and script >= FIRST_UNSPACED):
            language = -1
        marks[STOP_WORDS] = count_stop_words(
            hashes, written, script, keys, key_mask, key_languages, key_bits, complete[max(language, 0)], found,
            language_count, language,
        )  # fmt: skip
        write_columns(marks, counters, kept, repeats, ngrams, ends, units_a_word, out_counts[d], out_shares[d])
