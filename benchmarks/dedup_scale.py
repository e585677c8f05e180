"""Near-duplicate removal of millions of short generated documents: seconds per million, and peak memory.

    python -m benchmarks.dedup_scale --documents 1e6 1e7
    python -m benchmarks.dedup_scale --documents 1e6 --model 3e9 3e11      what corpora of these sizes would take

Documents of 20 made-up words in shards of 50,000; three tenths are copies of an earlier document with one word changed
at its end, and one in a thousand is a copy of the same page, so that one cluster grows with the corpus. Each size runs
in a process of its own, by the engine in that process, with 256 MB for a worker. Generating is not counted; reading is.
With `--model` the first size is run once more with all exchanges merged, and `benchmarks.dedup_model` says the rest.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report
from benchmarks.dedup_model import Corpus, measured, modelled

SHARD = 50_000
WORDS = 20
MEMORY = 256 << 20


def write_shard(path: Path, shard: int, documents: int) -> None:
    """Generate one shard of JSON lines, by the shard's number alone."""
    import numpy as np

    rng = np.random.default_rng([7, shard])
    words = rng.integers(0, 1 << 30, (documents, WORDS))
    copies = rng.random(documents) < 0.3
    copies[0] = False
    earlier = (rng.random(documents) * np.arange(documents)).astype(np.int64)
    # a copy of a copy is a copy of the first: chains are not what is measured here
    while copies[earlier[copies]].any():
        earlier = np.where(copies[earlier], earlier[earlier], earlier)
    words[copies, : WORDS - 1] = words[earlier[copies], : WORDS - 1]
    words[rng.random(documents) < 0.001] = np.arange(WORDS)
    with path.open("w") as file:
        for row in words.tolist():
            file.write('{"text": "' + " ".join(f"w{word:x}" for word in row) + '"}\n')


def run(measure: Measure, documents: int, directory: str, **engine: int) -> Any:
    """A run with the stage `minhash` alone."""
    from benchmarks.engine import run_config

    sources = Path(directory) / f"{documents}"
    sources.mkdir()
    for shard in range(-(-documents // SHARD)):
        write_shard(sources / f"{shard:05d}.jsonl", shard, min(SHARD, documents - shard * SHARD))
    return measure(
        lambda: run_config(
            {
                "output": f"{sources}/run",
                "engine": {"kind": "inline", "memory": MEMORY, **engine},
                "sources": [{"name": "made", "format": "jsonl", "path": f"{sources}/*.jsonl"}],
                "stages": [{"minhash": {}}],
            }
        )
    )


def dspipe(measure: Measure, paths: list[str], documents: int, directory: str) -> Result:
    """Time and memory of a run."""
    result = run(measure, documents, directory)
    phases = {phase.name: phase for phase in result.phases}
    (entry,) = phases["minhash.verdicts"].funnel
    seconds = {f"{name} s": phase.seconds for name, phase in phases.items()}
    stored = sum(phase.bytes_written for name, phase in phases.items() if name != "documents")
    return {
        "s_per_million": measure.cpu_s / documents * 1e6,
        "wall_s_per_million": measure.wall_s / documents * 1e6,
        "dropped": entry.all_dropped().documents,
        "exchange_bytes_per_document": stored / documents,
        **seconds,
    }


def for_model(measure: Measure, paths: list[str], documents: int, directory: str) -> Result:
    """What the model needs of a run with every exchange merged, and components spread as those of large corpora."""
    from dspipe.stages.minhash import stage

    stage.MANY_PARTITIONS = 1
    result = run(measure, documents, directory, merge_above=1)
    return measured(result, documents, measure.cpu_s)


def main() -> None:
    """Run every size."""
    options = parser_without_input(__doc__.splitlines()[0], "1.7 kB a document")
    options.add_argument("--documents", nargs="+", type=count, default=[10**6])
    options.add_argument("--model", nargs="+", type=count, default=[], metavar="DOCUMENTS")
    options.add_argument("--shards", type=count, default=90_000, help="of a modelled corpus")
    options.add_argument("--memory", type=count, default=2 << 30, help="of its workers")
    given = options.parse_args()
    result: Result = {}
    for documents in given.documents:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            answer = contest(
                "benchmarks.dedup_scale:dspipe", given, sys.executable, documents=documents, directory=directory
            )
        result[str(documents)] = answer
    columns = ("s_per_million", "wall_s_per_million", "peak_mb", "dropped", "exchange_bytes_per_document")
    if given.model:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            settings: dict[str, Any] = {"documents": given.documents[0], "directory": directory}
            figures = contest("benchmarks.dedup_scale:for_model", given, sys.executable, **settings)
        corpora = [Corpus(documents, given.shards, given.memory) for documents in given.model]
        result["model"] = {f"{corpus.documents:.0e}": modelled(figures, corpus) for corpus in corpora}
    if given.json:
        print(json.dumps(result))
        return
    model = result.pop("model", {})
    report(given, result, columns, "Near-duplicate removal by number of documents")
    for name in next(iter(model.values()), {}):
        print(f"{name:28}", *(f"{_shown(row[name]):>24}" for row in model.values()))


def _shown(value: Any) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
