"""Documents that hold benchmark questions: found by shared n-grams, marked, and dropped or kept.

    - decontaminate: {against: "benchmarks/*.jsonl.gz", ngram: 13}

The share of a question that a document covers is measured in the text pass; `coverage` decides on it afterwards.
13 words are GPT-3's n (Brown et al., 2020, appendix C), half a question's n-grams is the share of Tülu 3 (Lambert et
al., 2024, section 3.2). A unit is a word, or one character of a script without spaces (kernels.units).
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from pipeline.stage import ConfigError, MapConfig, MapStage, Settings
from stages.json_lines import json_objects

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from kernels.ngram_overlap import Index

_CONTEXTS = ("passage", "context", "article")
_QUESTIONS = ("question", "prompt", "problem", "query", "text", "content")
_IDS = ("task_id", "id", "question_id")


class MultipleChoice(BaseModel):
    """When a page is one of multiple-choice questions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: PositiveInt = 3
    """at least this many questions with options A, B, C, ..."""
    bytes_per_question: PositiveInt = 1500
    """and at most this much text to each: an exam page, not an article with a quiz at its end"""


class DecontaminateConfig(MapConfig):
    """Settings of `decontaminate`."""

    against: tuple[str, ...] = Field(min_length=1)
    """Benchmark files (.jsonl, .jsonl.gz, .jsonl.zst), one question a line; wildcards are expanded."""

    fields: tuple[str, ...] | None = None
    """The fields that make up a question. Default: the first of passage, context, article, if there is one, and the
    first of question, prompt, problem, query, text, content."""

    ngram: int = Field(default=13, ge=2, le=64)
    """Length of the n-grams in units."""

    shortest: int = Field(default=8, ge=1, le=64)
    """A question of fewer than `ngram` units, but at least this many, must occur as a whole; shorter ones are left
    out."""

    common: PositiveInt = 20
    """Leave n-grams out that more than this many questions have: standing phrases of a benchmark. A passage with its
    questions is below it."""

    coverage: float = Field(default=0.5, gt=0, le=1)
    """The share of a question's n-grams from which a document counts as contaminated."""

    action: Literal["drop", "mark"] = "drop"
    """Drop contaminated documents, or only mark them in the columns."""

    multiple_choice: MultipleChoice | None = None
    """Drop (or mark) pages of multiple-choice questions as well, which DeepSeek kept out of pretraining on purpose
    (DeepSeek LLM, 2024, section 5.4); `{}` for the defaults. Default: no."""

    @field_validator("against", "fields", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class DecontaminateStage(MapStage[DecontaminateConfig]):
    """Adds, of the question that a document covers most, `decontaminate.benchmark` (string, the file's name),
    `decontaminate.item` (string, its id, or its line), `decontaminate.coverage` (float32, share of its n-grams), all
    null where no n-gram is shared; `decontaminate.choices` (uint32, multiple-choice questions in the document) and
    `decontaminate.bytes_per_choice` (float64, its bytes by their number, null for none).

    Drops with `decontaminate.overlap` and `decontaminate.multiple_choice`."""

    Config = DecontaminateConfig

    def check(self) -> None:
        if self.config.shortest > self.config.ngram:
            raise ConfigError(f"longer than ngram, which is {self.config.ngram}", ("shortest",))
        for path in self._files:
            if not sum(1 for _ in questions(path, self.config.fields)):
                raise ConfigError(f"{path}: no questions in it", ("against",))

    def measured(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        types = {"benchmark": pa.string(), "item": pa.string(), "coverage": pa.float32(), "choices": pa.uint32()}
        types["bytes_per_choice"] = pa.float64()
        return tuple(pa.field(f"{self.name}.{name}", kind) for name, kind in types.items())

    def text_settings(self) -> Settings:
        return {"index": self._digest}

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import numpy as np
        import pyarrow as pa

        from kernels.arrow import text_buffers
        from kernels.choices import count_choices
        from kernels.ngram_overlap import overlap

        data, offsets = text_buffers(batch.column("text"))
        index = self._index
        found = overlap(data, offsets, index.table)
        none = found.best < 0
        best = pa.array(np.maximum(found.best, 0), mask=none)
        choices = count_choices(data, offsets)
        columns = (
            index.benchmarks.take(index.of_item.take(best)),
            index.items.take(best),
            pa.array(found.share, mask=none),
            pa.array(choices),
            pa.array(np.diff(offsets) / np.maximum(choices, 1), mask=choices == 0),
        )
        for field, column in zip(self.measured(), columns, strict=True):
            batch = batch.append_column(field, column)
        return batch

    def judged(self) -> tuple[str, ...]:
        if self.config.action == "mark":
            return ()
        return f"{self.name}.coverage", f"{self.name}.choices", f"{self.name}.bytes_per_choice"

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow as pa
        import pyarrow.compute as pc

        coverage = pc.fill_null(columns.column(f"{self.name}.coverage"), 0.0)
        covered = pc.greater_equal(coverage, pa.scalar(self.config.coverage, pa.float32()))
        reason = pc.if_else(covered, f"{self.name}.overlap", pa.scalar(None, pa.string()))
        rule = self.config.multiple_choice
        if rule is None:
            return reason
        choices = pc.fill_null(columns.column(f"{self.name}.choices"), 0)
        apart = pc.fill_null(columns.column(f"{self.name}.bytes_per_choice"), float("inf"))
        dense = pc.less_equal(apart, float(rule.bytes_per_question))
        exam = pc.and_(dense, pc.greater_equal(choices, pa.scalar(rule.questions, pa.uint32())))
        return pc.coalesce(reason, pc.if_else(exam, f"{self.name}.multiple_choice", pa.scalar(None, pa.string())))

    @cached_property
    def _files(self) -> list[Path]:
        files: list[Path] = []
        for number, pattern in enumerate(self.config.against):
            path = Path(pattern).expanduser()
            found = [path] if path.is_file() else sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
            if not found:
                raise ConfigError(f"no such file: {pattern}", ("against", number))
            files += found
        return files

    @cached_property
    def _digest(self) -> str:
        """SHA-256 over the benchmarks, by name and content, and what makes the index of them."""
        making = self.config.model_dump(mode="json", include={"fields", "ngram", "shortest", "common"})
        digest = hashlib.sha256(json.dumps(making, sort_keys=True).encode())
        for path in self._files:
            with path.open("rb") as file:
                digest.update(f"\n{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
        return digest.hexdigest()

    @cached_property
    def _index(self) -> "_Named":
        """The index, built by the first worker of a machine."""
        import numpy as np
        import pyarrow as pa

        from kernels.arrow import text_buffers, text_column
        from kernels.ngram_overlap import Index, build_index
        from kernels.shared_tables import shared_arrays

        def build() -> "dict[str, npt.NDArray[Any]]":
            asked = [(number, item, text) for number, path in enumerate(self._files)
                     for item, text in questions(path, self.config.fields)]  # fmt: skip
            column = pa.array([text for _, _, text in asked], pa.large_string())
            config = self.config
            index = build_index(*text_buffers(column), config.ngram, config.shortest, config.common)
            names, ends = text_buffers(pa.array([item for _, item, _ in asked], pa.large_string()))
            of_item = np.array([number for number, _, _ in asked], np.int32)
            return {**index._asdict(), "item_names": names, "item_ends": ends, "of_item": of_item}

        arrays = shared_arrays("decontaminate", self._digest, "kernels.ngram_overlap", build)
        items = text_column(arrays["item_names"], arrays["item_ends"]).cast(pa.string())
        benchmarks = pa.array([path.name.partition(".")[0] for path in self._files], pa.string())
        index = Index(**{name: arrays[name] for name in Index._fields})
        return _Named(index, benchmarks, pa.array(arrays["of_item"]), items)


class _Named(NamedTuple):
    table: "Index"
    benchmarks: "pa.Array"
    of_item: "pa.Array"
    items: "pa.Array"


def questions(path: Path, fields: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    """(id, text) of the questions of a benchmark file: one JSON object a line. Raises ConfigError for other lines."""
    for number, item in json_objects(path, ("against",)):
        if fields is not None:
            names = [name for name in fields if item.get(name) is not None]
        else:
            names = [*_first(item, _CONTEXTS), *_first(item, _QUESTIONS)]
        if not names:
            wanted = ", ".join(fields or _QUESTIONS)
            raise ConfigError(f"{path}, line {number}: none of the fields {wanted}", ("against",))
        name = next((str(item[key]) for key in _IDS if item.get(key) is not None), f"line {number}")
        yield name, "\n".join(_text(item[name]) for name in names)


def _first(item: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    # some files write a missing passage as the string "None"
    return [name for name in names if item.get(name) not in (None, "", "None")][:1]


def _text(value: object) -> str:
    return "\n".join(map(_text, value)) if isinstance(value, list) else str(value)
