"""Precision and recall of near-duplicate removal against exact Jaccard similarities, at thresholds 0.7, 0.8 and 0.9.

    python -m benchmarks.dedup_quality --pairs P.jsonl.zst --pages W.warc.gz ...

The pages' main text is taken, and the Jaccard similarity of the sets of five-word shingles (a word, or one CJK
character) is computed by brute force for every two pages. A true pair is one at or above the threshold. Per threshold t
the stage is run as `minhash: {threshold: t}`:

    recall           share of the true pairs that share a band and whose signatures agree in t of their places
    theory           what recall is expected for pairs of these similarities, by the binomial distribution: that a band
                     is equal and that t of all places are
    theory_bands     the same for the bands alone: what is lost from there to `theory` is lost by the comparison, whose
                     estimate falls short of t for half of the pairs that are just t alike
    draws, draws_sd  mean and standard deviation of the recall over 16 other draws of the permutations. The pairs of a
                     cluster share their documents and so their luck; the mean is what `theory` must be compared with
    precision        share of the pairs found that are true
    near             share of the pairs found that are true or less than 0.05 below the threshold
    labelled_recall  recall among the pairs of the file alone, by the similarity that the file states
    dropped          documents that the whole stage dropped
    dropped_true     share of them whose similarity to their kept copy is at or above the threshold
    pairs_resolved   share of the true pairs of which the whole stage left at most one document

Each threshold is also run with a margin of one standard error: more of the pairs near it are found, at the price of
some that are less alike.
"""

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import Result, read_documents, report

THRESHOLDS = (0.7, 0.8, 0.9)
MARGIN = 0.04
"""the standard error of 128 permutations at a similarity of 0.7"""
DRAWS = 16
"""other draws of the permutations"""
FAINTEST = 0.3
"""pairs less alike than this are never found and not listed"""
_UNIT = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]|(?:(?![぀-ヿ㐀-䶿一-鿿豈-﫿])[^\W_])+")

Pairs = dict[tuple[int, int], float]


def shingles(text: str) -> set[tuple[str, ...]]:
    """The text's five-word shingles; all its words, when there are fewer."""
    units = _UNIT.findall(text.lower())
    if len(units) <= 5:
        return {tuple(units)} if units else set()
    return set(zip(*(units[k:] for k in range(5)), strict=False))


def exact_pairs(texts: list[str]) -> Pairs:
    """The similarity of every two texts that are at all alike, by an inverted index."""
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
        for other in np.flatnonzero(similarity >= FAINTEST):
            if other > place:
                pairs[place, int(other)] = float(similarity[other])
    return pairs


def probability(similarity: float, bands: int, rows: int, permutations: int, least: int) -> float:
    """That two signatures share a band and agree in at least `least` places, by convolution over the bands."""
    import math

    import numpy as np

    def binomial(n: int) -> Any:
        return np.array([math.comb(n, k) * similarity**k * (1 - similarity) ** (n - k) for k in range(n + 1)])

    band = binomial(rows)
    broken = np.append(band[:-1], 0.0)
    all_of, none_of = binomial(permutations - bands * rows), binomial(permutations - bands * rows)
    for _ in range(bands):
        all_of, none_of = np.convolve(all_of, band), np.convolve(none_of, broken)
    return float((all_of - none_of)[least:].sum())


def run_stage(texts: list[str], settings: dict[str, Any]) -> dict[int, int]:
    """The whole stage over the texts in one shard: document dropped -> its kept copy."""
    import pyarrow.parquet as pq

    from benchmarks.engine import run_config

    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "pages.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        result = run_config(
            {
                "output": f"{directory}/run",
                "sources": [{"name": "pages", "format": "jsonl", "path": str(source)}],
                "stages": [{"minhash": settings}],
            }
        )
        (manifest,) = next(phase.manifests for phase in result.phases if phase.name == "minhash.verdicts")
        file, _ = result.store.read_json(manifest)["columns"]["minhash.keeper"]
        keepers = pq.read_table(result.store.path(file), columns=["minhash.keeper"]).column(0).to_pylist()
    return {place: keeper for place, keeper in enumerate(keepers) if keeper is not None}


def quality(texts: list[str], exact: Pairs, labelled: Pairs, threshold: float, margin: float) -> Result:
    """The row of one threshold and margin."""
    import numpy as np
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.dedup.minhash import band_keys, signatures
    from dspipe.kernels.dedup.near_pairs import agreements
    from dspipe.pipeline.config.discovery import make_stage

    settings = {"threshold": threshold, "margin": margin}
    stage: Any = make_stage("minhash", settings, 0)
    (bands, rows), width, least = stage.banding.cut, stage.banding.permutations, stage.banding.least
    drawn, _ = signatures(*text_buffers(pa.array(texts, pa.large_string())), 5, width * (1 + DRAWS))

    def found(pairs: list[tuple[int, int]], draw: int = 0) -> list[tuple[int, int]]:
        """Draw 0 is the stage's own."""
        signed = np.ascontiguousarray(drawn[:, draw * width : (draw + 1) * width])
        keys = band_keys(signed, bands, rows)
        left, right = np.array(pairs, np.int64).reshape(-1, 2).T
        candidates = (keys[left] == keys[right]).any(axis=1)
        alike = agreements(signed, left, right) >= least
        return [pairs[place] for place in np.flatnonzero(candidates & alike)]

    true = [pair for pair, similarity in exact.items() if similarity >= threshold]
    hits = found(list(exact))
    labels = [pair for pair, similarity in labelled.items() if similarity >= threshold]
    similarities, counts = np.unique([round(exact[pair], 3) for pair in true], return_counts=True)
    curve = [probability(similarity, bands, rows, width, least) for similarity in similarities]
    draws = [len(found(true, draw)) / len(true) for draw in range(1, 1 + DRAWS)]
    dropped = run_stage(texts, settings)
    kept_alike = [exact.get((min(pair), max(pair)), 0.0) >= threshold for pair in dropped.items()]
    return {
        "bands": bands,
        "rows": rows,
        "true_pairs": len(true),
        "recall": len(found(true)) / len(true),
        "theory": float(np.average(curve, weights=counts)),
        "theory_bands": float(np.average(1 - (1 - similarities**rows) ** bands, weights=counts)),
        "draws": float(np.mean(draws)),
        "draws_sd": float(np.std(draws)),
        "precision": sum(exact[pair] >= threshold for pair in hits) / len(hits),
        "near": sum(exact[pair] >= threshold - 0.05 for pair in hits) / len(hits),
        "labelled_recall": len(found(labels)) / len(labels) if labels else None,
        "dropped": len(dropped),
        "dropped_true": sum(kept_alike) / len(dropped),
        "pairs_resolved": sum(a in dropped or b in dropped for a, b in true) / len(true),
    }


def labelled_pairs(path: str, places: dict[str, int]) -> Iterator[tuple[tuple[int, int], float]]:
    """The pairs of the file whose two pages are there."""
    import zstandard

    with zstandard.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            if pair["a"] in places and pair["b"] in places:
                a, b = sorted((places[pair["a"]], places[pair["b"]]))
                yield (a, b), pair["jaccard_word5"]


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", required=True, help=".jsonl.zst with a, b (addresses) and jaccard_word5")
    options.add_argument("--pages", nargs="+", required=True, metavar="FILE", help=".warc.gz files with the pages")
    options.add_argument("--json", action="store_true", help="one JSON object on standard output")
    given = options.parse_args()
    pages = [page for page in read_documents(given.pages) if page["text"].strip()]
    texts = [page["text"] for page in pages]
    places = {page["url"]: place for place, page in enumerate(pages)}
    exact = exact_pairs(texts)
    labelled = dict(labelled_pairs(given.pairs, places))
    result: Result = {str(threshold): quality(texts, exact, labelled, threshold, 0) for threshold in THRESHOLDS}
    for threshold in THRESHOLDS:
        result[f"{threshold}, margin {MARGIN}"] = quality(texts, exact, labelled, threshold, MARGIN)
    result["pages"] = len(pages)
    result["labelled pairs"] = len(labelled)
    columns = ("bands", "rows", "true_pairs", "recall", "theory", "theory_bands", "draws", "draws_sd", "precision",
               "near", "labelled_recall", "dropped", "dropped_true", "pairs_resolved")  # fmt: skip
    report(given, result, columns, "Near-duplicates against exact Jaccard similarity, by threshold")


if __name__ == "__main__":
    main()
