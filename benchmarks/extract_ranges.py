"""The main content of pages whose truth is given as ranges, by characters: for languages without spaces.

    python -m benchmarks.extract_ranges --input zh-news-pages.warc.gz
        --truth tests/stages/extract/zh-news-ranges.jsonl --peer-python PYTHON

`--truth` has a line of JSON for each page: `url` and `ranges`, pairs of the first and last words of a run of blocks of
text that belongs to the main content, in the order of the page. So the truth needs no copy of the page. Where a pair
fits more than one run, it means the shortest. The score is as in benchmarks.extract, with each character of Chinese or
Japanese taken for a word.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from benchmarks.common import Measure, Result, contest, parser, report
from benchmarks.extract import pages, score

_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[^\W\u2e80-\u9fff]+")


class TruthError(ValueError):
    """A range that is not on its page."""


def blocks_of(payload: bytes, media_type: str) -> list[str]:
    """The text of each block of a page, its white space made single."""
    import numpy as np

    from dspipe.kernels.html.page_arrays import END, START
    from dspipe.kernels.html.page_scan import scan_page
    from dspipe.stages.extract.stage import decode_page

    arrays = scan_page(np.frombuffer(decode_page(payload, media_type).encode(), np.uint8))
    text = arrays.text.tobytes()
    return [" ".join(text[row[START] : row[END]].decode("utf-8", "replace").split()) for row in arrays.blocks]


def text_in_ranges(blocks: Sequence[str], ranges: Sequence[tuple[str, str]]) -> str:
    """The text of the blocks in the ranges. Raises TruthError for a range that isn't there after the one before."""
    found: list[str] = []
    after = 0
    for first, last in ranges:
        starts = [i for i in range(after, len(blocks)) if blocks[i].startswith(first)]
        ends = {i: next((j for j in range(i, len(blocks)) if blocks[j].endswith(last)), None) for i in starts}
        runs = [(j - i, i, j + 1) for i, j in ends.items() if j is not None]
        if not runs:
            raise TruthError(f"no blocks from {first!r} to {last!r}")
        _, start, after = min(runs)
        found += blocks[start:after]
    return "\n".join(found)


def read_truth(path: str, archives: Sequence[str]) -> dict[str, str]:
    """The true text by URL of the pages of archives that the file has ranges for."""
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    ranges = {row["url"]: row["ranges"] for row in rows}
    return {
        url: text_in_ranges(blocks_of(payload, media_type), ranges[url])
        for url, payload, media_type in pages(archives, 0)
        if url in ranges
    }


def characters(text: str) -> Counter[str]:
    """Characters of Chinese or Japanese and words of other scripts, and how often the text has them."""
    return Counter(_WORD.findall(text.lower()))


def race(measure: Measure, paths: Sequence[str], truth: dict[str, str], extract: Callable[[bytes, str], str]) -> Result:
    """Time `extract` on all pages with a truth, then score what it found."""
    documents = [document for document in pages(paths, 0) if document[0] in truth]
    extract(*documents[0][1:])  # what is compiled or loaded once
    texts = measure(lambda: {url: extract(payload, media_type) for url, payload, media_type in documents})
    found = [score(characters(text), characters(truth[url])) for url, text in texts.items()]
    precision, recall, f1 = (mean(values) for values in zip(*found, strict=True))
    speed = len(documents) / measure.cpu_s
    return {"pages": len(found), "pages_s": speed, "precision": precision, "recall": recall, "f1": f1}


def dspipe(measure: Measure, paths: Sequence[str], truth: dict[str, str]) -> Result:
    """The stage `extract` with its defaults."""
    from dspipe.stages.extract.stage import ExtractConfig, ExtractStage

    return race(measure, paths, truth, ExtractStage("extract", ExtractConfig()).extract)


def resiliparse(measure: Measure, paths: Sequence[str], truth: dict[str, str]) -> Result:
    """Resiliparse's main content with its own defaults."""
    from resiliparse.extract.html2text import extract_plain_text

    return race(measure, paths, truth, lambda page, _: extract_plain_text(_decoded(page), main_content=True))


def trafilatura(measure: Measure, paths: Sequence[str], truth: dict[str, str]) -> Result:
    """trafilatura as datatrove calls it by default: without comments, preferring precision."""
    from trafilatura import extract

    def text(page: bytes, _: str) -> str:
        return extract(_decoded(page), include_comments=False, favor_precision=True, deduplicate=True) or ""

    return race(measure, paths, truth, text)


def _decoded(page: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return page.decode(encoding)
        except UnicodeDecodeError:
            continue
    return page.decode("utf-8", "replace")


def main() -> None:
    """Run the contestants one after the other."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--truth", required=True, help="the ranges of the main content by URL (.jsonl)")
    given = options.parse_args()
    truth = read_truth(given.truth, given.input)
    result: Result = {"dspipe": contest("benchmarks.extract_ranges:dspipe", given, truth=truth)}
    for name in ("resiliparse", "trafilatura"):
        result[name] = contest(f"benchmarks.extract_ranges:{name}", given, python=given.peer_python, truth=truth)
    report(given, result, ("pages", "pages_s", "precision", "recall", "f1", "peak_mb"), "Main content by characters")


if __name__ == "__main__":
    main()
