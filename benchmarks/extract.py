"""Text from web pages: MB of HTML per CPU second, and how much of the main content is found.

    python -m benchmarks.extract --input wcxb-dev.warc.gz --truth wcxb-dev-truth.jsonl.zst

`--truth` has a line of JSON for each page: `url`, and its text in `main_content`, or in that of `ground_truth`. The
score is of the words of a page as a multiset (lower case, runs of letters and digits): precision, recall and F1, each
the mean over pages. The peers get the pages decoded, as their users do it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
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
    import zstandard

    with zstandard.open(path, "rt", encoding="utf-8") if path.endswith(".zst") else Path(path).open() as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return {row["url"]: (row.get("ground_truth") or row).get("main_content") or "" for row in rows}


def words(text: str) -> Counter[str]:
    """The words of a text and how often it has them."""
    return Counter(_WORD.findall(text.lower()))


def scores(texts: dict[str, str], truth: dict[str, str]) -> Result:
    """Mean precision, recall and F1 of the pages whose main content is known."""
    sums, count = [0.0, 0.0, 0.0], 0
    for url, text in texts.items():
        if url not in truth:
            continue
        found, true = words(text), words(truth[url])
        common = (found & true).total()
        precision, recall = common / max(found.total(), 1), common / max(true.total(), 1)
        f1 = 2 * precision * recall / (precision + recall) if common else 0.0
        sums, count = [a + b for a, b in zip(sums, (precision, recall, f1), strict=True)], count + 1
    return dict(zip(("precision", "recall", "f1"), (s / max(count, 1) for s in sums), strict=True), pages=count)


def race(measure: Measure, paths: Sequence[str], truth: str, mb: float, extract: Callable[[bytes, str], str]) -> Result:
    """Time `extract` on all pages, then score what it found."""
    documents = pages(paths, mb)
    size = sum(len(payload) for _, payload, _ in documents) / 1e6
    texts = measure(lambda: {url: extract(payload, media_type) for url, payload, media_type in documents})
    return {"mb": size, "html_mb_s": size / measure.cpu_s} | scores(texts, main_content(truth))


def dspipe(measure: Measure, paths: Sequence[str], truth: str, mb: float) -> Result:
    """The stage `extract` with its defaults."""
    from dspipe.stages.extract import ExtractConfig, ExtractStage

    return race(measure, paths, truth, mb, ExtractStage("extract", ExtractConfig()).extract)


def resiliparse(measure: Measure, paths: Sequence[str], truth: str, mb: float) -> Result:
    """Resiliparse's main content with its own defaults."""
    from resiliparse.extract.html2text import extract_plain_text

    return race(measure, paths, truth, mb, lambda page, _: extract_plain_text(_decoded(page), main_content=True))


def trafilatura(measure: Measure, paths: Sequence[str], truth: str, mb: float) -> Result:
    """trafilatura as datatrove calls it by default: without comments, preferring precision."""
    from trafilatura import extract

    def text(page: bytes, _: str) -> str:
        return extract(_decoded(page), include_comments=False, favor_precision=True, deduplicate=True) or ""

    return race(measure, paths, truth, mb, text)


def _decoded(page: bytes) -> str:
    return page.decode("utf-8", "replace")


def main() -> None:
    """Run the contestants one after the other."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--truth", required=True, help="the true main content by URL (.jsonl, .jsonl.zst)")
    given = options.parse_args()
    settings = {"truth": given.truth, "mb": given.mb}
    result: Result = {"dspipe": contest("benchmarks.extract:dspipe", given, **settings)}
    for name in ("resiliparse", "trafilatura"):
        result[name] = contest(f"benchmarks.extract:{name}", given, python=given.peer_python, **settings)
    columns = ("pages", "mb", "html_mb_s", "precision", "recall", "f1", "peak_mb")
    report(given, result, columns, "Main content of web pages, MB of HTML per CPU second")


if __name__ == "__main__":
    main()
