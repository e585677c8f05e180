"""Text from the pages of web archives, with Resiliparse.

    - extract: {}

Adds `extract.characters` (uint32): the length of the extracted text; null for documents that came with their text.
A page without text is dropped as `extract.no_text`.

The defaults were chosen by token F1 (a page's tokens as a multiset, mean over pages) against the main content that the
Web Content Extraction Benchmark names for 768 pages of its development part, with Resiliparse 2.0:

    whole page                                          F1 0.731  precision 0.623  recall 0.967
    main content                                           0.819            0.814         0.875
    main content without alternative texts of images       0.825            0.827         0.870
    the same, and the whole page where that is too little  0.857            0.841         0.915     the default
"""

import re
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from dspipe.kernels.html.markup_scan import MarkupCounts, scan_markup
from dspipe.pipeline.stage import MapConfig, MapStage

if TYPE_CHECKING:
    import pyarrow as pa

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
_STRAY_TAGS = re.compile(
    r"[ \t]*(?:<(?:img|iframe|script|noscript|ins|embed|object|link|meta)[ \t][^<>=]*=[^<>]*>(?:</[a-z]+>)?[ \t]*)*"
)
"""a line of media to embed, written as text (escaped twice, or in <noframes>); tags without attributes are spoken of"""
_BLANK_LINES = re.compile(r"\n(?:[ \t\xa0\u3000]*\n){3,}")
_OPTIONS = {"list_bullets", "comments", "post_meta", "alt_texts", "links", "form_fields", "noscript"}
_SHORT = 1000
_MAX_DEPTH = 1000
"""Where elements are nested deeper, finding the main content takes quadratic time: with Resiliparse 2.0, 1,000 nested
elements take 10 ms, 10,000 take 0.9 s and 100,000 take 131 s; the whole page's text takes linear time. Browsers stop at
512."""
_MAX_ATTRIBUTES = 5000
"""of a tag: 10,000 take 0.27 s, 100,000 take 86 s"""
_MAX_FORMATTING = 1000
"""open at once: 1,000 take 0.6 s and 0.4 GB where a paragraph follows each, 5,000 take 9 s and 4.9 GB"""


class ExtractConfig(MapConfig):
    """Settings of `extract`."""

    engine: Literal["resiliparse"] = "resiliparse"
    """what makes text of HTML; there is one so far"""
    main_content: bool = Field(default=True, description="leave out navigation, headers, footers and the like")
    whole_page_below: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="take the whole page where its main content has fewer than 1,000 characters and less than this "
        "share of the page's: it wasn't found then",
    )
    list_bullets: bool = Field(default=True, description="keep bullets and numbers of lists")
    comments: bool = Field(default=True, description="keep readers' comments, which are most of a forum")
    post_meta: bool = Field(default=True, description="keep bylines, dates and the like of posts")
    alt_texts: bool = Field(default=False, description="keep alternative texts of images")
    links: bool = Field(default=False, description="keep the targets of links")
    form_fields: bool = Field(default=False, description="keep the texts of form fields")
    noscript: bool = Field(default=False, description="keep what is shown where scripts don't run")


class ExtractStage(MapStage[ExtractConfig]):
    """Extracts the text of documents that came as HTML or plain text in any encoding."""

    Config = ExtractConfig
    rewrites = True
    extracts = True

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        """`extract.characters`."""
        import pyarrow as pa

        return (pa.field("extract.characters", pa.uint32()),)

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Fills `text` where there is `content` (large_binary, with its `content_type`)."""
        import pyarrow as pa

        lengths: list[int | None] = [None] * batch.num_rows
        if batch["content"].null_count < batch.num_rows:
            texts, types = batch["text"].to_pylist(), batch["content_type"].to_pylist()
            for i, content in enumerate(batch["content"]):
                if content.is_valid:
                    text = self.extract(content.as_py(), types[i])
                    texts[i], lengths[i] = text, len(text)
            at = batch.schema.get_field_index("text")
            batch = batch.set_column(at, batch.schema.field(at), pa.array(texts, pa.large_string()))
        return batch.append_column(self.measured_columns()[0], pa.array(lengths, pa.uint32()))

    def judge_columns(self) -> tuple[str, ...]:
        """`extract.characters`."""
        return ("extract.characters",)

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        """`extract.no_text` where nothing came out."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.if_else(pc.equal(columns["extract.characters"], 0), "extract.no_text", pa.scalar(None, pa.string()))

    def extract(self, content: bytes, content_type: str | None) -> str:
        """The text of one page; `content_type` is the media type with its parameters as the server declared it."""
        from dspipe.stages.sources.reading.charset import decode

        declared = _CHARSET.search(content_type or "")
        html = "ml" in (content_type or "text/html").partition(";")[0]
        page = decode(content, declared[1] if declared else None, html)
        return self._text(page).strip() if html else page.strip()

    def _text(self, page: str) -> str:
        from resiliparse.extract.html2text import extract_plain_text

        from dspipe.stages.sources.reading.batches import clean_text

        options = self.config.model_dump(include=_OPTIONS)
        main_content = self.config.main_content and _parsable(page).depth <= _MAX_DEPTH
        text: str = extract_plain_text(page, main_content=main_content, **options)
        if main_content and len(text) < _SHORT and self.config.whole_page_below:
            whole: str = extract_plain_text(page, main_content=False, **options)
            if len(text) < self.config.whole_page_below * len(whole):
                text = whole
        return _tidied(clean_text(text))


def _tidied(text: str) -> str:
    """The text without lines of tags at its beginning and end, and with two empty lines on end at most, as in code."""
    text = _BLANK_LINES.sub("\n\n\n", text.strip())
    start, end = 0, len(text)
    while (cut := text.find("\n", start, end)) >= 0 and _STRAY_TAGS.fullmatch(text, start, cut):
        start = cut + 1
    while (cut := text.rfind("\n", start, end)) >= 0 and _STRAY_TAGS.fullmatch(text, cut + 1, end):
        end = cut
    return text[start:end].strip()


def _parsable(page: str) -> MarkupCounts:
    """The counts of a page's markup. Raises ValueError for a page that would take a parser minutes or gigabytes."""
    counts = scan_markup(np.frombuffer(page.encode("utf-8", "surrogatepass"), np.uint8))
    if counts.attributes > _MAX_ATTRIBUTES:
        raise ValueError(f"a tag has {counts.attributes:,} attributes; more than {_MAX_ATTRIBUTES:,} aren't parsed")
    if counts.formatting > _MAX_FORMATTING:
        what = f"{counts.formatting:,} formatting elements (b, i, font, ...) are open at once"
        raise ValueError(f"{what}; more than {_MAX_FORMATTING:,} aren't parsed")
    return counts
