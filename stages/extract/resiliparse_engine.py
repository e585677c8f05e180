"""Text from HTML with Resiliparse.

The defaults were chosen by token F1 (a page's tokens as a multiset, mean over pages) against the main content that the
Web Content Extraction Benchmark names for 768 pages of its development part, with Resiliparse 2.0:

    whole page                                          F1 0.731  precision 0.623  recall 0.967
    main content                                           0.819            0.814         0.875
    main content without alternative texts of images       0.825            0.827         0.870
    the same, and the whole page where that is too little  0.857            0.841         0.915     the default
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dspipe.kernels.html.markup_scan import MarkupCounts, scan_markup

_SHORT = 1000
MAX_DEPTH = 1000
"""Where elements are nested deeper, finding the main content takes quadratic time: with Resiliparse 2.0, 1,000 nested
elements take 10 ms, 10,000 take 0.9 s and 100,000 take 131 s; the whole page's text takes linear time. Browsers stop at
512."""
_MAX_ATTRIBUTES = 5000
"""of a tag: 10,000 take 0.27 s, 100,000 take 86 s"""
_MAX_FORMATTING = 1000
"""open at once: 1,000 take 0.6 s and 0.4 GB where a paragraph follows each, 5,000 take 9 s and 4.9 GB"""


class ResiliparseOptions(BaseModel):
    """What Resiliparse makes of a page."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    main_content: bool = Field(default=True, description="leave out navigation, headers, footers and the like")
    whole_page_below: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="take the whole page where its main content has fewer than 1,000 characters and less than this "
        "share of the page's: it wasn't found then",
    )
    comments: bool = Field(default=True, description="keep readers' comments, which are most of a forum")
    post_meta: bool = Field(default=True, description="keep bylines, dates and the like of posts")
    alt_texts: bool = Field(default=False, description="keep alternative texts of images")
    links: bool = Field(default=False, description="keep the targets of links")
    form_fields: bool = Field(default=False, description="keep the texts of form fields")
    noscript: bool = Field(default=False, description="keep what is shown where scripts don't run")


def extract_with_resiliparse(page: str, options: ResiliparseOptions, list_bullets: bool) -> str:
    """The text of a page. Raises ValueError for a page that would take minutes or gigabytes."""
    from resiliparse.extract.html2text import extract_plain_text

    given = options.model_dump(exclude={"main_content", "whole_page_below"}) | {"list_bullets": list_bullets}
    main_content = options.main_content and count_markup(page).depth <= MAX_DEPTH
    text: str = extract_plain_text(page, main_content=main_content, **given)
    if main_content and len(text) < _SHORT and options.whole_page_below:
        whole: str = extract_plain_text(page, main_content=False, **given)
        if len(text) < options.whole_page_below * len(whole):
            text = whole
    return text


def count_markup(page: str) -> MarkupCounts:
    """The counts of a page's markup. Raises ValueError for a page that would take a parser minutes or gigabytes."""
    counts = scan_markup(np.frombuffer(page.encode("utf-8", "surrogatepass"), np.uint8))
    if counts.attributes > _MAX_ATTRIBUTES:
        raise ValueError(f"a tag has {counts.attributes:,} attributes; more than {_MAX_ATTRIBUTES:,} aren't parsed")
    if counts.formatting > _MAX_FORMATTING:
        what = f"{counts.formatting:,} formatting elements (b, i, font, ...) are open at once"
        raise ValueError(f"{what}; more than {_MAX_FORMATTING:,} aren't parsed")
    return counts
