"""Encoding text to ids, against `tokenizers`, kitoken and fastokens: MB per CPU second on one thread, and whether the
ids are the same.

    python -m benchmarks.tokenizer_encode --input A.jsonl.zst [--tokenizer tokenizer.json]

Without --tokenizer one is trained on the same text first. `cold` is a new encoder's first pass over the text, `warm`
its second, of peers too; kernels are compiled before, on another text. Loading a tokenizer is not counted. A peer's
`mb_s` is its warm pass; ratios compare cold with cold and warm with warm.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common import Measure, Result, contest, parser, read_texts, report

Ids = npt.NDArray[np.uint32]


def dspipe(measure: Measure, paths: Sequence[str], mb: float, tokenizer: str) -> Result:
    """dspipe's kernels over an Arrow column."""
    import pyarrow as pa

    from dspipe.tokenizer.encoder import load

    texts = read_texts(paths, mb)
    column = pa.array(texts, pa.large_string())
    load(tokenizer).encode(pa.array(["compile 编译 me"], pa.large_string()))
    result, ids = _passes(measure, _size(texts), lambda: load(tokenizer), lambda encoder: encoder.encode(column)[0])
    return {**result, "engine": load(tokenizer).engine, **_summary(ids)}


def _passes(measure: Measure, mb: float, load: Callable[[], Any], encode: Callable[[Any], Any]) -> tuple[Result, Any]:
    """Speeds of the first and the second pass of new tokenizers, and what the last pass gave."""
    cold: list[float] = []
    warm: list[float] = []
    encoded = None
    for _ in range(measure.repeat):
        loaded = load()
        for times in (cold, warm):
            start = time.process_time()
            encoded = encode(loaded)
            times.append(time.process_time() - start)
    speeds = {"cold_mb_s": mb / float(np.median(cold)), "warm_mb_s": mb / float(np.median(warm))}
    return {**speeds, "cpu_s": float(np.median(cold)), "mb": mb}, encoded


def _peer(measure: Measure, texts: Sequence[str], load: Callable[[], Any], encode: Callable[[Any], Any]) -> Result:
    result, encoded = _passes(measure, _size(texts), load, encode)
    ids = np.concatenate([np.array(row, np.uint32) for row in encoded])
    return {**result, "mb_s": result["warm_mb_s"], **_summary(ids)}


def hf(measure: Measure, paths: Sequence[str], mb: float, tokenizer: str) -> Result:
    """The library `tokenizers`."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    texts = read_texts(paths, mb)

    def loaded() -> Any:
        library = Tokenizer.from_file(tokenizer)
        library.encode_special_tokens = True
        return library

    def encode(library: Any) -> list[Any]:
        return [row.ids for row in library.encode_batch_fast(texts, add_special_tokens=False)]

    return _peer(measure, texts, loaded, encode)


def kitoken(measure: Measure, paths: Sequence[str], mb: float, tokenizer: str) -> Result:
    """kitoken."""
    from kitoken import Kitoken

    texts = read_texts(paths, mb)
    return _peer(
        measure,
        texts,
        lambda: Kitoken.from_file(tokenizer),
        lambda library: [library.encode(text, False) for text in texts],
    )


def fastokens(measure: Measure, paths: Sequence[str], mb: float, tokenizer: str) -> Result:
    """fastokens."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    import fastokens as library

    texts = read_texts(paths, mb)
    return _peer(
        measure,
        texts,
        lambda: library.Tokenizer.from_file(tokenizer),
        lambda loaded: [loaded.encode(text, add_special_tokens=False).ids for text in texts],
    )


def _size(texts: Sequence[str]) -> float:
    return sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6


def _summary(ids: Ids) -> Result:
    return {"tokens": len(ids), "ids_sha256": hashlib.sha256(ids.astype("<u4").tobytes()).hexdigest()}


def trained(measure: Measure, paths: Sequence[str], mb: float, vocab: int, scheme: str, folder: str) -> Result:
    """Writes a tokenizer.json trained on the texts. In a process of its own: a child begins with its parent's peak."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.tokenizer.counting import WordCounter
    from dspipe.tokenizer.export import make_files, write_files
    from dspipe.tokenizer.schemes import SCHEMES
    from dspipe.tokenizer.settings import TrainSettings
    from dspipe.tokenizer.train import train

    counter = WordCounter()
    column = pa.array(read_texts(paths, mb), pa.large_string())
    counter.add_texts(SCHEMES[scheme].pre_tokenizer(), *text_buffers(column))
    settings = TrainSettings.model_validate({"vocab": vocab, "scheme": scheme})
    write_files(make_files(train(counter.words(), vocab), settings), folder)
    return {"tokenizer": str(Path(folder) / "tokenizer.json")}


def main() -> None:
    """Compare, and print."""
    options = parser(__doc__ or "")
    options.add_argument("--tokenizer", help="a tokenizer.json; default: one trained on the input")
    options.add_argument("--vocab", type=int, default=100_000, help="tokens of the one that is trained")
    options.add_argument("--scheme", default="deepseek", help="pre-tokenizer of the one that is trained")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = chosen.tokenizer
        if tokenizer is None:
            training = {"vocab": chosen.vocab, "scheme": chosen.scheme, "folder": folder}
            tokenizer = contest("benchmarks.tokenizer_encode:trained", chosen, mb=chosen.mb, **training)["tokenizer"]
        settings = {"mb": chosen.mb, "tokenizer": str(Path(tokenizer).resolve())}
        result: Result = {"dspipe": contest("benchmarks.tokenizer_encode:dspipe", chosen, **settings)}
        for peer in ("hf", "kitoken", "fastokens"):
            try:
                result[peer] = contest(f"benchmarks.tokenizer_encode:{peer}", chosen, chosen.peer_python, **settings)
            except SystemExit as error:
                result[peer] = {"failed": str(error)}
    own = result["dspipe"]
    for peer in ("hf", "kitoken", "fastokens"):
        row = result[peer]
        if "mb_s" in row:
            row["identical"] = row["ids_sha256"] == own["ids_sha256"]
            for which in ("cold", "warm"):
                row[f"dspipe_{which}_ratio"] = own[f"{which}_mb_s"] / row[f"{which}_mb_s"]
    result["identical"] = result["hf"].get("identical")
    columns = ["cold_mb_s", "warm_mb_s", "identical", "dspipe_cold_ratio", "dspipe_warm_ratio", "peak_mb"]
    report(chosen, result, columns, "BPE encoding")


if __name__ == "__main__":
    main()
