"""Precision and recall of near-duplicate removal against exact Jaccard similarities, at thresholds 0.7, 0.8 and 0.9.

    python -m benchmarks.dedup_quality --pairs P.jsonl.zst --pages W.warc.gz ...

The pages' main text is taken, and the Jaccard similarity of the sets of five-word shingles (a word, or one CJK
character) is computed by brute force for every two pages. A true pair is one at or above the threshold. Per threshold t
the stage is run as `minhash: {threshold: t}`, with a margin of one standard error, and with `verify: exact`:

    recall           share of the true pairs that share a band and whose signatures agree in t of their places; with
                     `verify: exact` in so many that they are proposed
    theory           what recall is expected for pairs of these similarities, by the binomial distribution: that a band
                     is equal and that so many of all places are
    theory_bands     the same for the bands alone: what is lost from there to `theory` is lost by the comparison, whose
                     estimate falls short of t for half of the pairs that are just t alike
    draws, draws_sd  mean and standard deviation of the recall over 16 other draws of the permutations. The pairs of a
                     cluster share their documents and so their luck; the mean is what `theory` must be compared with
    precision        share of the pairs found that are true; with `verify: exact` of the pairs of a document dropped
    near             share of the pairs found that are true or less than 0.05 below the threshold
    labelled_recall  recall among the pairs of the file alone, by the similarity that the file states
    dropped          documents that the whole stage dropped
    dropped_true     share of them whose similarity to their kept copy is at or above the threshold
    pairs_resolved   share of the true pairs of which the whole stage left at most one document
    read_again       texts that were read a second time
    cpu_s            CPU seconds of the whole run, text pass and all; the median of three

Then `containment: 0.9`, at the threshold 0.8, beside `verify: exact` alone:

    pages            the pages as they are; contained are those of whose shingles 0.9 are in a larger one to which they
                     aren't 0.8 alike
    footer F         each page a second time, followed by F times as many words as it has
    contained        how many pages are contained in another one
    recall           share of them that the stage dropped
    dropped_true     share of what was dropped that is alike or contained, as its reason says
"""

import statistics
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from benchmarks.common import Result, bare_parser, read_documents, report
from benchmarks.dedup_truth import NOTHING, Dropped, Likeness, Pairs, exact_pairs, labelled_pairs, run_stage, shingles

THRESHOLDS = (0.7, 0.8, 0.9)
MARGIN = 0.04
"""the standard error of 128 permutations at a similarity of 0.7"""
DRAWS = 16
"""other draws of the permutations"""
CONTAINMENT = 0.9
FOOTERS = (0.25, 0.5, 1, 2, 4)


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


def likeness(exact: Pairs, a: int, b: int) -> Likeness:
    """What two texts have in common."""
    return exact.get((min(a, b), max(a, b)), NOTHING)


def run_often(texts: Sequence[str], settings: dict[str, Any]) -> tuple[Dropped, float]:
    """What the stage dropped, and the median of its CPU seconds."""
    runs = [run_stage(texts, settings) for _ in range(3)]
    return runs[0], statistics.median(run.cpu_s for run in runs)


def share(chosen: Iterable[bool]) -> float | None:
    """The share of the values that are true; None where there is none."""
    values = list(chosen)
    return sum(values) / len(values) if values else None


def quality(
    texts: list[str], exact: Pairs, labelled: dict[tuple[int, int], float], threshold: float, more: dict[str, Any]
) -> Result:
    """The row of one threshold, with more settings."""
    import numpy as np
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.dedup.minhash import band_keys, signatures
    from dspipe.kernels.dedup.near_pairs import agreements
    from dspipe.pipeline.config.discovery import make_stage

    settings = {"threshold": threshold, **more}
    stage: Any = make_stage("minhash", settings, 0)
    (bands, rows), width = stage.banding.shape, stage.banding.permutations
    least = stage.banding.min_agreement_to_propose if stage.exact else stage.banding.min_agreement
    drawn, _ = signatures(*text_buffers(pa.array(texts, pa.large_string())), 5, width * (1 + DRAWS))

    def found(pairs: list[tuple[int, int]], draw: int = 0) -> list[tuple[int, int]]:
        """Draw 0 is the stage's own."""
        signed = np.ascontiguousarray(drawn[:, draw * width : (draw + 1) * width])
        keys = band_keys(signed, bands, rows)
        left, right = np.array(pairs, np.int64).reshape(-1, 2).T
        candidates = (keys[left] == keys[right]).any(axis=1)
        alike = agreements(signed, left, right) >= least
        return [pairs[place] for place in np.flatnonzero(candidates & alike)]

    true = [pair for pair, (similarity, _) in exact.items() if similarity >= threshold]
    if not true:
        return {"true_pairs": 0}
    dropped, cpu_s = run_often(texts, settings)
    hits = [(min(pair), max(pair)) for pair in dropped.keepers.items()] if stage.exact else found(list(exact))
    labels = [pair for pair, similarity in labelled.items() if similarity >= threshold]
    similarities, counts = np.unique([round(exact[pair].similarity, 3) for pair in true], return_counts=True)
    curve = [probability(similarity, bands, rows, width, least) for similarity in similarities]
    draws = [len(found(true, draw)) / len(true) for draw in range(1, 1 + DRAWS)]
    return {
        "bands": bands,
        "rows": rows,
        "true_pairs": len(true),
        "recall": len(found(true)) / len(true),
        "theory": float(np.average(curve, weights=counts)),
        "theory_bands": float(np.average(1 - (1 - similarities**rows) ** bands, weights=counts)),
        "draws": float(np.mean(draws)),
        "draws_sd": float(np.std(draws)),
        "precision": share(likeness(exact, *pair).similarity >= threshold for pair in hits),
        "near": share(likeness(exact, *pair).similarity >= threshold - 0.05 for pair in hits),
        "labelled_recall": len(found(labels)) / len(labels) if labels else None,
        "dropped": len(dropped.keepers),
        "dropped_true": share(likeness(exact, *pair).similarity >= threshold for pair in dropped.keepers.items()),
        "pairs_resolved": share(a in dropped.keepers or b in dropped.keepers for a, b in true),
        "read_again": dropped.texts_read,
        "cpu_s": cpu_s,
    }


def containment(
    texts: list[str], exact: Pairs, contained: Collection[int], threshold: float, settings: dict[str, Any]
) -> Result:
    """How many of the texts that are contained in another one the stage drops."""
    dropped, cpu_s = run_often(texts, {"threshold": threshold, "verify": "exact", **settings})

    def is_true(place: int, keeper: int) -> bool:
        known = likeness(exact, place, keeper)
        if known is NOTHING:  # a footer: these pairs are too many to list
            a, b = shingles(texts[place]), shingles(texts[keeper])
            known = Likeness(len(a & b) / max(1, len(a | b)), len(a & b) / max(1, len(a)))
        least = CONTAINMENT if dropped.reasons[place].endswith(".contained") else threshold
        return (known.contained if least == CONTAINMENT else known.similarity) >= least

    return {
        "contained": len(contained),
        "recall": share(place in dropped.keepers for place in contained),
        "dropped": len(dropped.keepers),
        "dropped_true": share(is_true(*pair) for pair in dropped.keepers.items()),
        "read_again": dropped.texts_read,
        "cpu_s": cpu_s,
    }


def with_footers(texts: Sequence[str], times: float) -> list[str]:
    """Each text followed by another's words, spelt backwards so that it is like no page, so many times as many."""
    words = [[word[::-1] for word in text.split()] for text in texts]
    footed = []
    for place, text in enumerate(texts):
        wanted, footer, other = round(times * len(words[place])), list[str](), place
        while len(footer) < wanted:
            other = (other + 7) % len(texts)
            footer += words[other]
        footed.append(f"{text}\n{' '.join(footer[:wanted])}")
    return footed


def main() -> None:
    """Print the tables."""
    options = bare_parser(__doc__.splitlines()[0])
    options.add_argument("--pairs", required=True, help=".jsonl.zst with a, b (addresses) and jaccard_word5")
    options.add_argument("--pages", nargs="+", required=True, metavar="FILE", help=".warc.gz files with the pages")
    given = options.parse_args()
    pages = [page for page in read_documents(given.pages) if page["text"].strip()]
    texts = [page["text"] for page in pages]
    places = {page["url"]: place for place, page in enumerate(pages)}
    exact = exact_pairs(texts)
    labelled = dict(labelled_pairs(given.pairs, places))
    run_stage(texts, {"verify": "exact", "containment": CONTAINMENT})  # kernels are compiled
    run_stage(texts, {})
    result: Result = {}
    kinds: dict[str, dict[str, Any]] = {
        "": {}, f", margin {MARGIN}": {"margin": MARGIN}, ", exact": {"verify": "exact"}
    }  # fmt: skip
    for name, settings in kinds.items():
        for threshold in THRESHOLDS:
            result[f"{threshold}{name}"] = quality(texts, exact, labelled, threshold, settings)
    pairs = [pair for pair, (alike, contained) in exact.items() if contained >= CONTAINMENT and alike < 0.8]
    inside = {min(pair, key=lambda place: len(shingles(texts[place]))) for pair in pairs}
    for name, settings in {"exact": {}, f"containment {CONTAINMENT}": {"containment": CONTAINMENT}}.items():
        result[f"pages, {name}"] = containment(texts, exact, inside, 0.8, settings)
        for times in FOOTERS:
            twice = [*texts, *with_footers(texts, times)]
            result[f"footer {times}, {name}"] = containment(twice, exact, range(len(texts)), 0.8, settings)
    result["pages"] = len(pages)
    result["labelled pairs"] = len(labelled)
    columns = ("bands", "rows", "true_pairs", "contained", "recall", "theory", "theory_bands", "draws",
               "draws_sd", "precision", "near", "labelled_recall", "dropped", "dropped_true", "pairs_resolved",
               "read_again", "cpu_s")  # fmt: skip
    report(given, result, columns, "Near-duplicates against exact Jaccard similarity, by threshold")


if __name__ == "__main__":
    main()
