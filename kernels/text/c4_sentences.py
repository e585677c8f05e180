"""Sentences in the lines that C4 keeps: Raffel et al. 2020 (JMLR 21/140), section 2.2, and its published code,
tensorflow_datasets' c4_utils. What differs in scripts other than Latin is said in stages/heuristics/c4.py.
"""

import numpy as np

from dspipe.kernels.jit import inline, jit
from dspipe.kernels.text.line_scan import BRACKET, CURLY, JAVASCRIPT, LOREM_IPSUM, POLICY
from dspipe.kernels.text.unicode_classes import CLOSER, MARK, NAMES, QUOTE, TERMINAL, WORD_BREAK
from dspipe.kernels.text.unicode_lookup import character_before

# the rules that can be turned off, as bits
TERMINAL_RULE, JAVASCRIPT_RULE, POLICY_RULE, CITATIONS_RULE = 1, 2, 4, 8
# what the paper says otherwise than its code: "lorem ipsum" and { anywhere count, a line may end with any closing quote
WHOLE_PAGE_RULE, QUOTES_RULE = 16, 32
# neither says it: the full-width semicolon that ends a Chinese clause ends a sentence
CLAUSES_RULE = 64
LONGEST_CITED = 1 << 16
"""Bytes of a line in which citations are looked for."""

# what is counted over the lines of a document; int64 each
KEPT_SENTENCES, LOREM_IPSUM_LINES, CURLY_BRACKET_LINES = range(3)

_EDIT, _NEEDED = np.frombuffer(b"[edit]", np.uint8), np.frombuffer(b"[citation needed]", np.uint8)
_LATIN, _ETHIOPIC, _HAN = NAMES["latin"], NAMES["ethiopic"], NAMES["han"]
# scripts in which a space ends a sentence or a phrase, and mostly nothing else does
_PHRASED = tuple(NAMES[name] for name in ("thai", "lao", "new_tai_lue", "tai_tham"))
# typed, because numba compiles a function again for each literal argument
_START = np.int64(0)


@inline
def count_kept(holds, sentences, gaps, script, rules, kept):  # type: ignore[no-untyped-def]
    """Count the sentences of a line that is long enough and ends as one should, unless what it `holds` (bits of
    kernels.text.line_scan) forbids it. kept: int64[3]."""
    whole_page = rules & WHOLE_PAGE_RULE != 0
    kept[LOREM_IPSUM_LINES] += holds & LOREM_IPSUM != 0 and not whole_page
    if rules & JAVASCRIPT_RULE != 0 and holds & JAVASCRIPT != 0:
        return
    kept[CURLY_BRACKET_LINES] += holds & CURLY != 0 and not whole_page
    if rules & POLICY_RULE != 0 and holds & POLICY != 0:
        return
    kept[KEPT_SENTENCES] += sentences
    if script in _PHRASED:
        kept[KEPT_SENTENCES] += gaps // 2


@jit
def sentence_end(data, start, end, holds, script, rules, cleaned, classes):  # type: ignore[no-untyped-def]
    """Whether C4 keeps data[start:end] for its end: -1 no, 0 as it is, else the bytes of the line without its
    citations, which are in `cleaned`."""
    length, ended = end - start, False
    if rules & CITATIONS_RULE != 0 and holds & BRACKET != 0 and length <= LONGEST_CITED:
        length = _without_citations(data, start, end, cleaned)
        ended = _ends_sentence(cleaned, _START, length, script, rules, classes)
    else:
        ended = _ends_sentence(data, start, end, script, rules, classes)
    if not ended:
        return -1 if rules & TERMINAL_RULE != 0 else 0
    return length if length != end - start else 0


@jit
def clauses_before_the_last(data, start, end, classes):  # type: ignore[no-untyped-def]
    """How many full-width semicolons of a line end a sentence that isn't its last."""
    semicolons = 0
    for i in range(start, end - 2):  # without a branch, so that many bytes are compared at a time
        semicolons += (data[i] == 0xEF) & (data[i + 1] == 0xBC) & (data[i + 2] == 0x9B)
    if semicolons == 0:
        return 0
    kind, length = character_before(data, end, start, classes)
    while kind & (CLOSER | MARK) != 0 and end - length > start:
        end -= length
        kind, length = character_before(data, end, start, classes)
    return semicolons - 1 if _is_semicolon(data, start, end) else semicolons


@inline
def _is_semicolon(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the last character of data[start:end] is U+FF1B."""
    return end - start >= 3 and data[end - 3] == 0xEF and data[end - 2] == 0xBC and data[end - 1] == 0x9B


@inline
def ends_line(data, start, end, script, classes):  # type: ignore[no-untyped-def]
    """FineWeb's end of a line: a terminal mark, behind closing quotes and brackets beyond Latin script; any end in
    scripts that mostly write no such mark."""
    if script in _PHRASED:
        return True
    kind, _ = character_before(data, end, start, classes)
    if kind & (CLOSER | MARK | WORD_BREAK) != 0 and script != _LATIN:
        return _ends_sentence(data, start, end, script, _START, classes)
    return kind & TERMINAL != 0


@jit
def _ends_sentence(data, start, end, script, rules, classes):  # type: ignore[no-untyped-def]
    """C4's terminal punctuation: . ? ! and straight quotes, no ellipsis. In other scripts than Latin also the
    script's own marks, closing quotes and brackets after one. Thai, Lao and the like, which mostly write none,
    always."""
    if end <= start:
        return False
    last = data[end - 1]
    if last in (46, 63, 33, 34, 39):
        return not (last == 46 and end - start >= 3 and data[end - 2] == 46 and data[end - 3] == 46)
    if script == _LATIN:
        if rules & QUOTES_RULE == 0:
            return False
        kind, _ = character_before(data, end, start, classes)
        return kind & CLOSER != 0 and kind & QUOTE != 0
    if script in _PHRASED:
        return True
    kind, length = character_before(data, end, start, classes)
    while kind & (CLOSER | MARK) != 0 and end - length > start:
        end -= length
        kind, length = character_before(data, end, start, classes)
    if script == _ETHIOPIC and kind & WORD_BREAK != 0 and end - length > start:  # two spaces for a full stop
        kind, _ = character_before(data, end - length, start, classes)
        return kind & (TERMINAL | WORD_BREAK) != 0
    if script == _HAN and rules & CLAUSES_RULE != 0 and _is_semicolon(data, start, end):
        return True
    return kind & TERMINAL != 0


@jit
def _without_citations(data, start, end, cleaned):  # type: ignore[no-untyped-def]
    """Copy data[start:end] without Wikipedia's [1], [edit] and [citation needed]; returns the length."""
    n, i = 0, start
    while i < end:
        if data[i] == 91:
            k = i + 1
            while k < end and 48 <= data[k] <= 57:
                k += 1
            if k < end and data[k] == 93:
                i = k + 1
                continue
            if _equal(data, i, end, _EDIT):
                i += len(_EDIT)
                continue
            if _equal(data, i, end, _NEEDED):
                i += len(_NEEDED)
                continue
        cleaned[n] = data[i]
        n, i = n + 1, i + 1
    return n


@jit
def _equal(data, i, end, text):  # type: ignore[no-untyped-def]
    if i + len(text) > end:
        return False
    same = True
    for k in range(len(text)):
        same &= data[i + k] == text[k]
    return same
