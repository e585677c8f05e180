"""Text from the pages of web archives.

    - extract: {}                                                        the engine `dspipe`
    - extract: {fallback: {below: 0.6, engine: trafilatura}}             a slower one for pages that it isn't sure of

The engine `dspipe` scans a page once, describes its blocks of text, and lets a small model choose those of the main
content (kernels/html, main_content.py; model.md says how good it is). Its facts and judgements are columns:

    extract.characters    uint32, the length of the text; null for documents that came with their text
    extract.title, extract.date, extract.language, extract.canonical
                          string, what the page says of itself: title, YYYY-MM-DD, language tag, address
    extract.kind          string: article, collection, documentation, forum, listing, product or service
    extract.kind_score    float32, how sure that is, 0 to 1
    extract.kept_share    float32, of the page's words
    extract.confidence    float32, the F1 by words that the text is expected to have
    extract.code          list of uint32, the hashes of the lines of code, which `host_lines` leaves alone

A page without text is dropped as `extract.no_text`, one below `min_confidence` as `extract.low_confidence`.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import NOTHING, MapConfig, MapStage, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.extract.resiliparse_engine import ResiliparseOptions
from dspipe.stages.extract.tidy import tidy

if TYPE_CHECKING:
    import pyarrow as pa

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s;\"']+)", re.IGNORECASE)
_NOT_MEASURED = {"early", "domains", "min_confidence"}


class Fallback(BaseModel):
    """A slower engine for pages that the first isn't sure of."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    below: float = Field(default=0.6, gt=0, le=1, description="of `extract.confidence`")
    engine: Literal["resiliparse", "trafilatura"] = Field(default="trafilatura", description="what reads them instead")


class ExtractConfig(MapConfig):
    """Settings of `extract`."""

    engine: Literal["dspipe", "resiliparse", "trafilatura"] = Field(
        default="dspipe", description="what makes text of HTML; trafilatura is an optional package"
    )
    format: Literal["text", "markdown"] = Field(
        default="text", description="markdown marks headings, code, quotations and the first row of tables"
    )
    list_bullets: bool = Field(default=True, description="keep bullets and numbers of lists")
    whole: bool = Field(
        default=True,
        description="engine dspipe: keep titles and headings of what is kept, code beside it, and tables whole or not "
        "at all",
    )
    fallback: Fallback | None = Field(default=None, description="engine dspipe: what reads pages that it isn't sure of")
    min_confidence: float | None = Field(
        default=None, ge=0, le=1, description="engine dspipe: drop pages whose text is expected to be worse"
    )
    resiliparse: ResiliparseOptions = Field(default=ResiliparseOptions(), description="what Resiliparse keeps")


class ExtractStage(MapStage[ExtractConfig]):
    """Extracts the text of documents that came as HTML or plain text in any encoding."""

    Config = ExtractConfig
    rewrites = True
    extracts = True

    def check(self) -> None:
        from dspipe.stages.extract.trafilatura_engine import require_trafilatura

        config = self.config
        if config.engine == "trafilatura":
            require_trafilatura("engine")
        if config.fallback is not None and config.fallback.engine == "trafilatura":
            require_trafilatura("fallback")
        if config.engine != "dspipe":
            for key in ("fallback", "min_confidence"):
                if getattr(config, key) is not None:
                    raise ConfigError(f"only the engine dspipe says how sure it is; {config.engine} doesn't", (key,))
        if config.format == "markdown" and "resiliparse" in (config.engine, config.fallback and config.fallback.engine):
            raise ConfigError("Resiliparse writes no Markdown", ("format",))

    def set_up(self) -> None:
        if self.config.engine == "dspipe":
            _ = self._model

    def compile_kernels(self) -> None:
        if self.config.engine == "dspipe":
            self.extract(b"<title>t</title><ul><li>a</ul><table><tr><td>b</table><pre>c</pre><p>&amp;", "text/html")

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {
            "characters": pa.uint32(),
            **dict.fromkeys(("title", "date", "language", "canonical", "kind"), pa.string()),
            **dict.fromkeys(("kind_score", "kept_share", "confidence"), pa.float32()),
            "code": pa.list_(pa.uint32()),
        }
        return tuple(pa.field(f"extract.{name}", type) for name, type in types.items())

    def measure_settings(self) -> Settings:
        from dspipe.stages.extract.main_content import MODEL
        from dspipe.stages.shared.loaded import sha256_once

        return {"model": sha256_once(MODEL), **self.config.model_dump(mode="json", exclude=_NOT_MEASURED)}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Fills `text` where there is `content` (large_binary, with its `content_type`)."""
        import pyarrow as pa

        names = [field.name.removeprefix("extract.") for field in self.measured_columns()]
        found: list[dict[str, Any]] = [{}] * batch.num_rows
        if batch["content"].null_count < batch.num_rows:
            texts, types = batch["text"].to_pylist(), batch["content_type"].to_pylist()
            for i, content in enumerate(batch["content"]):
                if content.is_valid:
                    texts[i], found[i] = self._extract(content.as_py(), types[i])
            at = batch.schema.get_field_index("text")
            batch = batch.set_column(at, batch.schema.field(at), pa.array(texts, pa.large_string()))
        for name, field in zip(names, self.measured_columns(), strict=True):
            batch = batch.append_column(field, pa.array([row.get(name) for row in found], field.type))
        return batch

    def judge_columns(self) -> tuple[str, ...]:
        return ("extract.characters", "extract.confidence")

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        reason = pa.scalar(None, pa.string())
        if self.config.min_confidence is not None:
            low = pc.less(columns["extract.confidence"], pa.scalar(self.config.min_confidence, pa.float32()))
            reason = pc.if_else(low, "extract.low_confidence", reason)
        return pc.if_else(pc.equal(columns["extract.characters"], 0), "extract.no_text", reason)

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        least = self.config.min_confidence
        yield Threshold(("min_confidence",), "extract.confidence", "at least", "extract.low_confidence", least)

    def extract(self, content: bytes, content_type: str | None) -> str:
        """The text of one page; `content_type` is the media type with its parameters as the server declared it."""
        return self._extract(content, content_type)[0]

    def _extract(self, content: bytes, content_type: str | None) -> tuple[str, dict[str, Any]]:
        """The text and the values of the columns, without `extract.`."""
        row: dict[str, Any] = {}
        if not is_html(content_type):
            text = decode_page(content, content_type)
        elif self.config.engine == "dspipe":
            text, row = self._main_content(content, content_type)
        else:
            text = self._with(self.config.engine, decode_page(content, content_type))
        text = tidy(text) if is_html(content_type) else text.strip()
        return text, {**row, "characters": len(text)}

    def _main_content(self, content: bytes, content_type: str | None) -> tuple[str, dict[str, Any]]:
        import pyarrow as pa

        from dspipe.stages.extract.main_content import find_main_content
        from dspipe.stages.extract.page_facts import page_facts
        from dspipe.stages.shared.line_hashes import short_hashes
        from dspipe.stages.sources.reading.batches import clean_text

        data = utf8_page(content, content_type)
        page = find_main_content(np.frombuffer(data, np.uint8), self._model, self.config.whole)
        fallback = self.config.fallback
        row: dict[str, Any] = {**page_facts(data, page.arrays.spans)._asdict(), "kind": page.kind}
        row |= {"kind_score": page.kind_score, "kept_share": page.kept_share, "confidence": page.confidence}
        if fallback is not None and page.confidence < fallback.below:
            return self._with(fallback.engine, data.decode()), row
        if code := page.code_lines():
            row["code"] = np.unique(short_hashes(pa.array(code, pa.string())))
        return clean_text(page.text(self.config.list_bullets, self.config.format == "markdown")), row

    def _with(self, engine: str, page: str) -> str:
        from dspipe.stages.extract.resiliparse_engine import extract_with_resiliparse
        from dspipe.stages.extract.trafilatura_engine import extract_with_trafilatura
        from dspipe.stages.sources.reading.batches import clean_text

        if engine == "trafilatura":
            return clean_text(extract_with_trafilatura(page, self.config.format == "markdown"))
        return clean_text(extract_with_resiliparse(page, self.config.resiliparse, self.config.list_bullets))

    @cached_property
    def _model(self) -> Any:
        from dspipe.stages.extract.main_content import load_model

        return load_model()


def is_html(content_type: str | None) -> bool:
    """Whether a media type is one of markup; a page of an unknown type is taken for that."""
    return "ml" in (content_type or "text/html").partition(";")[0]


def decode_page(content: bytes, content_type: str | None) -> str:
    """The characters of a page whose media type the server declared with or without its encoding."""
    from dspipe.stages.sources.reading.charset import decode

    declared = _CHARSET.search(content_type or "")
    return decode(content, declared[1] if declared else None, is_html(content_type))


def utf8_page(content: bytes, content_type: str | None) -> bytes:
    """The characters of a page as UTF-8: the page itself where it is that, without a copy."""
    from dspipe.stages.sources.reading.charset import is_clean_utf8

    return content if is_clean_utf8(content) else decode_page(content, content_type).encode()
