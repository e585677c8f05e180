"""Near-duplicate removal of millions of short generated documents: seconds per million, and peak memory.

    python -m benchmarks.dedup_scale --documents 1e6 1e7
    python -m benchmarks.dedup_scale --documents 1e6 --model 3e9 3e11      what corpora of these sizes would take
    python -m benchmarks.dedup_scale --documents 1e8 --dumps 10            a tenth at a time, against what was kept

Documents of 20 made-up words in shards of 50,000; three tenths are copies of an earlier document with one word changed
at its end, and one in a thousand is a copy of the same page, so that one cluster grows with the corpus. Each size runs
in a process of its own, by the engine in that process, with 256 MB for a worker. Generating is not counted; reading is.
With `--model` the first size is run once more with all exchanges merged, and `benchmarks.dedup_model` says the rest.

With `--dumps` the corpus comes in parts: each is a run of its own with `index: true`, `against` those before it, and a
fifth of its documents are those of an earlier part. Of a run that is done, all is removed but what later runs read: its
index, and the files that lead to it. So the disk holds one part, and the indexes of the others. The truth is how many
documents have the words, but the last, of one before them.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report
from benchmarks.dedup_model import Corpus, measured, modelled

SHARD = 50_000
WORDS = 20
MEMORY = 256 << 20
SHARES = ("removed", "truth", "in_earlier", "removed_so_far", "truth_so_far")
SPACE = ("disk_gb", "run_bytes_per_document", "index_bytes_per_document")


def made_words(shard: int, documents: int) -> Any:
    """The words of a shard's documents, int64[documents, WORDS], by the shard's number alone."""
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
    return words


def words_of(shard: int, documents: int, earlier: int = 0) -> Any:
    """The words of a shard. A fifth of it is that fifth of one of the `earlier` shards, if there are."""
    import numpy as np

    words = made_words(shard, documents)
    if earlier:
        rng = np.random.default_rng([8, shard])
        again = made_words(int(rng.integers(earlier)), SHARD)[: documents // 5]
        words[rng.permutation(documents)[: len(again)]] = again
    return words


def write_shard(path: Path, words: Any) -> None:
    """One shard of JSON lines."""
    with path.open("w") as file:
        for row in words.tolist():
            file.write('{"text": "' + " ".join(f"w{word:x}" for word in row) + '"}\n')


def shards_of(dump: int, documents: int) -> Iterator[Any]:
    """The words of each shard of a dump."""
    shards = -(-documents // SHARD)
    for number in range(shards):
        yield words_of(dump * shards + number, min(SHARD, documents - number * SHARD), dump * shards)


def run(measure: Measure, documents: int, directory: str, **engine: int) -> Any:
    """A run with the stage `minhash` alone."""
    from benchmarks.engine import run_config

    sources = Path(directory) / f"{documents}"
    sources.mkdir()
    for shard in range(-(-documents // SHARD)):
        write_shard(sources / f"{shard:05d}.jsonl", made_words(shard, min(SHARD, documents - shard * SHARD)))
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


def one_dump(measure: Measure, paths: list[str], dump: int, documents: int, directory: str) -> Result:
    """A part of a corpus, against the parts before it; then what later parts don't need is removed."""
    from benchmarks.engine import run_config

    root, sources = Path(directory) / "runs", Path(directory) / "documents"
    sources.mkdir()
    for number, words in enumerate(shards_of(dump, documents)):
        write_shard(sources / f"{number:05d}.jsonl", words)
    output = root / f"dump-{dump}"
    against = [f"{root}/dump-{earlier}" for earlier in range(dump)]
    before = _size(root)
    result = measure(
        lambda: run_config(
            {
                "name": output.name,
                "output": str(output),
                "engine": {"kind": "inline", "memory": MEMORY, "index": False},
                "sources": [{"name": f"dump-{dump}", "format": "jsonl", "path": f"{sources}/*.jsonl"}],
                "stages": [{"minhash": {"index": True, "against": against}}],
            }
        )
    )
    used = _size(root)
    entries = [entry for phase in result.phases for entry in phase.funnel]
    phases = {
        phase.name: {
            "tasks": phase.tasks,
            "files": sum(1 for path in (output / phase.name).rglob("*") if path.is_file()),
            "cpu_s": phase.cpu_seconds,
            "written_gb": phase.bytes_written / 1e9,
            "peak_mb": phase.peak_bytes / 1e6,
        }
        for phase in result.phases
    }
    shutil.rmtree(sources)
    remove_all_but_index(output)
    return {
        "s_per_million": measure.cpu_s / documents * 1e6,
        "wall_s_per_million": measure.wall_s / documents * 1e6,
        "removed": 1 - entries[-1].kept.documents / documents,
        "in_earlier": entries[0].all_dropped().documents / documents if dump else 0.0,
        "disk_gb": used / 1e9,
        "run_bytes_per_document": (used - before) / documents,
        "index_bytes_per_document": _size(output) / documents,
        "phases": phases,
    }


def truth(measure: Measure, paths: list[str], dump: int, documents: int, directory: str) -> Result:
    """The share of a dump's documents that have all words but the last of one before them, in it or an earlier one."""
    import numpy as np

    factors = np.random.default_rng(9).integers(0, 1 << 63, WORDS - 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = [words[:, : WORDS - 1].astype(np.uint64) @ factors for words in shards_of(dump, documents)]
    kept = Path(directory) / "truth.npy"
    seen = np.load(kept) if dump else np.empty(0, np.uint64)
    np.save(kept, known := np.union1d(seen, np.concatenate(keys)))
    return {"truth": 1 - (len(known) - len(seen)) / documents}


def remove_all_but_index(output: Path) -> None:
    """Of a run's folder keep what `against` reads: the index, the report, and the files that name them."""
    from dspipe.pipeline.run.run_file import read_run

    _, file = read_run(str(output))
    kept = {
        name for artifact in ("minhash.index", "minhash.kept", "minhash.report") for name in file.artifacts[artifact]
    }
    kept |= {"run.json", "config.yaml"} | {phase.names for phase in file.phases}
    for path in output.rglob("*"):
        if path.is_file() and str(path.relative_to(output)) not in kept:
            path.unlink()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
    options.add_argument("--dumps", type=int, default=1, help="runs that the documents come in")
    options.add_argument("--model", nargs="+", type=count, default=[], metavar="DOCUMENTS")
    options.add_argument("--shards", type=count, default=90_000, help="of a modelled corpus")
    options.add_argument("--memory", type=count, default=2 << 30, help="of its workers")
    given = options.parse_args()
    result: Result = {}
    if given.dumps > 1:
        _by_dumps(given)
        return
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


def _by_dumps(given: Any) -> None:
    result: Result = {}
    phases: Result = {}
    documents = given.documents[0] // given.dumps
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        for dump in range(given.dumps):
            settings = {"dump": dump, "documents": documents, "directory": directory}
            row = contest("benchmarks.dedup_scale:one_dump", given, sys.executable, **settings)
            row["truth"] = contest("benchmarks.dedup_scale:truth", given, sys.executable, **settings)["truth"]
            print(json.dumps(row), file=sys.stderr)
            for name, figures in row.pop("phases").items():
                so_far = phases.setdefault(name, dict.fromkeys(figures, 0))
                phases[name] = {
                    key: max(so_far[key], value) if key == "peak_mb" else so_far[key] + value
                    for key, value in figures.items()
                }
            result[f"dump {dump + 1}"] = row
    _so_far(result)
    if given.json:
        print(json.dumps({"dumps": result, "phases": phases}))
        return
    title = f"{given.documents[0]:,} documents in {given.dumps} dumps, each against what was kept of those before it"
    report(given, result, ("s_per_million", "wall_s_per_million", "peak_mb", *SHARES, *SPACE), title)
    report(given, phases, ("tasks", "files", "cpu_s", "written_gb", "peak_mb"), "All dumps, by phase")


def _so_far(dumps: Result) -> None:
    """The shares of all documents until each dump, beside those of it alone; dumps are of one size."""
    sums = {"removed": 0.0, "truth": 0.0}
    for number, row in enumerate(dumps.values(), 1):
        for name in sums:
            sums[name] += row[name]
            row[f"{name}_so_far"] = sums[name] / number


def _shown(value: Any) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
