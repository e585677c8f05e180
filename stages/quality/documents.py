"""The documents that a quality classifier is trained on, and which of them are kept aside.

Some are held out: the classifier is measured on them, and they are never trained on. Others choose its settings
(stages.quality.search), and are trained on in the end. Which is which is decided by a hash of the document's host or
source, so that pages of one site don't stand on both sides, and by a hash of its text where too few of them are known.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xxhash

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.json_lines import json_objects

POSITIVE, NEGATIVE = "positive", "negative"
LABELS = (POSITIVE, NEGATIVE)
SEARCH_BYTES = 6_000_000
"""of text that settings are tried on, about; of more than that, a part chosen by hash"""
CHOOSING = 0.1
"""share of the documents that choose the settings"""
MIN_CHOOSING = 100
"""of them for each label, where that is no more than MAX_SHARE of all"""
MAX_SHARE = 0.3
MIN_GROUPS, MAX_GROUP = 20, 0.25
"""hosts (or sources) that a label needs to be divided by them, and the largest part of it that one may be"""
_RANGE = 1 << 32
_BLANKS = re.compile(r"[ \n\r\t\v\f\0]+")


@dataclass(frozen=True)
class Document:
    """A text, and the host or source that it is from ("" where that isn't known)."""

    text: str
    group: str


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
class Split:
    """Documents divided for training."""

    search: Path
    """fastText's file of the documents that settings are tried on"""
    whole: Path
    """fastText's file of all documents but those held out"""
    share: float
    """of all documents that are in `search` or `choosing`"""
    by_group: dict[str, bool]
    """whether hosts or sources decided, by label"""
    trained: Counter[str] = field(default_factory=Counter)
    """how many documents are in `whole`, by label"""
    choosing: dict[str, list[str]] = field(default_factory=lambda: {label: [] for label in LABELS})
    """the texts that choose the settings, by label"""
    held_out: dict[str, list[str]] = field(default_factory=lambda: {label: [] for label in LABELS})
    """the texts that are held out, by label"""
    words: Counter[str] = field(default_factory=Counter)
    """how often each word occurs in `search`"""


def read_documents(files: list[Path], text_field: str) -> Iterator[Document]:
    """The documents of JSON lines files. Raises ConfigError for one that has no text."""
    for path in files:
        for number, item in json_objects(path):
            text = item.get(text_field)
            if not isinstance(text, str):
                fields = ", ".join(sorted(map(str, item))[:12])
                raise ConfigError(f"{path}, line {number}: no text in the field {text_field}; its fields are {fields}")
            yield Document(text.encode("utf-8", "replace").decode(), _group_of(item))


def look_at(files: list[Path], text_field: str) -> Corpus:
    """Count the documents of a label."""
    corpus = Corpus()
    for document in read_documents(files, text_field):
        corpus.documents += 1
        corpus.bytes += len(document.text.encode())
        corpus.groups[document.group] += 1
    return corpus


def split_documents(files: dict[str, list[Path]], text_field: str, held_out: float, folder: Path) -> Split:
    """Divide the documents of both labels; `held_out` is the share of those. Raises ConfigError where one has none."""
    corpora = {label: look_at(files[label], text_field) for label in LABELS}
    for label, corpus in corpora.items():
        if not corpus.documents:
            raise ConfigError(f"no {label} documents to train on")
    share = min(1.0, SEARCH_BYTES / max(1, sum(corpus.bytes for corpus in corpora.values())))
    by_group = {label: corpus.by_group for label, corpus in corpora.items()}
    split = Split(folder / "search.txt", folder / "whole.txt", share, by_group)
    with split.search.open("w", encoding="utf-8") as search, split.whole.open("w", encoding="utf-8") as whole:
        for label, corpus in corpora.items():
            choosing = min(MAX_SHARE, max(CHOOSING, MIN_CHOOSING / corpus.documents / share)) * (1 - held_out)
            for document in read_documents(files[label], text_field):
                place = _place(document.group if by_group[label] else document.text)
                if place < held_out:
                    split.held_out[label].append(document.text)
                    continue
                words = split_words(document.text)
                line = f"__label__{label} {' '.join(words)}\n"
                whole.write(line)
                split.trained[label] += 1
                if _place(document.text, 1) >= share:
                    continue
                if place < held_out + choosing:
                    split.choosing[label].append(document.text)
                else:
                    search.write(line)
                    split.words.update(words)
    return split


def _place(key: str, seed: int = 0) -> float:
    """Where a hash puts it, 0 to 1."""
    return xxhash.xxh3_64_intdigest(key.encode(), seed) % _RANGE / _RANGE


def split_words(text: str) -> list[str]:
    """The words as fastText separates them, without those that would be labels or end the line."""
    return [word for word in _BLANKS.split(text) if word and word != "</s>" and not word.startswith("__label__")]


def _group_of(item: dict[str, Any]) -> str:
    url, source = item.get("url"), item.get("source")
    if isinstance(url, str):
        try:
            if host := urlsplit(url).hostname:
                return host
        except ValueError:  # no address
            pass
    return source if isinstance(source, str) else ""
