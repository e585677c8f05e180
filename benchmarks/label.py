"""`label` with a fastText model of the size of DCLM's beside the fasttext package, and what its workers hold in memory.

    python -m benchmarks.label --input TEXTS.jsonl.zst [--words 1e6] [--dim 100] [--buckets 2e6]

The model is made here: two classes, word pairs in two million buckets of 100 dimensions, random weights, and a
dictionary of the texts' words filled up to a million. Which weights they are changes no speed. `load_s` is CPU time.

`transformers` is the stage's other engine on one core, with a BERT of 110 million random weights (as many as
FineWeb-Edu's classifier has) on the first 510 words of some documents. Without the extra it is absent.

Memory is of worker processes that have labelled the texts and are all still there: `pss_mb` sums their proportional set
sizes, in which a page that n processes share counts as a part of n in each, `private_mb` what each has for itself.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Measure, Result, contest, count, megabytes, parser, read_texts, report, text_batches

WORKERS = (1, 2, 4)
_LOADED = b"loaded\n"
_held: list[Any] = []
"""what a worker doesn't let go while its memory is measured"""


def write_model(path: Path, texts: Sequence[str], words: int, dim: int, buckets: int) -> None:
    """A model in fastText's own format (its FastText::saveModel), with random weights."""
    known = dict.fromkeys(word for text in texts for word in text.split())
    vocabulary = [word.encode() for word in known][:words]
    vocabulary += [f"word{number}".encode() for number in range(words - len(vocabulary))]
    labels = [b"__label__hq", b"__label__cc"]
    draw = np.random.default_rng(1)
    with path.open("wb") as file:
        file.write(struct.pack("<2i12id", 793712314, 12, dim, 5, 5, 1, 5, 2, 3, 3, buckets, 0, 0, 100, 1e-4))
        file.write(struct.pack("<3i2q", words + 2, words, 2, 10 * words, -1))
        for entries, kind in (vocabulary, 0), (labels, 1):
            file.write(b"".join(word + b"\0" + struct.pack("<qb", 5, kind) for word in entries))
        file.write(struct.pack("<?2q", False, words + buckets, dim))
        for first in range(0, words + buckets, 1 << 16):
            rows = min(1 << 16, words + buckets - first)
            file.write((draw.standard_normal((rows, dim), np.float32) / dim).tobytes())
        file.write(struct.pack("<?2q", False, 2, dim))
        file.write(draw.standard_normal((2, dim), np.float32).tobytes())


def label_dspipe(measure: Measure, paths: Sequence[str | Path], model: str, mb: float = 0) -> Result:
    """The stage."""
    from dspipe.stages.label.stage import LabelConfig, LabelStage

    stage, began = LabelStage("label", LabelConfig(model=model)), time.process_time()
    stage.set_up()
    load_s = time.process_time() - began
    texts = read_texts(paths, mb)
    batches = text_batches(texts)
    stage.measure(batches[0])
    answers = measure(lambda: [stage.measure(batch) for batch in batches])
    labels = [label for batch in answers for label in batch.column("label").to_pylist()]
    return {"mb_s": megabytes(texts) / measure.cpu_s, "load_s": load_s, "labels": labels}


def label_fasttext(measure: Measure, paths: Sequence[str | Path], model: str, mb: float = 0) -> Result:
    """The fasttext package, one call a document, best label only: its quickest way."""
    import fasttext

    began = time.process_time()
    loaded = fasttext.load_model(model)
    _held.append(loaded)
    load_s = time.process_time() - began
    texts = [text.replace("\n", " ") for text in read_texts(paths, mb)]
    answers = measure(lambda: [loaded.predict(text) for text in texts])
    labels = [names[0].removeprefix("__label__") if names else None for names, _ in answers]
    return {"mb_s": megabytes(texts) / measure.cpu_s, "load_s": load_s, "labels": labels}


def label_transformers(measure: Measure, paths: Sequence[str | Path], directory: str, windows: int = 16) -> Result:
    """The stage with `engine: transformers`, on so many windows."""
    import pyarrow as pa

    from dspipe.stages.label.stage import LabelConfig, LabelStage

    texts = [text for text in read_texts(paths, 20) if len(text.split()) > 1000][:windows]
    folder = Path(directory) / "bert"
    write_transformer(folder, texts)
    settings = {"engine": "transformers", "model": str(folder), "device": "cpu"}
    stage, began = LabelStage("label", LabelConfig.model_validate(settings)), time.process_time()
    stage.set_up()
    load_s = time.process_time() - began
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    measure(lambda: stage.measure(batch))
    return {"load_s": load_s, "windows_s": len(texts) / measure.cpu_s}


def write_transformer(folder: Path, texts: Sequence[str]) -> None:
    """A BERT as large as the usual one, with random weights and one output, whose tokens are words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification

    words = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(word for text in texts for word in text.split())])
    vocabulary = {word: number for number, word in enumerate([*words][:30_522])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    BertForSequenceClassification(BertConfig(num_labels=1)).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def memory_of(contestant: str, workers: int, given: Any, model: str) -> Result:
    """What so many processes take together when each has labelled the texts."""
    request = {"contestant": contestant, "paths": given.input, "settings": {"model": model, "mb": given.mb}}
    command = [sys.executable, "-m", "benchmarks.label", "--worker", json.dumps(request), "--input", "-"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
        for _ in range(workers)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != _LOADED:
                raise SystemExit(f"a worker of {contestant} has ended; its message is above")
        sizes = [_sizes(process.pid) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    pss, private = (sum(size[place] for size in sizes) / 1e6 for place in (0, 1))
    return {"workers": workers, "pss_mb": pss, "private_mb": private / workers}


def _sizes(pid: int) -> tuple[int, int]:
    """(proportional set size, private memory) of a process, in bytes (proc(5), smaps_rollup)."""
    found = dict[str, int]()
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.replace(":", "").split()
        found[name] = int(size) * 1024
    return found["Pss"], found["Private_Clean"] + found["Private_Dirty"]


def _work(request: dict[str, Any]) -> None:
    """In a worker: label the texts, say so, and stay."""
    contestant = {"dspipe": label_dspipe, "fasttext": label_fasttext}[request["contestant"]]
    contestant(Measure(1), request["paths"], **request["settings"])
    sys.stdout.buffer.write(_LOADED)
    sys.stdout.flush()
    sys.stdin.buffer.read()


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__ or "")
    options.add_argument("--words", type=count, default=1_000_000, help="of the model's dictionary")
    options.add_argument("--dim", type=count, default=100, help="of its vectors")
    options.add_argument("--buckets", type=count, default=2_000_000, help="of its word pairs")
    options.add_argument("--workers", nargs="*", type=int, default=WORKERS, help="how many to measure the memory of")
    options.add_argument("--worker", help="(its own workers)")
    given = options.parse_args()
    if given.worker:
        _work(json.loads(given.worker))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "made.bin")
        write_model(Path(model), read_texts(given.input, given.mb), given.words, given.dim, given.buckets)
        here = "benchmarks.label"
        result: Result = {
            "dspipe": contest(f"{here}:label_dspipe", given, mb=given.mb, model=model),
            "fasttext": contest(f"{here}:label_fasttext", given, mb=given.mb, model=model),
        }
        once = argparse.Namespace(**{**vars(given), "repeat": 1})
        result["transformers"] = contest(f"{here}:label_transformers", once, given.peer_python, directory=folder)
        ours, theirs = (result[name].pop("labels", []) for name in ("dspipe", "fasttext"))
        if theirs:
            result["dspipe"]["times_fasttext"] = result["dspipe"]["mb_s"] / result["fasttext"]["mb_s"]
            result["same labels"] = sum(one == other for one, other in zip(ours, theirs, strict=True)) / len(ours)
        result["model, MB"] = Path(model).stat().st_size / 1e6
        for workers in given.workers:
            for name in ("dspipe", *(("fasttext",) if theirs else ())):
                result[f"{name}, {workers} worker{'s' * (workers > 1)}"] = memory_of(name, workers, given, model)
    columns = ["mb_s", "windows_s", "times_fasttext", "load_s", "peak_mb", "workers", "pss_mb", "private_mb"]
    report(given, result, columns, "labels by a model of the size of DCLM's")


if __name__ == "__main__":
    main()
