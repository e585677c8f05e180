"""Removal of long passages that stand elsewhere, from files to texts: MB of text per CPU second and peak memory.

    python -m benchmarks.repeated_spans --input A.jsonl.zst B.warc.gz

Here: the stage `repeated_spans`, by the engine in one process, from JSON lines to rewritten rows. The peer does the
same with one suffix array over everything, as the programs do that follow Lee et al. (2022): suffixes by libdivsufsort,
the lengths of common prefixes by Kasai's algorithm (both compiled, from pydivsufsort: half of its time), the rest in
numpy. (The paper's own program needs a Rust compiler, and datatrove's steps around it need that program.) Both cut the
same characters: their texts are compared byte for byte. `scan` is the kernel alone that finds anchors.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_texts, report


def write_corpus(paths: Sequence[str], mb: float, target: Path) -> float:
    """Write the documents as JSON lines; the MB of their texts."""
    size = 0
    with target.open("w", encoding="utf-8") as file:
        for place, text in enumerate(read_texts(paths, mb)):
            size += len(text.encode())
            file.write(json.dumps({"id": str(place), "text": text}) + "\n")
    return size / 1e6


def digest(texts: Iterable[str]) -> tuple[str, int]:
    """A hash of texts, and their bytes."""
    found, size = hashlib.sha256(), 0
    for text in texts:
        raw = text.encode()
        found.update(len(raw).to_bytes(8, "little") + raw)
        size += len(raw)
    return found.hexdigest(), size


def answer(measure: Measure, mb: float, texts: Iterable[str]) -> Result:
    """The result of a contestant."""
    found, size = digest(texts)
    return {"mb": mb, "mb_s": mb / measure.cpu_s, "removed_share": 1 - size / 1e6 / mb, "digest": found}


def dspipe(measure: Measure, paths: Sequence[str], mb: float, min_bytes: int, read: bool) -> Result:
    """A run with the stage alone; `read`: with reading the documents, or only the stage's own phases."""
    import pyarrow.parquet as pq

    from benchmarks.engine import run_config

    with tempfile.TemporaryDirectory() as directory:
        size = write_corpus(paths, mb, Path(directory) / "corpus.jsonl")
        output = Path(directory) / "run"
        settings = {"min_bytes": min_bytes, "whole": "character", "min_left": 0}

        def run() -> Any:
            for phase in output.glob("*" if read else "repeated_spans.*"):
                shutil.rmtree(phase) if phase.is_dir() else phase.unlink()
            return run_config(
                {
                    "output": str(output),
                    "sources": [{"name": "corpus", "format": "jsonl", "path": f"{directory}/corpus.jsonl"}],
                    "stages": [{"repeated_spans": settings}],
                }
            )

        run()
        result = measure(run)
        (manifest,) = (result.store.read_json(name) for name in result.phases[-1].manifests)
        rows = pq.ParquetFile(result.store.path(manifest["columns"]["text"][0])).iter_batches(columns=["text"])
        return answer(measure, size, (text for batch in rows for text in batch["text"].to_pylist()))


def scan(measure: Measure, paths: Sequence[str], mb: float, min_bytes: int) -> Result:
    """The kernel that finds anchors, over texts in memory."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.dedup.winnowing import Winnowing

    data, offsets = text_buffers(pa.array(read_texts(paths, mb), pa.large_string()))

    def run() -> int:
        return sum(len(anchors.row) for anchors in Winnowing(data, offsets, min_bytes))

    run()
    anchors = measure(run)
    return {"mb": len(data) / 1e6, "mb_s": len(data) / 1e6 / measure.cpu_s, "bytes_per_anchor": len(data) / anchors}


def suffix_array(measure: Measure, paths: Sequence[str], mb: float, min_bytes: int) -> Result:
    """One suffix array over all texts."""
    import numpy as np
    from pydivsufsort import divsufsort, kasai

    with tempfile.TemporaryDirectory() as directory:
        corpus, target = Path(directory) / "corpus.jsonl", Path(directory) / "out.jsonl"
        size = write_corpus(paths, mb, corpus)

        def run() -> None:
            with corpus.open(encoding="utf-8") as lines:
                raw = [json.loads(line)["text"].encode() for line in lines]
            data = np.frombuffer(bytearray().join(raw), np.uint8)
            ends = np.cumsum([len(text) for text in raw])
            array = divsufsort(data)
            # suffixes between which no common prefix is shorter begin with the same window
            group = np.cumsum(np.append(np.int32(0), kasai(data, array)[:-1] < min_bytes), dtype=np.int32)
            document = np.repeat(np.arange(len(raw), dtype=np.int32), np.diff(ends, prepend=0))
            inside = ends[document[array]] - array >= min_bytes
            array, group = array[inside], group[inside]
            starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
            first = np.repeat(np.minimum.reduceat(array, starts), np.diff(np.append(starts, len(array))))
            repeats = (document[array] != document[first]) | (array - first >= min_bytes)
            covered = np.zeros(len(data) + 1, np.int32)
            covered[array[repeats]] = 1
            covered[array[repeats] + min_bytes] -= 1
            gone = np.cumsum(covered[:-1]) > 0
            characters = np.flatnonzero(data & 0xC0 != 0x80)
            whole = np.logical_and.reduceat(gone, characters)
            left = ~np.repeat(whole, np.diff(np.append(characters, len(data))))
            with target.open("w", encoding="utf-8") as file:
                for start, end in zip(ends - [len(text) for text in raw], ends, strict=True):
                    text = data[start:end][left[start:end]].tobytes().decode()
                    file.write(json.dumps({"text": text}) + "\n")

        measure(run)
        with target.open(encoding="utf-8") as lines:
            return answer(measure, size, (json.loads(line)["text"] for line in lines))


def main() -> None:
    """Run all, and stop where they don't cut the same."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--min-bytes", type=int, default=200, help="the shortest passage")
    given = options.parse_args()
    settings = {"mb": given.mb, "min_bytes": given.min_bytes}
    result: Result = {
        "dspipe": contest("benchmarks.repeated_spans:dspipe", given, **settings, read=True),
        "dspipe, after reading": contest("benchmarks.repeated_spans:dspipe", given, **settings, read=False),
        "suffix array": contest("benchmarks.repeated_spans:suffix_array", given, given.peer_python, **settings),
        "scan": contest("benchmarks.repeated_spans:scan", given, **settings),
    }
    peer = result["suffix array"]
    if "mb_s" in peer:
        if len({row["digest"] for row in result.values() if "digest" in row}) > 1:
            raise SystemExit("they don't cut the same")
        result["dspipe"]["times_faster"] = result["dspipe"]["mb_s"] / peer["mb_s"]
    columns = ("mb", "mb_s", "times_faster", "peak_mb", "removed_share", "bytes_per_anchor")
    report(given, result, columns, "Passages that stand elsewhere, from files to texts, MB of text per CPU second")


if __name__ == "__main__":
    main()
