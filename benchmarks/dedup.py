"""The whole near-duplicate removal, from files to verdicts: MB of text per CPU second and peak memory.

    python -m benchmarks.dedup --input A.jsonl.zst

Here: read, sign, exchange, verify, cluster, verdicts, by the engine in one process. datatrove: its four steps
(signature, buckets, cluster, filter) with its local executor, one worker. Both read the same documents from JSON lines
on disk and use 14 bands of 8 rows over shingles of five words. A tenth of the documents is added once more with small
edits, so that there is something to find. datatrove gets fewer documents: it takes minutes for what takes seconds here.
"""

import json
import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

BANDS, ROWS, SHINGLE = 14, 8, 5


def write_corpus(paths: Sequence[str], mb: float, target: Path) -> float:
    """Write the documents and the edited copies as JSON lines; the MB of their texts."""
    choose = random.Random(1)
    texts = [text for text in read_texts(paths, mb) if text.strip()]
    for text in choose.sample(texts, len(texts) // 10):
        words = text.split(" ")
        for _ in range(max(1, len(words) // 500)):
            words[choose.randrange(len(words))] = "edited"
        texts.append(" ".join(words))
    choose.shuffle(texts)
    with target.open("w", encoding="utf-8") as file:
        for place, text in enumerate(texts):
            file.write(json.dumps({"id": str(place), "text": text}) + "\n")
    return sum(len(text.encode()) for text in texts) / 1e6


def dspipe(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """A run with the stage `minhash` alone."""
    from benchmarks.engine import run_config

    with tempfile.TemporaryDirectory() as directory:
        size = write_corpus(paths, mb, Path(directory) / "corpus.jsonl")

        def run(number: list[int]) -> Any:
            number[0] += 1
            result = run_config(
                {
                    "output": f"{directory}/run{number[0]}",
                    "sources": [{"name": "corpus", "format": "jsonl", "path": f"{directory}/corpus.jsonl"}],
                    "stages": [{"minhash": {"shingle": SHINGLE, "bands": BANDS, "rows": ROWS}}],
                }
            )
            return next(phase for phase in result.phases if phase.name == "minhash.verdicts")

        numbers = [0]
        run(numbers)
        phase = measure(partial(run, numbers))
    (entry,) = phase.funnel
    speed = size / measure.cpu_s
    return {"mb": size, "mb_s": speed, "documents": entry.entered.documents, "dropped": entry.all_dropped().documents}


def datatrove(measure: Measure, paths: Sequence[str], mb: float) -> Result:
    """datatrove's four steps."""
    import shutil

    import xxhash
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    settings = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "in"
        source.mkdir()
        size = write_corpus(paths, mb, source / "corpus.jsonl")
        work = Path(directory) / "work"

        def run() -> Path:
            shutil.rmtree(work, ignore_errors=True)
            signature = MinhashDedupSignature(f"{work}/signatures", settings)
            # datatrove 0.10 hands strings to xxhash, which takes only bytes since version 4
            signature._hash_func = lambda shingle: xxhash.xxh64_intdigest(shingle.encode())
            kept = JsonlWriter(f"{work}/kept", compression=None)
            steps: list[tuple[list[Any], int]] = [
                ([JsonlReader(str(source)), signature], 1),
                ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=settings)], BANDS),
                ([MinhashDedupCluster(f"{work}/buckets", f"{work}/removed", config=settings)], 1),
                ([JsonlReader(str(source)), MinhashDedupFilter(f"{work}/removed"), kept], 1),
            ]
            for number, (pipeline, tasks) in enumerate(steps):
                LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{work}/logs{number}").run()
            return work

        measure(run)
        documents = sum(1 for _ in (source / "corpus.jsonl").open())
        kept_files = list((work / "kept").rglob("*.jsonl"))
        left = sum(1 for file in kept_files for _ in file.open())
    return {"mb": size, "mb_s": size / measure.cpu_s, "documents": documents, "dropped": documents - left}


def main() -> None:
    """Run both, and once more this project on what datatrove was given."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--datatrove-mb", type=float, default=2, help="datatrove gets at most this many MB")
    given = options.parse_args()
    result: Result = {"dspipe": contest("benchmarks.dedup:dspipe", given, mb=given.mb)}
    result["dspipe, same part"] = contest("benchmarks.dedup:dspipe", given, mb=given.datatrove_mb)
    given.repeat = 1
    result["datatrove"] = contest("benchmarks.dedup:datatrove", given, given.peer_python, mb=given.datatrove_mb)
    if "mb_s" in result["datatrove"]:
        for name in ("dspipe", "dspipe, same part"):
            result[name]["times_faster"] = result[name]["mb_s"] / result["datatrove"]["mb_s"]
    columns = ("mb", "mb_s", "times_faster", "peak_mb", "documents", "dropped")
    report(given, result, columns, "Near-duplicate removal from files to verdicts, MB of text per CPU second")


if __name__ == "__main__":
    main()
