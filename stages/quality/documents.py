"""The documents that a classifier is trained on, and which of them are kept aside.

Some are held out: the classifier is measured on them, and they are never trained on. Others choose its settings
(stages.quality.search), and are trained on in the end. Which is which is decided by a hash of the document's host or
source, so that pages of one site don't stand on both sides, and by a hash of its text where too few of them are known.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.labelled import Document

POSITIVE, NEGATIVE = "positive", "negative"
LABELS = (POSITIVE, NEGATIVE)
"""of two sides"""
Reading = Callable[[], Iterator[Document]]
"""reads the same labelled documents in the same order each time"""
SEARCH_BYTES = 6_000_000
"""of text that settings are tried on, about; of more than that, a part chosen by hash"""
CHOOSING = 0.1
"""share of the documents that choose the settings"""
MIN_CHOOSING = 100
"""of them for each label, where that is no more than MAX_SHARE of all"""
MAX_SHARE = 0.3
MIN_GROUPS, MAX_GROUP = 20, 0.25
"""hosts (or sources) that a label needs to be divided by them, and the largest part of it that one may be"""
MAX_COPIES = 5.0
"""times that a rare label's documents are repeated to balance it with the others"""
_RANGE = 1 << 32
_BLANKS = re.compile(r"[ \n\r\t\v\f\0]+")


@dataclass
class Corpus:
    """What a first look at the documents of one label finds."""

    documents: int = 0
    bytes: int = 0
    groups: Counter[str] = field(default_factory=Counter)

    @property
    def by_group(self) -> bool:
        """Whether its documents are divided by their hosts or sources."""
        known = len(self.groups) - ("" in self.groups)
        return known >= MIN_GROUPS and max(self.groups.values()) <= MAX_GROUP * self.documents


@dataclass
class Look:
    """A first look at all documents."""

    corpora: dict[str, Corpus] = field(default_factory=dict)
    """by label"""
    empty: Counter[str] = field(default_factory=Counter)
    """documents without any text, by label: they are left out"""
    contradictory: dict[int, tuple[str, str]] = field(default_factory=dict)
    """hashes of texts that stand under two labels, and these: all of them are left out"""


@dataclass(frozen=True)
class Limits:
    """What is left out or repeated so that neither a source nor a label drowns the others."""

    of_group: int | None = None
    """documents of one host or source that a label has at most, about"""
    min_documents: int = 1
    """a label with fewer is left out"""
    balanced: bool = False
    """thin frequent labels out, and repeat rare ones up to MAX_COPIES times, towards the same number of documents; no
    host or source is more than MAX_GROUP of a label that has MIN_GROUPS of them"""


AS_GIVEN = Limits()


@dataclass
class Split:
    """Documents divided for training."""

    labels: list[str]
    search: Path
    """fastText's file of the documents that settings are tried on"""
    whole: Path
    """fastText's file of all documents but those held out"""
    share: float
    """of all documents that are in `search` or `choosing`"""
    by_group: dict[str, bool]
    """whether hosts or sources decided, by label"""
    look: Look
    left_out: Counter[str] = field(default_factory=Counter)
    """labels with too few documents, and how many they have"""
    trained: Counter[str] = field(default_factory=Counter)
    """how many lines are in `whole`, by label; some may stand there more than once"""
    capped: Counter[str] = field(default_factory=Counter)
    """how many documents of giant hosts or sources were left out, by label"""
    choosing: dict[str, list[Document]] = field(default_factory=dict)
    """the documents that choose the settings, by label"""
    held_out: dict[str, list[Document]] = field(default_factory=dict)
    """the documents that are held out, by label"""
    words: Counter[str] = field(default_factory=Counter)
    """how often each word occurs in `search`"""


def look_at(reading: Reading) -> Look:
    """Count the documents of each label."""
    look = Look()
    label_of = dict[int, str]()
    for document in reading():
        if not document.text.strip():
            look.empty[document.label] += 1
            continue
        corpus = look.corpora.setdefault(document.label, Corpus())
        corpus.documents += 1
        corpus.bytes += len(document.text.encode())
        corpus.groups[document.group] += 1
        key = _hash(document.text)
        if (other := label_of.setdefault(key, document.label)) != document.label:
            look.contradictory.setdefault(key, (other, document.label))
    return look


def split_documents(
    reading: Reading, labels: Sequence[str] | None, held_out: float, folder: Path, limits: Limits = AS_GIVEN
) -> Split:
    """Divide labelled documents; `held_out` is the share of those that are held out. `labels`: those that there must
    be, default what there is. Raises ConfigError where a label has none, or where there is one label only."""
    look = look_at(reading)
    names = list(labels) if labels is not None else sorted(look.corpora.keys() | look.empty.keys())
    few = Counter({name: look.corpora[name].documents for name in names if name in look.corpora})
    few = Counter({name: count for name, count in few.items() if count < limits.min_documents})
    names = [name for name in names if name not in few]
    _check_labels(names, look)
    corpora = {label: look.corpora[label] for label in names}
    share = min(1.0, SEARCH_BYTES / max(1, sum(corpus.bytes for corpus in corpora.values())))
    by_group = {label: corpus.by_group for label, corpus in corpora.items()}
    at_most = {label: _most_of_group(corpus, limits) for label, corpus in corpora.items()}
    if any(at_most.values()):  # a giant host that is capped doesn't keep a label from being divided by hosts
        for label, corpus in corpora.items():
            capped = Counter({group: min(count, at_most[label] or count) for group, count in corpus.groups.items()})
            by_group[label] = Corpus(sum(capped.values()), 0, capped).by_group
    divided = {group for label, corpus in corpora.items() if by_group[label] for group in corpus.groups if group}
    copies = _copies_of(corpora, at_most) if limits.balanced else dict.fromkeys(names, 1.0)
    split = Split(names, folder / "search.txt", folder / "whole.txt", share, by_group, look, few)
    split.choosing, split.held_out = {name: [] for name in names}, {name: [] for name in names}
    with split.search.open("w", encoding="utf-8") as search, split.whole.open("w", encoding="utf-8") as whole:
        for document in reading():
            label, text = document.label, document.text
            if not text.strip() or label not in corpora or (look.contradictory and _hash(text) in look.contradictory):
                continue
            of_group, most = corpora[label].groups[document.group], at_most[label]
            if most is not None and of_group > most and _place(text, 2) >= most / of_group:
                split.capped[label] += 1
                continue
            # a host that decides under one label does so under all, but where it is most of a label
            follows = document.group in divided and of_group <= MAX_GROUP * corpora[label].documents
            grouped = by_group[label] or follows
            place = _place(document.group if grouped else text)
            if place < held_out:
                split.held_out[label].append(document)
                continue
            times = int(copies[label] + _place(text, 3))
            words = split_words(text)
            line = f"__label__{label} {' '.join(words)}\n"
            whole.write(line * times)
            split.trained[label] += times
            if _place(text, 1) >= share:
                continue
            if place < held_out + _choosing_share(corpora[label], share) * (1 - held_out):
                split.choosing[label].append(document)
            else:
                search.write(line * times)
                split.words.update(words)
    return split


def _check_labels(names: list[str], look: Look) -> None:
    for label in names:
        if label not in look.corpora:
            empty = look.empty[label]
            said = f"no {label} documents to train on"
            raise ConfigError(f"{said}: all {empty:,} of them have empty texts" if empty else said)
        if not label or _BLANKS.search(label):
            raise ConfigError(f"a label can't be empty or have blanks in it: {label!r}")
    if not names:
        raise ConfigError("no documents to train on")
    if len(names) == 1:
        raise ConfigError(f"all documents have the label {names[0]}: there is nothing to tell apart")


def _most_of_group(corpus: Corpus, limits: Limits) -> int | None:
    """Documents that one host or source may have of a label."""
    if limits.of_group is not None:
        return limits.of_group
    known = [count for group, count in corpus.groups.items() if group]
    if not limits.balanced or len(known) < MIN_GROUPS:
        return None
    # a quarter of what is left once the giants are cut: the others are three quarters or more
    others = sorted(known)[:-1]
    return max(1, int(sum(others) * MAX_GROUP / (1 - MAX_GROUP)))


def _copies_of(corpora: dict[str, Corpus], at_most: dict[str, int | None]) -> dict[str, float]:
    """How often each label's documents are to stand in the training file, on average."""
    sizes = {
        label: sum(min(count, at_most[label] or count) for count in corpus.groups.values())
        for label, corpus in corpora.items()
    }
    mean = sum(sizes.values()) / len(sizes)
    return {label: min(MAX_COPIES, mean / size) for label, size in sizes.items()}


def _choosing_share(corpus: Corpus, share: float) -> float:
    return min(MAX_SHARE, max(CHOOSING, MIN_CHOOSING / corpus.documents / share))


def _hash(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def _place(key: str, seed: int = 0) -> float:
    """Where a hash puts it, 0 to 1."""
    return xxhash.xxh3_64_intdigest(key.encode(), seed) % _RANGE / _RANGE


def split_words(text: str) -> list[str]:
    """The words as fastText separates them, without those that would be labels or end the line."""
    return [word for word in _BLANKS.split(text) if word and word != "</s>" and not word.startswith("__label__")]
