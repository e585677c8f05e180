"""Training a byte-level BPE vocabulary from text, against Hugging Face `tokenizers`: CPU seconds, peak memory, and
whether the merges are the same, in the same order.

    python -m benchmarks.tokenizer_train --input A.jsonl.zst --mb 50

Both read, count and train from the same files with the same pre-tokenizer and the same number of tokens, each in a
process of its own: dspipe `--repeat` times, of which the median counts, the peer once, since it takes minutes.
Compiling dspipe's kernels is not counted; `baseline_mb` is the memory before any text is read.
"""

import json
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, read_documents, report

BATCH_CHARACTERS = 1 << 16
"""in a batch, some 100 kB: both contestants are given text as it is read"""


def dspipe(measure: Measure, paths: Sequence[str], mb: float, vocab: int, scheme: str, cut_below: int) -> Result:
    """Counting and training with dspipe's kernels."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.tokenizer.counting import WordCounter, cut_rare_pairs
    from dspipe.tokenizer.schemes import SCHEMES
    from dspipe.tokenizer.train import train

    size = 0

    def run(columns: Iterable[pa.Array]) -> Any:
        nonlocal size
        size = 0
        counter = WordCounter()
        for column in columns:
            size += column.nbytes
            counter.add_texts(SCHEMES[scheme].pre_tokenizer(), *text_buffers(column))
        words = counter.words()
        del counter
        if cut_below > 1:
            words = cut_rare_pairs([words], [words], cut_below)
        return train(words, vocab, min_count=1)

    def read() -> Iterator[pa.Array]:
        texts, size = [], 0
        for document in read_documents(paths, mb):
            texts.append(document["text"])
            size += len(texts[-1])
            if size > BATCH_CHARACTERS:
                yield pa.array(texts, pa.large_string())
                texts, size = [], 0
        yield pa.array(texts, pa.large_string())

    run([pa.array(["a few words to compile for"], pa.large_string())])
    baseline = _memory_mb()
    made = measure(lambda: run(read()))
    tokens = made.tokens()
    merges = [f"{tokens[left].hex()} {tokens[right].hex()}" for left, right in made.merges.tolist()]
    return {
        "mb": size / 1e6,
        "baseline_mb": baseline,
        "merges": merges,
        "last_count": int(made.counts[-1]),
    }


def hf(measure: Measure, paths: Sequence[str], mb: float, vocab: int, scheme: str) -> Result:
    """The trainer of `tokenizers`, on one thread, so that its CPU seconds are of the same kind."""
    import os

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer, pre_tokenizers, trainers

    from dspipe.tokenizer.byte_alphabet import to_bytes
    from dspipe.tokenizer.schemes import SCHEMES

    model = {"type": "BPE", "vocab": {}, "merges": []}
    parts = {"version": "1.0", "added_tokens": [], "model": model, "pre_tokenizer": SCHEMES[scheme].hugging_face}
    baseline = _memory_mb()

    def trained() -> Any:
        tokenizer = Tokenizer.from_str(json.dumps(parts))
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=vocab, min_frequency=1, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator((document["text"] for document in read_documents(paths, mb)), trainer)
        return tokenizer

    found = json.loads(measure(trained).to_str())["model"]["merges"]
    return {"baseline_mb": baseline, "merges": [" ".join(to_bytes(part).hex() for part in merge) for merge in found]}


def _memory_mb() -> float:
    from pathlib import Path

    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    """Compare, and print."""
    options = parser(__doc__ or "")
    options.add_argument("--vocab", type=int, default=100_000, help="tokens, bytes included")
    options.add_argument("--scheme", default="deepseek_strict", help="pre-tokenizer")
    options.add_argument("--cut-below", type=int, default=0, help="cut words at rarer character pairs (not exact)")
    options.add_argument("--no-peer", action="store_true", help="run dspipe alone, at sizes the peer cannot reach")
    chosen = options.parse_args()
    settings = {"mb": chosen.mb, "vocab": chosen.vocab, "scheme": chosen.scheme}
    own = contest("benchmarks.tokenizer_train:dspipe", chosen, cut_below=chosen.cut_below, **settings)
    merges = own.pop("merges")
    own["mb_s"] = own["mb"] / own["cpu_s"]
    result: Result = {"merges": len(merges), "dspipe": own}
    if not chosen.no_peer:
        once = Namespace(**{**vars(chosen), "repeat": 1})
        peer = contest("benchmarks.tokenizer_train:hf", once, chosen.peer_python, **settings)
        if "absent" not in peer:
            found = peer.pop("merges")
            same = next((i for i, pair in enumerate(zip(merges, found, strict=False)) if pair[0] != pair[1]), None)
            result["merges_equal"] = merges == found
            result["first_difference"] = same
            joined = {merge.replace(" ", "") for merge in merges}
            result["tokens_that_differ"] = sum(1 for merge in found if merge.replace(" ", "") not in joined)
            peer["mb_s"] = own["mb"] / peer["cpu_s"]
            result["cpu_ratio"] = peer["cpu_s"] / own["cpu_s"]
            result["peak_ratio"] = own["peak_mb"] / peer["peak_mb"]
        result["hf"] = peer
    report(chosen, result, ["cpu_s", "mb_s", "peak_mb", "baseline_mb"], "BPE training")


if __name__ == "__main__":
    main()
