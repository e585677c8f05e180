"""Tokenize and pack, from JSON lines to shuffled training rows: MB of text and tokens per CPU second, peak memory.

    python -m benchmarks.pack --input A.jsonl.zst --tokenizer T.json

dspipe: a run with the stages `tokenizer` and `pack`, by the engine in one process: read, encode, shuffle, rows of
4,096, checksums, manifest. datatrove: its JSON lines reader, DocumentTokenizer (which shuffles within a file) and
DocumentTokenizerMerger (which shuffles across files), one worker. megatron: what Megatron's preprocess_data.py does
with a Hugging Face tokenizer, one document at a time: parse the line, encode, append the end token, write; no shuffle.
All read the same file and write the same ids; documents and tokens are compared.

`reader` is the rate at which `PackedDataset` gives rows out, whole samples (tokens, positions, documents, mask) and
tokens alone, beside the rate at which this machine copies memory. With --scale, dspipe's peak memory is measured over
the input taken once, twice and four times.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

LENGTH = 4096
WARM_UP_TEXTS = 50


def write_corpus(paths: Sequence[str], mb: float, times: int, target: Path) -> tuple[float, int]:
    """Write documents as JSON lines: evenly spaced ones of at most `mb` MB, `times` times over under different ids.

    Returns MB of text and documents.
    """
    texts = [text for text in read_texts(paths) if text.strip()]
    total = sum(len(text.encode()) for text in texts) / 1e6
    if mb and mb < total:
        places = np.arange(0, len(texts), total / mb).astype(int)
        texts = [texts[place] for place in places]
    with target.open("w", encoding="utf-8") as file:
        for number in range(times):
            file.writelines(
                json.dumps({"id": f"{number}-{place}", "text": text}) + "\n" for place, text in enumerate(texts)
            )
    return times * sum(len(text.encode()) for text in texts) / 1e6, times * len(texts)


def end_token(tokenizer: str) -> tuple[str, int]:
    """Name and id of the tokenizer's end token."""
    from dspipe.stages.pack.tokenizer_json import END, read_added_tokens

    added, _ = read_added_tokens(Path(tokenizer).read_bytes())
    name = next(name for name in END if name in added)
    return name, added[name]


def run_dspipe(corpus: Path, tokenizer: str, output: Path) -> dict[str, Any]:
    """One run; its packed shards' manifest."""
    from benchmarks.engine import run_config

    run_config(
        {
            "output": str(output),
            "sources": [{"name": "corpus", "format": "jsonl", "path": str(corpus)}],
            "stages": [{"tokenizer": {"path": tokenizer}}, {"pack": {"length": LENGTH}}],
        }
    )
    manifest: dict[str, Any] = json.loads((output / "index.json").read_bytes())
    return manifest


def dspipe(measure: Measure, paths: Sequence[str], tokenizer: str) -> Result:
    """The stages `tokenizer` and `pack`."""
    with tempfile.TemporaryDirectory() as directory:
        folder, corpus = Path(directory), Path(paths[0])
        with corpus.open() as lines, (folder / "warm.jsonl").open("w") as few:
            few.writelines(line for _, line in zip(range(WARM_UP_TEXTS), lines, strict=False))
        run_dspipe(folder / "warm.jsonl", tokenizer, folder / "warm")
        runs: list[Path] = []

        def run() -> dict[str, Any]:
            runs.append(folder / f"run{len(runs)}")
            return run_dspipe(corpus, tokenizer, runs[-1])

        manifest = measure(run)
        return {"documents": manifest["documents"], "tokens": manifest["tokens"] - manifest["added"]}


def datatrove(measure: Measure, paths: Sequence[str], tokenizer: str, documents: int) -> Result:
    """DocumentTokenizer and DocumentTokenizerMerger."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer, DocumentTokenizerMerger

    name, _ = end_token(tokenizer)
    with tempfile.TemporaryDirectory() as directory:
        folder, corpus = Path(directory), Path(paths[0])
        runs: list[Path] = []

        def run() -> None:
            runs.append(folder / f"run{len(runs)}")
            steps = [
                JsonlReader(str(corpus.parent), glob_pattern=corpus.name),
                DocumentTokenizer(str(runs[-1] / "tokens"), tokenizer, eos_token=name, seed=1),
            ]
            LocalPipelineExecutor(steps, logging_dir=str(runs[-1] / "logs-1")).run()
            merger = DocumentTokenizerMerger(
                str(runs[-1] / "tokens"), str(runs[-1] / "merged"), "packed", seed=1, progress=False
            )
            LocalPipelineExecutor([merger], logging_dir=str(runs[-1] / "logs-2")).run()

        measure(run)
        width = 4 if _wide(tokenizer) else 2
        written = sum(file.stat().st_size for file in (runs[-1] / "merged").glob("*.ds"))
        return {"documents": documents, "tokens": written // width - documents}


def _wide(tokenizer: str) -> bool:
    from tokenizers import Tokenizer

    return bool(Tokenizer.from_file(tokenizer).get_vocab_size() > 1 << 16)


def megatron(measure: Measure, paths: Sequence[str], tokenizer: str) -> Result:
    """One document at a time through the library `tokenizers`, appended to one file of ids."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    _, end = end_token(tokenizer)
    dtype = np.int32 if _wide(tokenizer) else np.uint16
    model = Tokenizer.from_file(tokenizer)
    with tempfile.TemporaryDirectory() as directory:

        def run() -> list[int]:
            lengths = []
            with Path(paths[0]).open(encoding="utf-8") as lines, (Path(directory) / "out.bin").open("wb") as out:
                for line in lines:
                    ids = model.encode(json.loads(line)["text"], add_special_tokens=False).ids
                    ids.append(end)
                    out.write(np.array(ids, dtype).tobytes())
                    lengths.append(len(ids))
            return lengths

        lengths = measure(run)
        return {"documents": len(lengths), "tokens": sum(lengths) - len(lengths)}


def reader(measure: Measure, paths: Sequence[str], tokenizer: str) -> Result:
    """Rows out of `PackedDataset`, in the order of an epoch's shuffle."""
    from dspipe.stages.pack.reading.reader import PackedDataset

    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        run_dspipe(Path(paths[0]), tokenizer, folder / "run")
        data = PackedDataset(folder / "run", seed=1)
        for _ in data:  # the shards are in the page cache, as in the epochs after the first
            pass
        tokens = data.rows * data.row_length

        def samples() -> None:
            for _ in PackedDataset(folder / "run", seed=1):
                pass

        rows = data.row_numbers(0, len(data))
        samples_s = _seconds(samples, measure.repeat)
        tokens_s = _seconds(lambda: data.read(rows), measure.repeat)
        block = np.ones(tokens * data.shards.dtype.itemsize, np.uint8)
        target = np.empty_like(block)
        copy_s = _seconds(lambda: np.copyto(target, block), measure.repeat)
        return {
            "tokens_s": tokens / samples_s,
            "read_tokens_s": tokens / tokens_s,
            "read_gb_s": block.nbytes / 1e9 / tokens_s,
            "copy_gb_s": block.nbytes / 1e9 / copy_s,
            "cpu_s": samples_s,
        }


def _seconds(function: Callable[[], Any], repeat: int) -> float:
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Run the contestants and print."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--tokenizer", required=True, help="a tokenizer.json with an end token of a usual name")
    options.add_argument("--scale", action="store_true", help="peak memory over the size of the corpus, too")
    options.set_defaults(mb=20)
    chosen = options.parse_args()
    tokenizer = str(Path(chosen.tokenizer).resolve())
    result: Result = {}
    with tempfile.TemporaryDirectory() as directory:
        sizes = {"dspipe": 1, "dspipe x2": 2, "dspipe x4": 4} if chosen.scale else {"dspipe": 1}
        for name, times in reversed(sizes.items()):
            corpus = Path(directory) / "corpus.jsonl"
            mb, documents = write_corpus(chosen.input, chosen.mb, times, corpus)
            on_corpus = argparse.Namespace(**{**vars(chosen), "input": [str(corpus)]})
            result[name] = contest("benchmarks.pack:dspipe", on_corpus, tokenizer=tokenizer) | {"mb": mb}
        # the corpus taken once was written last: it is the peers' too
        peer = chosen.peer_python
        result["datatrove"] = contest(
            "benchmarks.pack:datatrove", on_corpus, peer, tokenizer=tokenizer, documents=documents
        ) | {"mb": mb}
        result["megatron"] = contest("benchmarks.pack:megatron", on_corpus, peer, tokenizer=tokenizer) | {"mb": mb}
        for row in result.values():
            if "tokens" in row:
                row |= {"mb_s": row["mb"] / row["cpu_s"], "tokens_s": row["tokens"] / row["cpu_s"]}
        result["reader"] = contest("benchmarks.pack:reader", on_corpus, tokenizer=tokenizer)
    for name in ("datatrove", "megatron"):
        if "tokens" in result[name]:
            result[f"ratio_{name}"] = result["dspipe"]["mb_s"] / result[name]["mb_s"]
            result[f"same_tokens_{name}"] = result["dspipe"]["tokens"] == result[name]["tokens"]
    columns = ("mb_s", "tokens_s", "mb", "documents", "tokens", "cpu_s", "peak_mb", "read_gb_s", "copy_gb_s")
    report(chosen, result, columns, "Tokenize and pack")


if __name__ == "__main__":
    main()
