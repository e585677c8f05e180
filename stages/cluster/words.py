"""The words of a text as they may stand in a cluster's name, and which are typical of a group."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache

import numpy as np

from dspipe.kernels.dedup.units import ALONE, characters

READ_CHARACTERS = 2000
_LETTERS_AT_LEAST = 2
_WORDS_A_DOCUMENT = 300
_SEEN_AT_LEAST = 3


def words_of(text: str) -> set[str]:
    """The different words in the beginning of a text, lower case: runs of letters with their marks, and where words
    aren't spaced pairs of neighbouring characters."""
    found: set[str] = set()
    for alone, word in _pattern().findall(text[:READ_CHARACTERS].lower()):
        if word and len(word) >= _LETTERS_AT_LEAST:
            found.add(word)
        elif alone:
            found.update(alone[at : at + 2] for at in range(len(alone) - 1))
        if len(found) >= _WORDS_A_DOCUMENT:
            break
    return found


def typical_words(own: Mapping[str, int], whole: Mapping[str, int], count: int = 3) -> list[str]:
    """The words of a group that tell it apart, the strongest first: by the z-score of their log-odds against the rest
    with the whole corpus as prior. `own` and `whole` say how many documents have a word."""
    own_sum, whole_sum = sum(own.values()), sum(whole.values())
    prior = 0.1  # of each count: a tenth of the corpus is added to both sides
    least = min(_SEEN_AT_LEAST, max(own.values(), default=0))
    scored = []
    for word, seen in own.items():
        if seen < least:
            continue
        added, rest = prior * whole[word], whole[word] - seen
        inside = (seen + added) / (own_sum + prior * whole_sum - seen - added + 1)
        outside = (rest + added) / (whole_sum - own_sum + prior * whole_sum - rest - added + 1)
        z = (math.log(inside) - math.log(outside)) / math.sqrt(1 / (seen + added) + 1 / (rest + added))
        scored.append((-round(z, 6), word))
    return [word for _, word in sorted(scored)[:count]]


def cluster_names(by_cluster: Mapping[int, Mapping[str, int]], clusters: int) -> list[str]:
    """Names of the clusters 1, 2, ...: unique by their numbers."""
    whole: Counter[str] = Counter()
    for counts in by_cluster.values():
        whole.update(counts)
    digits = max(2, len(str(clusters)))
    names = []
    for number in range(1, clusters + 1):
        words = typical_words(by_cluster.get(number, {}), whole)
        names.append(f"{number:0{digits}} {', '.join(words)}".rstrip())
    return names


@cache
def _pattern() -> re.Pattern[str]:
    plane = characters().plane
    alone = _ranges(np.flatnonzero(plane >= np.uint32(ALONE)))
    marks = _ranges(np.array([c for c in range(0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc")]))
    return re.compile(rf"([{alone}]+)|((?:(?![{alone}])[^\W\d_])(?:(?![{alone}])(?:[^\W\d_]|[{marks}]))*)")


def _ranges(codes: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> str:
    """Code points as the inside of a regular expression's brackets."""
    begins = np.flatnonzero(np.append(True, np.diff(codes) > 1))
    ends = np.append(begins[1:], len(codes)) - 1
    return "".join(f"\\u{codes[a]:04x}-\\u{codes[b]:04x}" for a, b in zip(begins.tolist(), ends.tolist(), strict=True))
