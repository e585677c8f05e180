"""URL lists, decontamination and the quality classifier, each beside a peer on the same documents.

    python -m benchmarks.filters_lists --input A.jsonl.zst --against BENCHMARK.jsonl.gz ... [--entries 1e6]

urls            nanoseconds a URL, against a list of `--entries` made-up domains; beside datatrove's URLFilter
decontaminate   MB/s against the questions of `--against`, 13-grams; beside datatrove's NGramsDecontFilter
quality         MB/s of a classifier over words and word pairs in 100 dimensions, trained here on the input's two halves
                (its scores mean nothing); beside the fasttext package
"""

import random
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, megabytes, parser, read_texts, report

URLS = 20_000


def made_up(entries: int) -> tuple[list[str], list[str]]:
    """Domains to block, and URLs of which one in ten is blocked."""
    draw = random.Random(1)
    domains = ["".join(draw.choices(string.ascii_lowercase, k=10)) + ".com" for _ in range(entries)]
    urls = []
    for number in range(URLS):
        name = (
            draw.choice(domains) if number % 10 == 0 else "".join(draw.choices(string.ascii_lowercase, k=10)) + ".org"
        )
        urls.append(f"https://www.{name}/news/2024/03/a-title-of-some-words-{number}.html?id={number}")
    return domains, urls


def urls_dspipe(measure: Measure, paths: Sequence[str | Path], entries: int) -> Result:
    """The kernel of the stage `urls`."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers
    from dspipe.kernels.urls.lists import blocked_by, build_table, entry_keys

    domains, urls = made_up(entries)
    table = build_table([entry_keys("\n".join(domains).encode(), "domain")])
    data, offsets = text_buffers(pa.array(urls, pa.large_string()))
    blocked_by(data, offsets[:2], table)
    found = measure(lambda: blocked_by(data, offsets, table))
    return {"ns_url": measure.cpu_s / URLS * 1e9, "blocked": int((found > 0).sum())}


def urls_datatrove(measure: Measure, paths: Sequence[str | Path], entries: int) -> Result:
    """datatrove's URLFilter without its own lists."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import URLFilter
    from tldextract import TLDExtract

    domains, urls = made_up(entries)
    stage = URLFilter(extra_domains=domains, use_integrated_lists=False)
    stage.tldextractor = TLDExtract(suffix_list_urls=())  # the suffixes that it brings, not a download
    documents = [Document(text="", id="", metadata={"url": url}) for url in urls]
    stage.filter(documents[0])
    kept = measure(lambda: [stage.filter(document) for document in documents])
    return {"ns_url": measure.cpu_s / URLS * 1e9, "blocked": sum(answer is not True for answer in kept)}


def decontaminate_dspipe(measure: Measure, paths: Sequence[str | Path], mb: float, against: list[str]) -> Result:
    """The stage with its defaults: its text pass, and what is decided from that."""
    import numpy as np
    import pyarrow as pa

    from dspipe.kernels.dedup.ngram_overlap import Overlap
    from dspipe.stages.decontaminate.stage import DecontaminateConfig, DecontaminateStage
    from dspipe.stages.decontaminate.steps import covered_questions, shared_of

    stage = DecontaminateStage("decontaminate", DecontaminateConfig(against=tuple(against)))
    texts = read_texts(paths, mb)
    reasons = pa.nulls(len(texts), pa.string())
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "reason": reasons})

    def covered(part: pa.RecordBatch) -> Overlap:
        measured = stage.measure(part)
        none = np.zeros(stage.benchmarks.ngrams, bool)
        shared = shared_of(measured.column("decontaminate.ngrams"), measured.column("decontaminate.units"))
        return covered_questions(shared, measured.column("reason"), stage.benchmarks, none, 0.5)[0]

    covered(batch.slice(0, 1))
    found = measure(lambda: covered(batch))
    return {"mb_s": megabytes(texts) / measure.cpu_s, "found": int((found.share >= stage.config.coverage).sum())}


def decontaminate_datatrove(measure: Measure, paths: Sequence[str | Path], mb: float, against: list[str]) -> Result:
    """datatrove's NGramsDecontFilter, which drops at one shared 13-gram; the index made with its own hashes."""
    import numpy as np
    from datatrove.data import Document
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.text import ngrams, simplify_text

    from dspipe.stages.decontaminate.questions import questions

    with tempfile.TemporaryDirectory() as folder:
        # its default, xxhash over str, is refused by newer versions of xxhash
        config = NGramsDecontConfig(n_grams=13, hash_config=HashConfig(hash_fc="sha1"))
        stage = NGramsDecontFilter(folder, config)
        hashes: set[int] = set()
        for path in map(Path, against):
            for _, text in questions(path, None):
                words = stage.tokenizer.word_tokenize(simplify_text(text, stage.config.norm_config))
                hashes.update(stage.hash_func(" ".join(gram)) for gram in ngrams(words, 13))
        kind = np.dtype(stage.config.hash_config.np_descr)
        np.array(sorted(hashes), kind).tofile(Path(folder) / "all.index.hashes")
        stage.load_index_hashes()
    documents = [Document(text=text, id="") for text in read_texts(paths, mb)]
    kept = measure(lambda: [stage.filter(document) for document in documents])
    found = sum(answer is not True for answer in kept)
    return {"mb_s": megabytes([document.text for document in documents]) / measure.cpu_s, "found": found}


def quality_dspipe(measure: Measure, paths: Sequence[str | Path], mb: float, model: str) -> Result:
    """The stage with its defaults."""
    import pyarrow as pa

    from dspipe.stages.quality.stage import QualityConfig, QualityStage

    stage = QualityStage("quality", QualityConfig(model=model))
    texts = read_texts(paths, mb)
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    stage.measure(batch.slice(0, 1))
    measure(lambda: stage.measure(batch))
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def quality_fasttext(measure: Measure, paths: Sequence[str | Path], mb: float, model: str) -> Result:
    """The fasttext package, one call a document."""
    import fasttext

    loaded = fasttext.load_model(model)
    texts = [text.replace("\n", " ") for text in read_texts(paths, mb)]
    measure(lambda: [loaded.predict(text) for text in texts])
    return {"mb_s": megabytes(texts) / measure.cpu_s}


def _train(paths: Sequence[str | Path], mb: float, folder: Path) -> str:
    import fasttext

    from dspipe.stages.quality.training import THREADS

    with (folder / "train.txt").open("w") as lines:
        for number, text in enumerate(read_texts(paths, mb)):
            label = "positive" if number % 2 else "negative"
            lines.write(f"__label__{label} {text.replace(chr(10), ' ')}\n")
    options: dict[str, Any] = {"wordNgrams": 2, "dim": 100, "epoch": 1, "bucket": 200_000, "minCount": 2}
    model = fasttext.train_supervised(str(folder / "train.txt"), **options, thread=THREADS, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return str(folder / "model.bin")


def main() -> None:
    """Run the benchmark from the command line."""
    options = parser(__doc__ or "")
    options.add_argument("--against", nargs="+", default=[], metavar="FILE", help="benchmark files")
    options.add_argument("--entries", type=float, default=1e6, help="domains in the list")
    given = options.parse_args()
    here, entries = "benchmarks.filters_lists", int(given.entries)
    result: Result = {}
    for peer in "dspipe", "datatrove":
        python = None if peer == "dspipe" else given.peer_python
        result[f"urls, {peer}"] = contest(f"{here}:urls_{peer}", given, python, entries=entries)
        if given.against:
            settings = {"mb": given.mb, "against": given.against}
            result[f"decontaminate, {peer}"] = contest(f"{here}:decontaminate_{peer}", given, python, **settings)
    with tempfile.TemporaryDirectory() as folder:
        model = _train(given.input, given.mb, Path(folder))
        for peer in "dspipe", "fasttext":
            result[f"quality, {peer}"] = contest(f"{here}:quality_{peer}", given, mb=given.mb, model=model)
    report(given, result, ["ns_url", "mb_s", "blocked", "found", "peak_mb"], "lists, decontamination, quality")


if __name__ == "__main__":
    main()
