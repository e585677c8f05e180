"""Real Chinese pages of news, lists and forums, and what of them is the main content."""

from pathlib import Path

from benchmarks.extract import pages
from benchmarks.extract_ranges import read_truth
from tests.shared import shared

RANGES = Path(__file__).with_name("zh-news-ranges.jsonl")


def zh_news() -> list[tuple[bytes, str, str]]:
    """Bytes, media type and true text of each page."""
    archive = str(shared("web/zh-news-pages.warc.gz"))
    truth = read_truth(str(RANGES), [archive])
    return [(payload, media_type, truth[url]) for url, payload, media_type in pages([archive], 0) if url in truth]
