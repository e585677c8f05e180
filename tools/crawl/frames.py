"""Frames: real pages with a hole where their main text was. All pages of a made host share one.

The main text is the run of paragraphs with most letters between which no block begins or ends. Longer paragraphs
elsewhere on the page are taken out too, since what stays is on every page of the host. A frame counts only where the
engine that dspipe extracts with finds a text in the hole, and not much else.
"""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dspipe.stages.extract.main_content import find_main_content, load_model
from tools.crawl.records import Frame, pack

_PARAGRAPH = re.compile(r"<p\b[^>]*>.*?</p\s*>", re.S | re.I)
_BLOCK = re.compile(r"</?(?:div|section|article|main|aside|table|td|tr|ul|ol|li|form|nav|header|footer|body)\b", re.I)
_TAG = re.compile(r"<[^>]*>")
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.I)
_LANGUAGE = re.compile(r"<html\b[^>]*\blang\s*=\s*[\"']?([a-zA-Z]{2,3})", re.I)
_HAN = re.compile(r"[\u3400-\u9fff]")
_LEAST = 300
"""letters of main text that a page must have to be taken for a frame"""
_LONG = 60
"""letters of a paragraph outside the main text above which it is taken out"""
_PROBE = (
    "A sentence that stands here in place of the page's own, so that it can be looked for. ",
    "这里有一句话，代替网页原来的内容，好让我们可以找到它，并且知道它是否还在。",
)
_MOST_BESIDE = 150
"""characters that the extraction may find on a frame beside the main text"""
_LARGEST = 1 << 20


def read_pages(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Address and body of every HTML page of WARC files."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    for path in paths:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                if record.http_headers is not None and record.http_headers.status_code in (200, "200"):
                    yield (record.headers.get("WARC-Target-URI") or "").strip("<>"), record.reader.read()


def open_page(url: str, page: bytes) -> tuple[Frame, str] | None:
    """The page as a frame, and the text of its paragraphs; None where it is no good one."""
    declared = _CHARSET.search(page[:4096])
    charset = declared[1].decode("ascii").lower() if declared else "utf-8"
    try:
        text = page.decode(charset)
        if text.encode(charset) != page or len(page) > _LARGEST or "\0" in text:
            return None
    except (UnicodeError, LookupError):
        return None
    run = _main_run(text)
    if run is None:
        return None
    start, end = run
    paragraphs = "\n".join(_plain(match[0]) for match in _PARAGRAPH.finditer(text[start:end]))
    head, tail = _without_paragraphs(text[:start]), _without_paragraphs(text[end:])
    language = _language_of(text, paragraphs)
    if not _holds_text(head, tail, language):
        return None
    before, behind = (pack(part.encode(charset), level=6) for part in (head, tail))
    return Frame(url, language, charset, before, behind), paragraphs


def _main_run(text: str) -> tuple[int, int] | None:
    """Where the run of paragraphs with most letters begins and ends."""
    best, best_letters = None, _LEAST
    start, end, letters = 0, -1, 0
    for match in _PARAGRAPH.finditer(text):
        if end < 0 or _BLOCK.search(text, end, match.start()):
            start, letters = match.start(), 0
        end, letters = match.end(), letters + len(_plain(match[0]))
        if letters > best_letters:
            best, best_letters = (start, end), letters
    return best


def _plain(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def _without_paragraphs(text: str) -> str:
    return _PARAGRAPH.sub(lambda match: "" if len(_plain(match[0])) > _LONG else match[0], text)


def _language_of(text: str, paragraphs: str) -> str:
    han = len(_HAN.findall(paragraphs))
    if han > 0.2 * len(paragraphs):
        return "zh"
    named = _LANGUAGE.search(text[:4096])
    return named[1].lower() if named else ""


def _holds_text(head: str, tail: str, language: str) -> bool:
    """Whether a long and a short text are found in the hole, and little else: what a frame adds to short texts would
    make them near-duplicates of each other."""
    probe = _PROBE[language == "zh"]
    for paragraphs, sentences in ((5, 3), (2, 2)):
        body = "".join(f"<p>{i + 1} {probe * sentences}</p>\n" for i in range(paragraphs))
        page = np.frombuffer((head + body + tail).encode("utf-8", "replace"), np.uint8)
        found = find_main_content(page, load_model()).text()
        times = found.count(probe.strip())
        if times < 0.85 * paragraphs * sentences or len(found) - times * len(probe) > _MOST_BESIDE:
            return False
    return True
