"""The main text of a made page, and what a near-duplicate changes in it.

A page is a function of its number: how many sentences it has (log-normal, one page in fifty by a Pareto tail), which
they are, and where paragraphs end. A near-duplicate is a function of the page and the capture's number: in half of
them some words are others, in three tenths one sentence is, in two tenths sentences were added or left out.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from tools.crawl.draws import draws, key, unit
from tools.crawl.records import Frame
from tools.crawl.sentences import Pool

_MEDIAN = 16
_SPREAD = 0.85
_FEWEST, _MOST = 4, 4000
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Main:
    """A page's main text. alike: the Jaccard similarity of its shingles of five units to the original's, as far as the
    changes say it (a sentence that stands twice in a page isn't looked for)."""

    paragraphs: list[str]
    alike: float = 1.0


@dataclass(frozen=True)
class Site:
    """A host: its name, its pages' frame and the sentences of its language."""

    host: str
    frame: Frame
    pool: Pool


def count_sentences(seed: int, page: int) -> int:
    """How many sentences a page has."""
    share = unit(seed, 2, page)
    size = _MEDIAN * math.exp(_SPREAD * _NORMAL.inv_cdf(min(max(unit(seed, 3, page), 1e-9), 1 - 1e-9)))
    if share < 0.02:
        size = 60 * (share / 0.02 + 1e-9) ** (-1 / 1.5)
    return int(min(max(size, _FEWEST), _MOST))


def write_main(seed: int, page: int, pool: Pool, change: int | None = None) -> Main:
    """The paragraphs of a page; with the number of a capture, as that near-duplicate has them."""
    count = count_sentences(seed, page)
    chosen = (draws(key(seed, 4, page), count) % len(pool.sentences)).tolist()
    sentences = [pool.sentences[i] for i in chosen]
    ends = (draws(key(seed, 5, page), count) % 4 == 0).tolist()
    alike = 1.0
    if change is not None:
        whole = sum(int(pool.units[i]) for i in chosen)
        alike = _change(seed, page, change, pool, sentences, ends, whole)
    between = " " if pool.spaced else ""
    paragraphs, start = [], 0
    for i, ends_here in enumerate(ends, 1):
        if ends_here or i == len(ends):
            paragraphs.append(between.join(sentences[start:i]))
            start = i
    return Main(paragraphs, alike)


def _change(seed: int, page: int, change: int, pool: Pool, sentences: list[str], ends: list[bool], units: int) -> float:
    """Change sentences in place; how alike the page is to what it was."""
    of = key(seed, 6, page, change)
    way = unit(of, 0)
    numbers: list[int] = draws(of, 8).tolist()
    at = numbers[0] % len(sentences)
    other = numbers[1] % len(pool.sentences)
    shingles = max(units - 4, 1)
    if way < 0.5:
        words = 1 + numbers[2] % 3
        for i in range(words):
            place = numbers[3 + i] % len(sentences)
            sentences[place] = _with_another_word(sentences[place], pool, numbers[3 + i])
        touched = min(5 * words, shingles)
        return (shingles - touched) / (shingles + touched)
    if way < 0.8:
        touched = min(int(pool.units[other]) + 4, shingles)
        sentences[at] = pool.sentences[other]
        return (shingles - touched) / (shingles + touched)
    some = 1 + numbers[2] % max(len(sentences) // 10, 1)
    if way < 0.9:
        added = [(other + i) % len(pool.sentences) for i in range(some)]
        sentences[at:at] = [pool.sentences[i] for i in added]
        ends[at:at] = [False] * some
        return shingles / (shingles + int(pool.units[added].sum()) + 4)
    left = max(len(sentences) - some, 1)
    dropped = units * (1 - left / len(sentences)) + 4
    del sentences[left:], ends[left:]
    return max(shingles - dropped, 1) / shingles


def _with_another_word(sentence: str, pool: Pool, number: int) -> str:
    other = pool.sentences[number % len(pool.sentences)]
    if pool.spaced:
        words, others = sentence.split(" "), other.split(" ")
        words[number % len(words)] = others[number // 7 % len(others)]
        return " ".join(words)
    at = number % len(sentence)
    return sentence[:at] + other[number // 7 % len(other)] + sentence[at + 1 :]


def site_of(seed: int, host: int, shares: dict[str, float], pools: dict[str, Pool], frames: list[Frame]) -> Site:
    """The site of a host's number: its language by the shares, its frame one in that language where there are some."""
    at, language = unit(seed, 7, host), next(reversed(shares))
    for name, share in shares.items():
        at -= share
        if at < 0:
            language = name
            break
    same = [frame for frame in frames if frame.language == language]
    fitting = same if len(same) >= 3 else [frame for frame in frames if frame.language != "zh"] or frames
    frame = fitting[int(unit(seed, 8, host) * len(fitting))]
    kind = ("www.{}.example", "{}.example", "blog.{}.example", "shop.{}.example")[int(unit(seed, 9, host) ** 2 * 4)]
    return Site(kind.format(f"host{host}"), frame, pools[language])
