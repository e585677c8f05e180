"""File rules for source code: DeepSeek-Coder's (Guo et al. 2024, arXiv 2401.14196, section 2.1), which are StarCoder's.

    - code: {}
    - code: {endings: [py, pyi], parse: [python]}

By the ending of its path a file is Python, HTML, JSON or something else; a document without a path is judged by the
rules for all files. Dropped are

    long lines         a mean over 100 characters, or one line over 1,000
    few letters        under 25 % of all characters
    XML                `<?xml version=` within the first 100 characters, but for XSLT
    HTML               that shows under 20 % of its characters, or under 100
    JSON and YAML      of under 50 or over 5,000 characters
    syntax errors      with `parse`: what a compiler refuses (section 2.4), for the languages that have a parser here

Beyond the paper, where it says nothing: an empty file has no lines and no letters, and goes for its letters.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dspipe.pipeline.stage import NOTHING, Decides, MapConfig, MapStage, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.shared.file_paths import check_text_column, endings_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

HTML = ("html", "htm", "xhtml")
DATA = ("json", "yaml", "yml")
XSLT = ("xsl", "xslt")
PYTHON = ("py", "pyi")
_XML_WITHIN, _XML = 100, "<?xml version="

Share = Annotated[float | None, Decides, Field(ge=0, le=1)]
Length = Annotated[float | None, Decides, Field(ge=0)]


class CodeConfig(MapConfig):
    """Settings of `code`; null turns a rule off."""

    path: str = "id"
    """The column that says a file's path. The id of a file of the format `files` ends with it."""
    endings: Annotated[tuple[str, ...] | None, Decides] = None
    """Drop files with other endings than these (`[py, java]`). Default: of whatever language."""
    max_mean_line: Length = 100
    """Characters in a line, on average."""
    max_line: Length = 1000
    """Characters in the longest line."""
    min_letters: Share = 0.25
    """Share of characters that are letters."""
    drop_xml: Annotated[bool, Decides] = True
    """Drop files that begin as XML, but for XSLT."""
    min_shown_share: Share = 0.2
    """Of HTML: the share of its characters that it shows."""
    min_shown: Length = 100
    """Of HTML: the characters that it shows."""
    min_data: Length = 50
    """Of JSON and YAML: characters."""
    max_data: Length = 5000
    """Of JSON and YAML: characters."""
    parse: tuple[Literal["python"], ...] = ()
    """Drop files with syntax errors, of these languages. Python's parser makes 3.5 MB a second."""


class CodeStage(MapStage[CodeConfig]):
    """Adds what the rules look at: `code.ending` (string, in lower case; "" for none), `code.characters` (uint32),
    `code.mean_line`, `code.letters` (float32, a share), `code.longest_line` (uint32), `code.xml`, `code.shown` and
    `code.shown_share` (of HTML), `code.data` (characters of JSON and YAML), `code.syntax_error` (with `parse`)."""

    Config = CodeConfig

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        kinds = {
            "ending": pa.string(),
            "characters": pa.uint32(),
            "mean_line": pa.float32(),
            "longest_line": pa.uint32(),
            "letters": pa.float32(),
            "xml": pa.bool_(),
            "shown": pa.uint32(),
            "shown_share": pa.float32(),
            "data": pa.uint32(),
            **({"syntax_error": pa.string()} if self.config.parse else {}),
        }
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in kinds.items())

    def measure_settings(self) -> Settings:
        from dspipe.stages.code.parse import GRAMMAR

        parsed = sorted(set(self.config.parse))
        return {"path": self.config.path, "parse": parsed, **({"grammar": GRAMMAR} if parsed else {})}

    def check_columns(self, known: "Mapping[str, pa.DataType]") -> None:
        check_text_column(self.config.path, known, "path")

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.text.file_statistics import file_statistics

        text, endings = batch.column("text"), endings_of(batch.column(self.config.path))
        html, data, xslt = (_one_of(endings, names) for names in (HTML, DATA, XSLT))
        found = file_statistics(*text_buffers(text), html)
        characters, lines = np.maximum(found.characters, 1), np.maximum(found.lines, 1)
        head = pc.utf8_slice_codeunits(text, 0, _XML_WITHIN)
        columns = [
            endings,
            pa.array(found.characters, pa.uint32()),
            pa.array((found.line_characters / lines).astype(np.float32)),
            pa.array(found.longest_line, pa.uint32()),
            pa.array((found.letters / characters).astype(np.float32)),
            pc.and_(pc.match_substring(head, _XML), pa.array(~xslt)),
            pa.array(found.shown, pa.uint32(), mask=~html),
            pa.array((found.shown / characters).astype(np.float32), mask=~html),
            pa.array(found.characters, pa.uint32(), mask=~data),
        ]
        if self.config.parse:
            columns.append(_syntax_errors(text, _one_of(endings, PYTHON)))
        for field, column in zip(self.measured_columns(), columns, strict=True):
            batch = batch.append_column(field, column)
        return batch

    def judge_columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.measured_columns() if field.name != f"{self.name}.characters")

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        reasons = pa.nulls(columns.num_rows, pa.string())
        for broken, reason in self._broken(columns):
            reasons = pc.coalesce(reasons, pc.if_else(broken, reason, pa.scalar(None, pa.string())))
        return reasons

    def _broken(self, columns: "pa.RecordBatch") -> "Iterator[tuple[pa.Array, str]]":
        """For each rule which documents break it (never null), and the reason."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.config.endings is not None:
            wanted = pa.array([ending.lower().removeprefix(".") for ending in self.config.endings], pa.string())
            endings = columns.column(f"{self.name}.ending").cast(pa.string())
            yield pc.invert(pc.is_in(endings, wanted)), f"{self.name}.other_ending"
        for threshold in self.thresholds():
            if threshold.on:
                numbers = threshold.numbers(None, columns.num_rows)
                broken = threshold.broken(columns.column(threshold.column), numbers)
                yield pa.array(broken), threshold.reason
        if self.config.drop_xml:
            yield pc.fill_null(columns.column(f"{self.name}.xml"), False), f"{self.name}.xml"
        if self.config.parse:
            yield pc.is_valid(columns.column(f"{self.name}.syntax_error")), f"{self.name}.syntax_error"

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        config = self.config
        yield self._threshold("max_mean_line", "mean_line", "at most", "long_lines", config.max_mean_line)
        yield self._threshold("max_line", "longest_line", "at most", "long_line", config.max_line)
        yield self._threshold("min_letters", "letters", "at least", "few_letters", config.min_letters)
        yield self._threshold("min_shown_share", "shown_share", "at least", "little_shown", config.min_shown_share)
        yield self._threshold("min_shown", "shown", "at least", "little_shown", config.min_shown)
        yield self._threshold("min_data", "data", "at least", "little_data", config.min_data)
        yield self._threshold("max_data", "data", "at most", "much_data", config.max_data)

    def _threshold(
        self, key: str, column: str, asks: Literal["at least", "at most"], reason: str, value: float | None
    ) -> Threshold:
        return Threshold((key,), f"{self.name}.{column}", asks, f"{self.name}.{reason}", value)


def _one_of(endings: "pa.Array", names: tuple[str, ...]) -> "npt.NDArray[np.bool_]":
    import pyarrow as pa
    import pyarrow.compute as pc

    found: npt.NDArray[np.bool_] = pc.is_in(endings, pa.array(names, pa.string())).to_numpy(zero_copy_only=False)
    return found


def _syntax_errors(texts: "pa.Array", python: "npt.NDArray[np.bool_]") -> "pa.Array":
    import pyarrow as pa

    from dspipe.stages.code.parse import python_error

    errors: list[str | None] = [None] * len(texts)
    for row in python.nonzero()[0].tolist():
        errors[row] = python_error(texts[row].as_py())
    return pa.array(errors, pa.string())
