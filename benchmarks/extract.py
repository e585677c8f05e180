"""Text from web pages: pages and MB of HTML per CPU second, and how much of the main content is found.

    python -m benchmarks.extract --input wcxb-dev.warc.gz --truth wcxb-dev-truth.jsonl.zst [--model held-out.npz]

`--truth` has a line of JSON for each page: `url`, its text in `main_content` or in that of `ground_truth`, and maybe
the `page_type`. The score is of the words of a page as a multiset (lower case, runs of letters and digits): precision,
recall and F1, each the mean over pages; `by_kind` the F1 by type. The peers get the pages decoded, as their users do
it. The model that comes with dspipe was trained on the pages of the example: for those, give a model that was not.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.common import Measure, Result, contest, parser, report

_WORD = re.compile(r"\w+")


def pages(paths: Sequence[str], mb: float) -> list[tuple[str, bytes, str]]:
    """URL, payload and media type of the HTTP responses, at most `mb` MB of payload (0: all)."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    found: list[tuple[str, bytes, str]] = []
    budget = mb * 1e6 or float("inf")
    for path in paths:
        with Path(path).open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                url, payload = record.headers.get("WARC-Target-URI") or "", record.reader.read()
                budget -= len(payload)
                if budget < 0:
                    return found
                found.append((url, payload, record.http_headers.get("Content-Type") or "text/html"))
    return found


def main_content(path: str) -> dict[str, str]:
    """The true main content by URL."""
    return {row["url"]: (row.get("ground_truth") or row).get("main_content") or "" for row in _rows(path)}


def _rows(path: str) -> list[dict[str, Any]]:
    import zstandard

    with zstandard.open(path, "rt", encoding="utf-8") if path.endswith(".zst") else Path(path).open() as lines:
        return [json.loads(line) for line in lines]


def words(text: str) -> Counter[str]:
    """The words of a text and how often it has them."""
    return Counter(_WORD.findall(text.lower()))


def score(found: Counter[str], true: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of a page's words; all 1 where there are none and should be none."""
    if not found and not true:
        return 1.0, 1.0, 1.0
    common = (found & true).total()
    precision, recall = common / max(found.total(), 1), common / max(true.total(), 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def scores(texts: dict[str, str], truth: dict[str, str], kinds: dict[str, str]) -> Result:
    """Mean precision, recall and F1 of the pages whose main content is known, and F1 by kind of page."""
    found = {url: score(words(text), words(truth[url])) for url, text in texts.items() if url in truth}
    by_kind: dict[str, list[float]] = {}
    for url, (_, _, f1) in found.items():
        by_kind.setdefault(kinds.get(url, "page"), []).append(f1)
    means = [mean(values) for values in zip(*found.values(), strict=True)] or [0.0, 0.0, 0.0]
    named = dict(zip(("precision", "recall", "f1"), means, strict=True))
    return {**named, "pages": len(found), "by_kind": {kind: mean(by_kind[kind]) for kind in sorted(by_kind)}}


def page_kinds(path: str) -> dict[str, str]:
    """The kind of each page by URL, as the truth's `page_type` says."""
    return {row["url"]: row["page_type"] for row in _rows(path) if row.get("page_type")}


def race(measure: Measure, paths: Sequence[str], truth: str, mb: float, extract: Callable[[bytes, str], str]) -> Result:
    """Time `extract` on all pages, then score what it found."""
    documents = pages(paths, mb)
    size = sum(len(payload) for _, payload, _ in documents) / 1e6
    extract(*documents[0][1:])  # what is compiled or loaded once
    texts = measure(lambda: {url: extract(payload, media_type) for url, payload, media_type in documents})
    speed = {"mb": size, "html_mb_s": size / measure.cpu_s, "pages_s": len(documents) / measure.cpu_s}
    return speed | scores(texts, main_content(truth), page_kinds(truth))


def dspipe(measure: Measure, paths: Sequence[str], truth: str, mb: float, model: str | None) -> Result:
    """The stage `extract` with its defaults, and the milliseconds that a page takes by part."""
    from dspipe.stages.extract import main_content as engine
    from dspipe.stages.extract.stage import ExtractConfig, ExtractStage

    stage = ExtractStage("extract", ExtractConfig())
    if model is not None:
        stage.__dict__["_model"] = engine.load_model(Path(model))
    result = race(measure, paths, truth, mb, stage.extract)
    return result | {"ms_by_part": milliseconds(pages(paths, mb), stage._model)}


def milliseconds(documents: Sequence[tuple[str, bytes, str]], model: Any) -> dict[str, float]:
    """CPU milliseconds a page, of the parts of dspipe's engine."""
    import numpy as np

    from dspipe.kernels.html.page_scan import scan_page
    from dspipe.stages.extract import main_content as engine
    from dspipe.stages.extract.stage import decode_page

    clock = [time.process_time()]

    def timed(function: Callable[[Any], Any], given: Sequence[Any]) -> list[Any]:
        made = [function(x) for x in given]
        clock.append(time.process_time())
        return made

    decoded = timed(lambda d: np.frombuffer(decode_page(*d[1:]).encode(), np.uint8), documents)
    timed(scan_page, decoded)
    timed(engine.describe_page, decoded)
    rated = timed(lambda page: engine.rate_blocks(page, model.blocks), decoded)
    timed(engine.choose, rated)
    found = timed(lambda page: engine.find_main_content(page, model), decoded)
    timed(lambda page: page.text(), found)
    decode, scan, describe, rate, choose, find, text = (1000 * (b - a) / len(documents) for a, b in pairwise(clock))
    return {
        "decode": decode,
        "scan": scan,
        "sums": describe - scan,
        "features and blocks' model": rate - describe,
        "choice": choose,
        "pages' models": find - rate - choose,
        "text": text,
    }


def resiliparse(measure: Measure, paths: Sequence[str], truth: str, mb: float) -> Result:
    """Resiliparse's main content with its own defaults."""
    from resiliparse.extract.html2text import extract_plain_text

    return race(measure, paths, truth, mb, lambda page, _: extract_plain_text(_decoded(page), main_content=True))


def trafilatura(measure: Measure, paths: Sequence[str], truth: str, mb: float, precise: bool) -> Result:
    """trafilatura with its own defaults, or as datatrove calls it: without comments, preferring precision."""
    from trafilatura import extract

    options = {"include_comments": False, "favor_precision": True, "deduplicate": True} if precise else {}
    return race(measure, paths, truth, mb, lambda page, _: extract(_decoded(page), **options) or "")


def _decoded(page: bytes) -> str:
    return page.decode("utf-8", "replace")


def main() -> None:
    """Run the contestants one after the other."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--truth", required=True, help="the true main content by URL (.jsonl, .jsonl.zst)")
    options.add_argument("--model", help="dspipe's model in place of the one that comes with it (.npz)")
    given = options.parse_args()
    settings = {"truth": given.truth, "mb": given.mb}
    result: Result = {"dspipe": contest("benchmarks.extract:dspipe", given, **settings, model=given.model)}
    python = given.peer_python
    result["resiliparse"] = contest("benchmarks.extract:resiliparse", given, python=python, **settings)
    for name, precise in (("trafilatura", False), ("trafilatura, precise", True)):
        result[name] = contest("benchmarks.extract:trafilatura", given, python=python, precise=precise, **settings)
    columns = ("pages", "pages_s", "html_mb_s", "precision", "recall", "f1", "by_kind", "ms_by_part", "peak_mb")
    report(given, result, columns, "Main content of web pages, per CPU second")


if __name__ == "__main__":
    main()
