"""Peak memory of a worker: a whole run over ordinary pages, over one long document, over a million short ones.

    python -m benchmarks.memory --input A.jsonl.zst [--document-mb 100] [--stages unicode lines ...]

Every case is a run of the engine in a process of its own, over a file that was written before. `above_mb` is the peak
above that of the same run over ten pages, which is what the interpreter, its libraries, compiled kernels and the model
take; `times` is that by the MB of the case's largest document. Mapped pages of a shard's stored columns count in it,
60 MB a million short documents, though the system takes them back when it needs them.
"""

import itertools
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

STAGES = ("unicode", "lines", "pii", "language", "heuristics", "exact_dedup", "minhash")
SHORT = 100


def pages(texts: Sequence[str], size: int) -> Iterable[str]:
    """The input's documents as they are."""
    return texts


def ten_pages(texts: Sequence[str], size: int) -> Iterable[str]:
    """The first ten of them."""
    return texts[:10]


def document(texts: Sequence[str], size: int) -> Iterable[str]:
    """One document of the texts, one after the other, over and over."""
    parts: list[str] = []
    for text in itertools.cycle(texts):
        parts.append(text)
        size -= len(text.encode()) + 1
        if size <= 0:
            break
    return ["\n".join(parts)]


def one_line(texts: Sequence[str], size: int) -> Iterable[str]:
    """The same without line feeds."""
    return [text.replace("\n", " ") for text in document(texts, size)]


def chinese(texts: Sequence[str], size: int) -> Iterable[str]:
    """One document of Chinese characters drawn at random, some far more often, 24 a sentence, six sentences a line."""
    draw = random.Random(1)
    lines = []
    for _ in range(1000):
        characters = [chr(0x4E00 + int(3000 * draw.random() ** 3)) for _ in range(144)]
        halves = ["".join(characters[at : at + 12]) for at in range(0, 144, 12)]
        lines.append(
            "。".join(f"{first}，{second}" for first, second in zip(halves[::2], halves[1::2], strict=True)) + "。"
        )
    block = "\n".join(draw.choices(lines, k=3000)) + "\n"
    return [block * (size // len(block.encode()) + 1)]


def million(texts: Sequence[str], size: int) -> Iterable[str]:
    """A million documents of 100 bytes."""
    words = " ".join(texts)[: 1 << 20].encode("ascii", "replace").decode().split()
    return (" ".join(words[at % len(words) :][:40])[:SHORT] for at in range(1_000_000))


CASES: dict[str, tuple[Callable[[Sequence[str], int], Iterable[str]], str]] = {
    "ten pages": (ten_pages, "jsonl"),
    "pages": (pages, "jsonl"),
    "document": (document, "jsonl"),
    "document, zstd": (document, "jsonl.zst"),
    "document, escaped": (document, "escaped.jsonl"),
    "document, parquet": (document, "parquet"),
    "document, too long": (document, "jsonl"),
    "one line": (one_line, "jsonl"),
    "chinese": (chinese, "jsonl"),
    "a million": (million, "jsonl"),
}
"""The documents of each case, and the file that they are read from. `escaped`: every character as an escape of six
bytes. Of `too long`, documents of a quarter of its size are quarantined."""


def write(measure: Measure, paths: Sequence[str], mb: float, case: str, size: int, target: str) -> Result:
    """Write a case's documents in the form that the target's name says, in Parquet one to a row group.

    A contestant too, and not a part of `main`: Linux counts the peak of the process that starts another one as that
    one's own.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    documents, path, largest = CASES[case][0](read_texts(paths, mb), size), Path(target), 0
    schema = pa.schema([("text", pa.large_string())])
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, schema) as rows:
            for text in documents:
                rows.write_batch(pa.record_batch([pa.array([text], pa.large_string())], schema))
                largest = max(largest, len(text.encode()))
        return {"largest_mb": largest / 1e6}
    with zstandard.open(path, "wb") if path.suffix == ".zst" else path.open("wb") as lines:
        for text in documents:
            if ".escaped" in path.suffixes:
                lines.write(b'{"text": "')
                for at in range(0, len(text), SHORT):
                    lines.write("".join(f"\\u{ord(c):04x}" for c in text[at : at + SHORT] if c <= "\uffff").encode())
                lines.write(b'"}\n')
            else:
                lines.write(json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n")
            largest = max(largest, len(text.encode()))
    return {"largest_mb": largest / 1e6}


def dspipe(measure: Measure, paths: Sequence[str], stages: Sequence[str], limit: int) -> Result:
    """A run with these stages and their defaults."""
    from benchmarks.engine import run_config

    form = "parquet" if paths[0].endswith(".parquet") else "jsonl"
    source = {"name": "corpus", "format": form, "path": paths[0], "max_document_bytes": limit}
    engine = {"kind": "inline", "max_quarantined": 1.0}
    with tempfile.TemporaryDirectory() as folder:
        values = {"output": folder, "engine": engine, "sources": [source], "stages": [{name: {}} for name in stages]}
        result = measure(lambda: run_config(values))
        manifest = result.store.read_json(result.phases[0].manifests[0])
    return {name: manifest["counters"][name] for name in ("read", "quarantined")}


def main() -> None:
    """Run all cases."""
    options = parser(__doc__ or "")
    options.add_argument("--document-mb", type=float, default=100, help="the long document")
    options.add_argument("--stages", nargs="+", default=STAGES, metavar="STAGE", help="with their defaults")
    options.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help="only these")
    options.set_defaults(repeat=1)
    given = options.parse_args()
    size, inputs = int(given.document_mb * 1e6), given.input
    result: Result = {}
    with tempfile.TemporaryDirectory() as folder:
        # the first run compiles what isn't yet, which takes memory of its own
        for name in ["ten pages", *dict.fromkeys(["ten pages", *given.cases])]:
            path = Path(folder) / f"corpus.{CASES[name][1]}"
            given.input = inputs
            written = contest("benchmarks.memory:write", given, mb=given.mb, case=name, size=size, target=str(path))
            given.input = [str(path)]
            limit = size // 4 if name == "document, too long" else 1 << 40
            result[name] = contest("benchmarks.memory:dspipe", given, stages=given.stages, limit=limit)
            path.unlink()
            above = result[name]["peak_mb"] - result["ten pages"]["peak_mb"]
            largest = written["largest_mb"]
            result[name] |= {"largest_mb": largest, "above_mb": above, "times": above / largest}
    columns = ["read", "quarantined", "largest_mb", "peak_mb", "above_mb", "times", "cpu_s"]
    report(given, result, columns, f"Peak memory of {', '.join(given.stages)}")


if __name__ == "__main__":
    main()
