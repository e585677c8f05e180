"""From WARC files to packed token shards, beside the same stages in datatrove: MB of HTML and of text per CPU second.

    python -m benchmarks.end_to_end --input W.warc.gz ...

Both extract text, keep English, apply Gopher's, C4's and FineWeb's rules, remove near-duplicates (14 bands of 8 rows
over shingles of five words), encode with the same tokenizer and write one shuffled stream of tokens. datatrove runs
twice: with Trafilatura, its usual extractor, and with this project's extraction put in its place, so that the other
stages can be compared by themselves. CPU seconds are those of the whole run, reading and writing included, after a
first run that compiles kernels and trains the tokenizer.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, report

BANDS, ROWS, SHINGLE, VOCABULARY = 14, 8, 5, 8000


def stages(tokenizer: str | None) -> list[dict[str, Any]]:
    """The stages of this project's run; without a tokenizer one is trained."""
    train = {"train": {"vocab": VOCABULARY, "special": 15, "pad_to": 8192, "sample_bytes": 8e6}}
    return [
        {"extract": {}},
        {"language": {"keep": {"en": 0.65}}},
        {"heuristics": {"rules": ["gopher", "c4", "fineweb"]}},
        {"minhash": {"shingle": SHINGLE, "bands": BANDS, "rows": ROWS}},
        {"tokenizer": {"path": tokenizer} if tokenizer else train},
        {"pack": {"length": 4096}},
    ]


def sizes(paths: Sequence[str]) -> tuple[float, float]:
    """MB of HTML in the files, and of the text in it."""
    import pyarrow as pa
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    from dspipe.stages.extract.stage import ExtractConfig, ExtractStage

    html: list[bytes] = []
    for path in paths:
        with Path(path).open("rb") as stream:
            records = ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True)
            html.extend(record.reader.read() for record in records)
    columns = {"text": pa.array([""] * len(html), pa.large_string()), "content": pa.array(html, pa.large_binary())}
    batch = pa.record_batch({**columns, "content_type": pa.array(["text/html"] * len(html))})
    texts = ExtractStage("extract", ExtractConfig()).measure(batch).column("text")
    return sum(map(len, html)) / 1e6, sum(len(text.as_py().encode()) for text in texts) / 1e6


def dspipe(measure: Measure, paths: Sequence[str], tokenizer: str) -> Result:
    """A run of this project, after one that trains the tokenizer and writes it to the path `tokenizer`."""
    from benchmarks.engine import run_config

    with tempfile.TemporaryDirectory() as folder:
        sources = [{"name": "web", "format": "warc", "path": [str(Path(path).resolve()) for path in paths]}]
        run_config({"output": f"{folder}/train", "sources": sources, "stages": stages(None)})
        shutil.copy(f"{folder}/train/tokenizer.json", tokenizer)
        runs = 0

        def run() -> Any:
            nonlocal runs
            runs += 1
            return run_config({"output": f"{folder}/{runs}", "sources": sources, "stages": stages(tokenizer)})

        result = measure(run)
        phases = {phase.name: phase for phase in result.phases}
        documents = phases["documents"].counters["read"]
        kept = phases["minhash.verdicts"].funnel[-1].kept.documents
        return {"documents": documents, "kept": kept, "tokens": phases["tokenizer.encode"].counters["tokens"]}


def datatrove(measure: Measure, paths: Sequence[str], tokenizer: str, trafilatura: bool) -> Result:
    """The same stages by datatrove's local executor, one worker."""
    import xxhash
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.extractors.base import BaseExtractor
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.tokens import DocumentTokenizer
    from datatrove.pipeline.writers import JsonlWriter

    from benchmarks.filters_language import fasttext_model

    class Resiliparse(BaseExtractor):  # type: ignore[misc]
        """This project's extraction as datatrove's extractor."""

        name = "Resiliparse"

        def __init__(self) -> None:
            super().__init__()

        def extract(self, text: str) -> str:
            from resiliparse.extract.html2text import extract_plain_text

            return str(extract_plain_text(text, main_content=True))

    LanguageFilter._requires_dependencies = []
    model = fasttext_model()
    # the model file that both use, in place of one to be downloaded; pipelines are copied, so it stays out of them
    type(LanguageFilter(languages=["en"]).model).model = property(lambda self: model)
    settings = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as folder:
        source, work = Path(folder) / "in", Path(folder) / "work"
        source.mkdir()
        for path in paths:
            (source / Path(path).name).symlink_to(Path(path).resolve())

        def run() -> Path:
            shutil.rmtree(work, ignore_errors=True)
            language = LanguageFilter(languages=["en"])
            signature = MinhashDedupSignature(f"{work}/signatures", settings)
            # datatrove 0.10 hands strings to xxhash, which takes only bytes since version 4
            signature._hash_func = lambda shingle: xxhash.xxh64_intdigest(shingle.encode())
            read = WarcReader(str(source), glob_pattern="*.warc*")
            extract = Trafilatura(favour_precision=True) if trafilatura else Resiliparse()
            filters = [
                language,
                GopherRepetitionFilter(),
                GopherQualityFilter(),
                C4QualityFilter(),
                FineWebQualityFilter(),
            ]
            removal = MinhashDedupFilter(f"{work}/removed")
            tokens = DocumentTokenizer(f"{work}/tokens", tokenizer_name_or_path=tokenizer, eos_token=None)
            steps: list[tuple[list[Any], int]] = [
                ([read, extract, *filters, JsonlWriter(f"{work}/filtered", compression=None)], 1),
                ([JsonlReader(f"{work}/filtered"), signature], 1),
                ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=settings)], BANDS),
                ([MinhashDedupCluster(f"{work}/buckets", f"{work}/removed", config=settings)], 1),
                ([JsonlReader(f"{work}/filtered"), removal, JsonlWriter(f"{work}/kept", compression=None), tokens], 1),
            ]
            for number, (pipeline, tasks) in enumerate(steps):
                LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{work}/logs{number}").run()
            return work

        measure(run)
        kept = sum(1 for file in (work / "kept").rglob("*.jsonl") for _ in file.open())
        size = sum(file.stat().st_size for file in (work / "tokens").glob("*.ds"))
        return {"kept": kept, "tokens": size // 2}


def main() -> None:
    """Run all, and print the table."""
    options = parser(__doc__.splitlines()[0])
    given = options.parse_args()
    given.repeat = min(given.repeat, 3)
    html, text = sizes(given.input)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = f"{folder}/tokenizer.json"
        result: Result = {"dspipe": contest("benchmarks.end_to_end:dspipe", given, tokenizer=tokenizer)}
        given.repeat = 1
        peer = {"tokenizer": tokenizer, "python": given.peer_python}
        for name, trafilatura in (("datatrove", True), ("datatrove, same extraction", False)):
            result[name] = contest("benchmarks.end_to_end:datatrove", given, trafilatura=trafilatura, **peer)
    for row in result.values():
        if "cpu_s" in row:
            row |= {"html_mb_s_core": html / row["cpu_s"], "text_mb_s_core": text / row["cpu_s"]}
            row["times_faster"] = result["dspipe"]["html_mb_s_core"] / row["html_mb_s_core"]
    columns = ("html_mb_s_core", "text_mb_s_core", "times_faster", "cpu_s", "peak_mb", "documents", "kept", "tokens")
    report(given, result, columns, f"WARC to packed shards, {html:.1f} MB of HTML, {text:.1f} MB of text")


if __name__ == "__main__":
    main()
