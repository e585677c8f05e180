"""`embed` and `cluster`: how fast, and how well clusters match where texts come from.

    python -m benchmarks.clusters --input FILE.jsonl.zst ... [--model FOLDER] [--per-file 700] [--json]

Each input file is a class, its documents are sampled to at most `--per-file`. For hashed vectors, and for those of a
model where one is named: MB of text per CPU second of `embed`; CPU seconds of k-means over the vectors; purity (the
share of documents that are of their cluster's largest class) and NMI (normalized mutual information, by the arithmetic
mean) for as many clusters as classes and for twice as many, each the mean over three seeds. `kmeans_100k` is k-means
with 1,000 clusters over 100,000 vectors (the texts' own, repeated with noise), `assign` the vectors per CPU second that
are then put to their nearest of these.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_documents, report

SEEDS = 3


def clusters_of_texts(
    measure: Measure, paths: Sequence[str | Path], per_file: int = 700, model: str | None = None, large: bool = False
) -> Result:
    """Figures for vectors of one kind."""
    import numpy as np
    import pyarrow as pa

    from dspipe.kernels.vectors.clusters import nearest
    from dspipe.kernels.vectors.kmeans import find_centers
    from dspipe.pipeline.document import document_batch
    from dspipe.stages.cluster.vectors import vectors_of
    from dspipe.stages.embed.stage import EmbedConfig, EmbedStage

    texts, classes = _read(paths, per_file)
    stage = EmbedStage("embed", EmbedConfig(model=model))
    stage.set_up()
    stage.measure(document_batch(["a text to warm up with"]))
    batches = [document_batch(texts[first : first + 1000]) for first in range(0, len(texts), 1000)]
    made = measure(lambda: pa.chunked_array([stage.measure(batch).column("embed") for batch in batches]))
    result: Result = {"embed_mb_s": sum(len(text.encode()) for text in texts) / 1e6 / measure.cpu_s}
    known = made.is_valid().to_numpy()
    vectors, truth = vectors_of(made.combine_chunks().drop_null()), np.array(classes)[known]
    find_centers(vectors[:500], 3)
    for count in (len(paths), 2 * len(paths)):
        scores: list[tuple[float, float]] = []
        for seed in range(SEEDS):
            centers = measure_one(measure, lambda count=count, seed=seed: find_centers(vectors, count, 0.005, seed))
            scores.append(_agreement(truth, nearest(vectors, centers)[0]))
        purity, nmi = np.mean(scores, axis=0)
        result |= {f"purity_{count}": float(purity), f"nmi_{count}": float(nmi), f"kmeans_{count}_s": measure.cpu_s}
    if large:
        result |= _at_scale(measure, vectors)
    return result


def measure_one(measure: Measure, function: Any) -> Any:
    """`measure`, run once."""
    measure.repeat, repeat = 1, measure.repeat
    try:
        return measure(function)
    finally:
        measure.repeat = repeat


def _at_scale(measure: Measure, vectors: Any) -> Result:
    import numpy as np

    from dspipe.kernels.vectors.clusters import nearest
    from dspipe.kernels.vectors.kmeans import find_centers

    draw = np.random.default_rng(1)
    many = vectors[draw.integers(0, len(vectors), 100_000)].astype(np.int16) + draw.integers(-30, 31, (100_000, 1))
    many = (many + draw.integers(-30, 31, many.shape)).clip(-127, 127).astype(np.int8)
    centers = measure_one(measure, lambda: find_centers(many, 1000))
    result = {"kmeans_100k_s": measure.cpu_s}
    measure_one(measure, lambda: nearest(many, centers))
    return {**result, "assign_vectors_s": len(many) / measure.cpu_s}


def _agreement(truth: Any, found: Any) -> tuple[float, float]:
    """(purity, NMI)."""
    import numpy as np

    table = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(table, (truth, found), 1)
    joint = table / table.sum()
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    some = joint > 0
    mutual = (joint[some] * np.log(joint[some] / np.outer(rows, columns)[some])).sum()
    entropies = [-(part[part > 0] * np.log(part[part > 0])).sum() for part in (rows, columns)]
    return float(joint.max(axis=0).sum()), float(2 * mutual / sum(entropies))


def _read(paths: Sequence[str | Path], per_file: int) -> tuple[list[str], list[int]]:
    draw, texts, classes = random.Random(1), [], []
    for number, path in enumerate(paths):
        found = [document["text"] for document in read_documents([path])]
        found = draw.sample(found, min(per_file, len(found)))
        texts += found
        classes += [number] * len(found)
    return texts, classes


def main() -> None:
    """Run and print."""
    options = parser(str(__doc__).splitlines()[0])
    options.add_argument("--per-file", type=int, default=700, help="documents of each file, at most")
    options.add_argument("--model", help="folder with static vectors, to be compared")
    given = options.parse_args()
    contestant = "benchmarks.clusters:clusters_of_texts"
    result: dict[str, Any] = {"hashed": contest(contestant, given, per_file=given.per_file, large=True)}
    if given.model:
        result["static"] = contest(contestant, given, per_file=given.per_file, model=given.model)
    report(given, result, [name for name in result["hashed"] if name != "cpu_s"], "Clusters without labels")


if __name__ == "__main__":
    main()
