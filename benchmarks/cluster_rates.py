"""What tasks of each phase take, measured: the figures by which `benchmarks.cluster` lets simulated tasks take time.

    python -m benchmarks.cluster_rates --input pages.warc.gz > benchmarks/cluster_rates.json

Runs over made documents of 600 words (4 kB, a page's text) with the stages of `configs/cc.yaml` but extraction and
heuristics, every exchange merged: next to no documents in S shards and in 4 S, which says what a task takes in any
case, and a task over all shards by shard; then many in S, which says what a document takes. A last run over real pages
says what a page takes in the text pass. Seconds are CPU seconds, as manifests note them. The spread is that of seconds
in the text pass over shards of as many documents: half of what lies between the 16th and the 84th percentile of their
logarithms, which is the standard deviation of a normal distribution.

The figures that are kept were measured twice, before manifests noted CPU seconds, as seconds by the clock scaled to the
CPU seconds of the whole run; of each the larger one is taken. Some sixteen processes shared the machine's two cores.
"""

import json
import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser

WORDS, VOCABULARY = 600, 50_000
STAGES: list[Any] = [
    {"unicode": {}},
    {"lines": {}},
    {"language": {}},
    {"exact_dedup": {}},
    {"minhash": {"bands": 14, "rows": 8}},
    {"remix": {"by": "domain", "max_epochs": 4}},
    {"tokenizer": {"train": {"vocab": 2000, "special": 15, "sample_bytes": 20e6}}},
    {"pack": {"length": 4096}},
]
"""those of `configs/cc.yaml` that don't judge by a document's words: all documents go through all of them"""


def write_shard(path: Path, shard: int, documents: int) -> None:
    """Documents of words that are as frequent as those of a language (Zipf's law); three in ten are the one before
    with a word changed."""
    import numpy as np

    rng = np.random.default_rng([11, shard])
    words = np.array([f"w{word:x}" for word in range(VOCABULARY)])
    frequencies = 1 / np.arange(1, VOCABULARY + 1)
    drawn = rng.choice(VOCABULARY, (documents, WORDS), p=frequencies / frequencies.sum())
    copies = np.flatnonzero(rng.random(documents) < 0.3)
    copies = copies[copies > 0]
    drawn[copies] = drawn[copies - 1]
    drawn[copies, rng.integers(0, WORDS, len(copies))] = 0
    with path.open("w") as file:
        for row in words[drawn].tolist():
            lines = [" ".join(row[start : start + 30]) + "." for start in range(0, WORDS, 30)]
            file.write(json.dumps({"text": "\n".join(lines)}) + "\n")


def made(measure: Measure, paths: list[str], documents: int, shards: int, directory: str) -> Result:
    """Seconds and bytes of each phase of a run over made documents."""
    from benchmarks.engine import run_config
    from dspipe.stages.minhash import stage

    stage.MANY_PARTITIONS = 1  # components as those of large corpora
    folder = Path(tempfile.mkdtemp(dir=directory))
    for number in range(shards):
        write_shard(folder / f"{number:05d}.jsonl", number, documents // shards)
    source = {"name": "made", "format": "jsonl", "path": f"{folder}/*.jsonl"}
    engine = {"kind": "inline", "memory": 512 << 20, "merge_above": 1}
    values = {"output": f"{folder}/run", "engine": engine, "sources": [source], "stages": STAGES}
    result = measure(lambda: run_config(values))
    found: Result = {}
    for phase in result.phases:
        manifests = result.store.read_json_many(phase.manifests)
        found[phase.name] = {
            "over": phase.over,
            "tasks": phase.tasks,
            "seconds": phase.cpu_seconds,
            "bytes": phase.bytes_written,
            "sent": sum(f["bytes"] for manifest in manifests for f in manifest["files"] if f["kind"] == "exchange"),
            "each": [manifest["cpu_seconds"] for manifest in manifests],
        }
    return found


def pages(measure: Measure, paths: list[str], directory: str) -> Result:
    """CPU seconds that a page takes in the text pass, extraction and reading and all, and when it is judged."""
    from benchmarks.engine import run_config

    rules = {"heuristics": {"rules": ["gopher", "c4", "fineweb"]}}
    stages = [{"extract": {}}, *STAGES[:3], rules, *STAGES[3:5]]
    source = {"name": "web", "format": "warc", "path": [str(Path(path).resolve()) for path in paths]}

    def run(name: str) -> Any:
        return run_config({"output": f"{directory}/{name}", "sources": [source], "stages": stages})

    run("compiled")
    result = measure(lambda: run("measured"))
    phases = {phase.name: phase for phase in result.phases}
    read = phases["documents"].counters["read"]
    judge = {  # of so few pages: all for its task
        "task_s": phases["judge"].cpu_seconds / phases["judge"].tasks,
        "document_s": 0.0,
        "shard_s": 0.0,
        "document_bytes": phases["judge"].bytes_written / read,
        "document_bytes_sent": 0.0,
    }
    return {"seconds": phases["documents"].cpu_seconds / read, "judge": judge}


def solve(empty: Result, empty_4: Result, full: Result, documents: int, shards: int) -> dict[str, dict[str, float]]:
    """Of each phase the seconds that every task takes, and those for each document, and for each shard."""
    rates = {}
    for name, one in empty.items():
        by_shard = max(0.0, empty_4[name]["seconds"] - one["seconds"]) / (3 * shards) if one["over"] == "once" else 0
        rates[name] = {
            "task_s": max(0.0, one["seconds"] / one["tasks"] - by_shard * shards),
            "document_s": max(0.0, full[name]["seconds"] - one["seconds"]) / documents,
            "shard_s": by_shard,
            "document_bytes": max(0, full[name]["bytes"] - one["bytes"]) / documents,
            "document_bytes_sent": max(0, full[name]["sent"] - one["sent"]) / documents,
        }
    return rates


def main() -> None:
    """Measure, and print what was found."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--documents", type=int, default=12_000)
    options.add_argument("--shards", type=int, default=24)
    given = options.parse_args()
    given.repeat = 1
    documents, shards = given.documents, given.shards
    with tempfile.TemporaryDirectory() as directory:
        sizes = ((2 * shards, shards), (2 * shards, shards), (8 * shards, 4 * shards), (documents, shards))
        runs = [
            contest("benchmarks.cluster_rates:made", given, sys.executable, documents=n, shards=s, directory=directory)
            for n, s in sizes  # the first compiles
        ]
        page = contest("benchmarks.cluster_rates:pages", given, sys.executable, directory=directory)
    _, empty, empty_4, full = [{k: v for k, v in run.items() if isinstance(v, dict)} for run in runs]
    logs = [math.log(seconds) for seconds in full["documents"]["each"]]
    cuts = statistics.quantiles(logs, n=100)
    spread, phases = (cuts[83] - cuts[15]) / 2, solve(empty, empty_4, full, documents, shards)
    phases["judge"] = page["judge"]
    print(json.dumps({"page_s": page["seconds"], "spread": spread, "phases": phases}, indent=1))


if __name__ == "__main__":
    main()
