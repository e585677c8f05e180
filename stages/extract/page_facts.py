"""What a page says of itself, from the places that the scan of it noted: title, date, language, address."""

import html
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.html.page_arrays import CANONICAL, DATE, LANGUAGE, SHARED_TITLE, TITLE
from dspipe.stages.sources.reading.batches import clean_text

_DAY = re.compile(r"(?<!\d)(\d{4})[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?!\d)")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")
_LONGEST = 4096


class PageFacts(NamedTuple):
    """title: of the page, or what it gives to those that share it; date: YYYY-MM-DD; language: a tag as declared
    (`zh-CN`); canonical: the address that it names as its own. Null where the page doesn't say."""

    title: str | None
    date: str | None
    language: str | None
    canonical: str | None


def page_facts(page: bytes | bytearray, spans: npt.NDArray[np.int64]) -> PageFacts:
    """The facts at `spans` (kernels.html.page_arrays) of a page in UTF-8."""

    def text(span: int) -> str | None:
        first, last = (int(place) for place in spans[span])
        if first < 0 or last - first > _LONGEST:
            return None
        found = html.unescape(page[first:last].decode("utf-8", "replace"))
        return clean_text(" ".join(found.split())) or None

    day, language = _DAY.search(text(DATE) or ""), text(LANGUAGE)
    return PageFacts(
        text(TITLE) or text(SHARED_TITLE),
        "-".join(day.groups()) if day else None,
        language if language and _LANGUAGE_TAG.match(language) else None,
        text(CANONICAL),
    )
