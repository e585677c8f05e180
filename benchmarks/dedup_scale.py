"""Near-duplicate removal of millions of short generated documents: seconds per million, and peak memory.

    python -m benchmarks.dedup_scale --documents 1e6 1e7

Documents of 20 made-up words in shards of 50,000; three tenths are copies of an earlier document with one word changed
at its end, and one in a thousand is a copy of the same page, so that one cluster grows with the corpus. Each size runs
in a process of its own, by the engine in that process, with 256 MB for a worker. Generating is not counted; reading is.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.common import Measure, Result, contest, report

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


def dspipe(measure: Measure, paths: list[str], documents: int, directory: str) -> Result:
    """A run with the stage `minhash` alone."""
    from benchmarks.engine import run_config

    sources = Path(directory) / f"{documents}"
    sources.mkdir()
    for shard in range(-(-documents // SHARD)):
        write_shard(sources / f"{shard:05d}.jsonl", shard, min(SHARD, documents - shard * SHARD))
    result = measure(
        lambda: run_config(
            {
                "output": f"{sources}/run",
                "engine": {"kind": "inline", "memory": MEMORY},
                "sources": [{"name": "made", "format": "jsonl", "path": f"{sources}/*.jsonl"}],
                "stages": [{"minhash": {}}],
            }
        )
    )
    phases = {phase.name: phase for phase in result.phases}
    (entry,) = phases["minhash.verdicts"].funnel
    seconds = {f"{name} s": phase.seconds for name, phase in phases.items()}
    stored = sum(phase.bytes_written for name, phase in phases.items() if name != "documents")
    return {
        "s_per_million": measure.cpu_s / documents * 1e6,
        "wall_s_per_million": measure.wall_s / documents * 1e6,
        "dropped": entry.dropped_documents(),
        "exchange_bytes_per_document": stored / documents,
        **seconds,
    }


def main() -> None:
    """Run every size."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--documents", nargs="+", type=lambda text: int(float(text)), default=[10**6])
    options.add_argument("--directory", default=tempfile.gettempdir(), help="room for 1.7 kB a document")
    options.add_argument("--json", action="store_true", help="one JSON object on standard output")
    given = options.parse_args()
    given.input, given.repeat = [], 1
    result: Result = {}
    for documents in given.documents:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            answer = contest(
                "benchmarks.dedup_scale:dspipe", given, sys.executable, documents=documents, directory=directory
            )
        result[str(documents)] = answer
    columns = ("s_per_million", "wall_s_per_million", "peak_mb", "dropped", "exchange_bytes_per_document")
    report(given, result, columns, "Near-duplicate removal by number of documents")


if __name__ == "__main__":
    main()
