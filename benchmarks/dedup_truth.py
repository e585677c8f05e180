"""Near-duplicates by brute force, for benchmarks: which pairs of texts are alike, and which are inside each other."""

import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FAINTEST = 0.3
"""pairs less alike than this, and in which neither is INSIDE the other, are not listed"""
INSIDE = 0.5
_UNIT = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]|(?:(?![぀-ヿ㐀-䶿一-鿿豈-﫿])[^\W_])+")


class Likeness(NamedTuple):
    """What two texts have in common."""

    similarity: float
    """Jaccard, of their sets of shingles"""
    contained: float
    """the share of the smaller set that is in the larger one"""


NOTHING = Likeness(0.0, 0.0)
Pairs = dict[tuple[int, int], Likeness]
"""by the places of both texts, the smaller first"""


def shingles(text: str) -> set[tuple[str, ...]]:
    """The text's five-word shingles; all its words, when there are fewer."""
    units = _UNIT.findall(text.lower())
    if len(units) <= 5:
        return {tuple(units)} if units else set()
    return set(zip(*(units[k:] for k in range(5)), strict=False))


def exact_pairs(texts: Sequence[str]) -> Pairs:
    """The likeness of every two texts that have much in common, by an inverted index."""
    import numpy as np

    postings: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sets = [shingles(text) for text in texts]
    for place, found in enumerate(sets):
        for shingle in found:
            postings[shingle].append(place)
    sizes = np.array([len(found) for found in sets])
    pairs = {}
    for place, found in enumerate(sets):
        others = [postings[shingle] for shingle in found]
        shared = np.bincount(np.concatenate(others), minlength=len(texts)) if others else np.zeros(len(texts))
        similarity = shared / np.maximum(1, sizes + sizes[place] - shared)
        contained = shared / np.maximum(1, np.minimum(sizes, sizes[place]))
        for other in np.flatnonzero((similarity >= FAINTEST) | (contained >= INSIDE)):
            if other > place:
                pairs[place, int(other)] = Likeness(float(similarity[other]), float(contained[other]))
    return pairs


class Dropped(NamedTuple):
    """What the whole stage did."""

    keepers: dict[int, int]
    """by the place of a text that was dropped, its kept copy's"""
    reasons: dict[int, str]
    cpu_s: float
    """of the run, text pass and all"""
    texts_read: int
    """how many texts were read a second time"""


def run_stage(texts: Sequence[str], settings: dict[str, Any]) -> Dropped:
    """The whole stage over the texts in one shard."""
    import pyarrow.parquet as pq

    from benchmarks.engine import run_config

    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "pages.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        start = time.process_time()
        result = run_config(
            {
                "output": f"{directory}/run",
                "sources": [{"name": "pages", "format": "jsonl", "path": str(source)}],
                "stages": [{"minhash": settings}],
            }
        )
        cpu_s = time.process_time() - start
        phases = {phase.name: phase for phase in result.phases}
        (manifest,) = phases["minhash.verdicts"].manifests
        columns = {}
        for name in ("minhash.keeper", "reason"):
            file, _ = result.store.read_json(manifest)["columns"][name]
            columns[name] = pq.read_table(result.store.path(file), columns=[name]).column(0).to_pylist()
        read = phases["minhash.members"].counters.get("documents", 0)
    keepers = {place: keeper for place, keeper in enumerate(columns["minhash.keeper"]) if keeper is not None}
    return Dropped(keepers, {place: columns["reason"][place] for place in keepers}, cpu_s, read)


def labelled_pairs(path: str, places: dict[str, int]) -> Iterator[tuple[tuple[int, int], float]]:
    """The pairs of a file of labels whose two pages are there, and the similarity that it states."""
    import zstandard

    with zstandard.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            if pair["a"] in places and pair["b"] in places:
                a, b = sorted((places[pair["a"]], places[pair["b"]]))
                yield (a, b), pair["jaccard_word5"]
