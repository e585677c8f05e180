"""How often each token id stands in rows of token ids, where documents end in them, and how much of them is padding."""

import numpy as np

from dspipe.kernels.jit import entry

OUT_OF_RANGE, FIRST_OUT_OF_RANGE, PADDING, OPEN, ROWS, WITHOUT_END = range(6)
"""places in `sums`"""
SUMS = 6
NONE = -1
"""in place of an id: there is no such token"""


@entry("counts", "sums", "lengths")
def count_tokens(ids, row_ends, vocabulary, end, begin, pad, counts, sums, lengths):  # type: ignore[no-untyped-def]
    """Count the ids of some rows, and go on from the rows before. Returns how many lengths of documents were written.

    ids         integers[n]
    row_ends    int64[rows]: where each row ends in `ids`; rows may be empty
    vocabulary  ids from it on are out of range; -1: none is known
    end, begin  the tokens that end and begin documents, -1: there is none. A document goes on from row to row.
    pad         the token that fills rows at their ends, -1: there is none. Where it is the end token, too, the first of
                those at a row's end is no padding.
    counts      int64[m]: added to by id; ids that it has no place for are out of range
    sums        int64[SUMS]: added to. OPEN is the length of the document that isn't ended yet, FIRST_OUT_OF_RANGE the
                number of the first row with an id out of range, -1 without one, WITHOUT_END counts documents that a
                begin token has cut off
    lengths     int64[at least the number of end tokens]: the lengths of documents that end here, end tokens counted
    """
    found, start, room = 0, 0, len(counts)
    limit = room if vocabulary < 0 else min(room, vocabulary)
    open_length = sums[OPEN]
    for row in range(len(row_ends)):
        stop = row_ends[row]
        filled = stop
        if pad >= 0:
            while filled > start and ids[filled - 1] == pad:
                filled -= 1
            if pad == end and filled < stop:
                filled += 1
            sums[PADDING] += stop - filled
        wrong = 0
        for i in range(start, stop):
            token = np.int64(ids[i])
            if token < 0 or token >= limit:
                wrong += 1
                if token < 0 or token >= room:
                    continue
            counts[token] += 1
        if wrong:
            sums[OUT_OF_RANGE] += wrong
            if sums[FIRST_OUT_OF_RANGE] < 0:
                sums[FIRST_OUT_OF_RANGE] = sums[ROWS]
        if end >= 0:
            for i in range(start, filled):
                token = np.int64(ids[i])
                if token == begin and open_length:
                    sums[WITHOUT_END] += 1
                    open_length = 0
                open_length += 1
                if token == end:
                    lengths[found] = open_length
                    found += 1
                    open_length = 0
        sums[ROWS] += 1
        start = stop
    sums[OPEN] = open_length
    return found
