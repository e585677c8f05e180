"""Where in a text what a rule counts is: repeated n-grams and lines, bullets, ellipses and the like, for people to see.

Found again from the text in plain Python, for the few documents that somebody looks at. Words are what stands between
white space, or single characters in scripts without spaces (like datatrove: marks of punctuation apart); the kernels
that count know a few more cases (kernels/text/word_tokens.py), so that a mark may be missing in rare texts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from dspipe.pipeline.stage import Span

_LONGEST = 1 << 18
"""characters of a text that are looked through"""
_PATTERNS = {
    "hashes_per_word": (re.compile(r"#+"), "hashes"),
    "ellipses_per_word": (re.compile(r"(?:\.\.\.|…)+"), "ellipsis"),
    "bullet_lines": (re.compile(r"^[ \t]*[•-]", re.M), "bullet"),
    "ellipsis_lines": (re.compile(r"(?:\.\.\.|…)(?=[ \t\r]*$)", re.M), "line that ends with an ellipsis"),
    "alphabetic_words": (re.compile(r"(?<!\S)[^\sa-zA-Z\u00aa-\U0010ffff]+(?!\S)"), "word without a letter"),
    "curly_bracket_lines": (re.compile(r"\{"), "curly bracket"),
    "lorem_ipsum_lines": (re.compile(r"lorem ipsum", re.I), "lorem ipsum"),
}
_LINE, _PARAGRAPH = re.compile(r"[^\n]+"), re.compile(r"(?:[^\n]|\n(?!\n))+")
_NGRAM = re.compile(r"(top|duplicate)_(\d+)_grams?")
_WORD, _TOKEN, _UNIT = re.compile(r"\S+"), re.compile(r"\w+|[^\w\s]"), re.compile(r"\S")
_REPEATED = {
    **dict.fromkeys(("duplicate_lines", "duplicate_line_characters", "duplicate_text_line_characters"), _LINE),
    **dict.fromkeys(("duplicate_paragraphs", "duplicate_paragraph_characters"), _PARAGRAPH),
}


def spans_counted(
    statistic: str, text: str, short_line: int, by_tokens: bool, units: Callable[[int], int] | None
) -> Iterator[Span]:
    """What a statistic has counted in a text, in its order. `short_line`: characters of a short line at most;
    `by_tokens`: marks of punctuation are words; `units`: how many characters an n-gram of n words is, in a script
    without spaces."""
    text = text[:_LONGEST]
    if statistic in _PATTERNS:
        pattern, what = _PATTERNS[statistic]
        yield from (Span(*match.span(), what) for match in pattern.finditer(text))
    elif statistic in _REPEATED:
        pattern = _REPEATED[statistic]
        yield from _met_before(pattern, text, "line" if pattern is _LINE else "paragraph")
    elif statistic == "short_lines":
        lines = (match for match in _LINE.finditer(text) if 0 < len(match[0].strip()) <= short_line)
        yield from (Span(*match.span(), "short line") for match in lines)
    elif match := _NGRAM.fullmatch(statistic):
        n = int(match[2])
        words = _UNIT if units is not None else _TOKEN if by_tokens else _WORD
        places = [(word[0], *word.span()) for word in words.finditer(text)]
        find = _top if match[1] == "top" else _duplicates
        yield from find(places, n if units is None else units(n), f"{n}-gram")


def _met_before(pattern: re.Pattern[str], text: str, what: str) -> Iterator[Span]:
    met: set[str] = set()
    for match in pattern.finditer(text):
        said = match[0].strip()
        if said and said in met:
            yield Span(*match.span(), f"{what} that occurred before")
        met.add(said)


Places = list[tuple[str, int, int]]
"""words, where they start and end"""


def _grams(places: Places, n: int) -> list[tuple[str, ...]]:
    words = [word for word, _, _ in places]
    return list(zip(*(words[k:] for k in range(n)), strict=False))


def _top(places: Places, n: int, name: str) -> Iterator[Span]:
    """The occurrences of the most frequent n-gram, without those that overlap one before."""
    grams = _grams(places, n)
    if not grams:
        return
    ((best, times),) = Counter(grams).most_common(1)
    if times < 2:
        return
    free = 0
    for place, gram in enumerate(grams):
        if gram == best and place >= free:
            yield Span(places[place][1], places[place + n - 1][2], f"most frequent {name}, {times:,} times")
            free = place + n


def _duplicates(places: Places, n: int, name: str) -> Iterator[Span]:
    """N-grams that occurred before; behind one the search goes on behind it. Those that follow one another are one."""
    met: set[tuple[str, ...]] = set()
    free, start, end = 0, -1, -1
    for place, gram in enumerate(_grams(places, n)):
        if place < free:
            continue
        if gram not in met:
            met.add(gram)
            continue
        if place != free or start < 0:
            if start >= 0:
                yield Span(start, end, f"{name}s that occurred before")
            start = places[place][1]
        free, end = place + n, places[place + n - 1][2]
    if start >= 0:
        yield Span(start, end, f"{name}s that occurred before")
