"""How far two labellers of the same documents agree, and where they don't."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.measures import Int64, confusion, kappa
from dspipe.stages.shared.json_lines import json_objects

KEYS = ("id", "url")
SHOWN_NAMES = 3


@dataclass(frozen=True)
class Labelled:
    """One document of one labeller."""

    label: str
    text: str


@dataclass(frozen=True)
class Disagreement:
    """A document with two labels."""

    key: str
    one: str
    other: str
    text: str


@dataclass(frozen=True)
class Agreement:
    """What two labellers say of the documents that both have."""

    labels: list[str]
    """in the order of the confusion matrix: by number where all are numbers"""
    counts: Int64
    """int64 [labels, labels], the first labeller's by rows"""
    disagreements: list[Disagreement]
    """the farthest apart first where labels are numbers"""
    alone: tuple[int, int]
    """documents that only one of the two has"""
    ordinal: bool
    """all labels are whole numbers"""

    def as_json(self) -> dict[str, Any]:
        """JSON values; weighted kappas where labels are numbers."""
        weighted = {name: kappa(self.counts, name) for name in ("linear", "quadratic")} if self.ordinal else {}
        total = int(self.counts.sum())
        return {
            "documents": total,
            "only_in_first": self.alone[0],
            "only_in_second": self.alone[1],
            "agreement": float(np.trace(self.counts) / total),
            "kappa": kappa(self.counts),
            **{f"{name}_kappa": value for name, value in weighted.items()},
            "labels": self.labels,
            "confusion": self.counts.tolist(),
            "disagreements": [vars(one) for one in self.disagreements],
        }


def compare(one: Path, other: Path, label_field: str = "label", text_field: str = "text") -> Agreement:
    """Compare the labels of two files by the documents' ids, or by their URLs where there are no ids.

    Raises ConfigError for a document without a label or without either, for one that a file has twice with different
    labels, and where the files have none in common.
    """
    first, second = (_read(path, label_field, text_field) for path in (one, other))
    common = [key for key in first if key in second]
    if not common:
        raise ConfigError(
            f"{one} and {other} have no document in common: the first has {_some(first)}, the second {_some(second)}"
        )
    pairs = [(first[key].label, second[key].label) for key in common]
    names = {label for pair in pairs for label in pair}
    ordinal = all(name.removeprefix("-").isdecimal() for name in names)
    if ordinal:  # with the grades between them that nobody gave: they count in how far labels are apart
        lowest, highest = min(map(int, names)), max(map(int, names))
        ordinal = highest - lowest < 100
    labels = [str(level) for level in range(lowest, highest + 1)] if ordinal else sorted(names)
    place = {label: number for number, label in enumerate(labels)}
    a, b = np.array([[place[x], place[y]] for x, y in pairs], np.int64).T
    found = [
        Disagreement(key, *pair, first[key].text or second[key].text)
        for key, pair in zip(common, pairs, strict=True)
        if pair[0] != pair[1]
    ]
    often = Counter((one.one, one.other) for one in found)
    found.sort(key=lambda d: -abs(place[d.one] - place[d.other]) if ordinal else -often[d.one, d.other])
    alone = len(first) - len(common), len(second) - len(common)
    return Agreement(labels, confusion(a, b, len(labels)), found, alone, ordinal)


def _read(path: Path, label_field: str, text_field: str) -> dict[str, Labelled]:
    found = dict[str, Labelled]()
    for number, item in json_objects(path):
        place = f"{path}, line {number}"
        key = next((str(item[name]) for name in KEYS if item.get(name) not in (None, "")), None)
        if key is None:
            raise ConfigError(f"{place}: neither an id nor a url, by which labels are compared")
        label = item.get(label_field)
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if not isinstance(label, (str, int)) or isinstance(label, bool):
            fields = ", ".join(sorted(map(str, item))[:12])
            said = "no label" if label is None else f"the label {label!r}, neither a string nor a whole number"
            raise ConfigError(f"{place}: {said} in the field {label_field}; its fields are {fields}")
        if key in found and found[key].label != str(label):
            raise ConfigError(f"{place}: {key} stands in this file twice, as {found[key].label} and as {label}")
        text = item.get(text_field)
        found[key] = Labelled(str(label), text if isinstance(text, str) else "")
    if not found:
        raise ConfigError(f"{path}: no documents")
    return found


def _some(found: dict[str, Labelled]) -> str:
    names = list(found)[:SHOWN_NAMES]
    return ", ".join(names) + (", ..." if len(found) > SHOWN_NAMES else "")
