"""What rules mark in texts, against what the kernels count."""

from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.document import document_batch
from dspipe.pipeline.stage import Span
from dspipe.stages.heuristics.spans import spans_counted
from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage

ENGLISH = (
    "The quick brown fox jumps over the lazy dog and runs away. Then the quick brown fox jumps over the lazy cat.\n"
    "All the small birds sing in the morning light.\nAll the small birds sing in the morning light.\n"
    "- first # point ...\n• second point…\n\nAll the small birds sing in the morning light.\n12 {x} Lorem ipsum"
)
CHINESE = "今天天气很好我们去公园散步。今天天气很好我们去公园散步。明天也许会下雨所以我们留在家里看书。" * 2


def measured(text: str, **settings: Any) -> dict[str, Any]:
    stage = HeuristicsStage("heuristics", HeuristicsConfig.model_validate(settings))
    batch = stage.measure(document_batch([text]))
    return {name.removeprefix("heuristics."): batch.column(name)[0].as_py() for name in batch.schema.names}


def spans(statistic: str, text: str) -> list[Span]:
    return list(spans_counted(statistic, text, 29, False, None))


@pytest.mark.parametrize("n", [5, 7, 10])
def test_repeated_ngrams_are_those_that_were_counted(n: int) -> None:
    marked = spans(f"duplicate_{n}_grams", ENGLISH)
    characters = sum(len("".join(ENGLISH[span.start : span.end].split())) for span in marked)
    assert characters / measured(ENGLISH)["characters"] == pytest.approx(
        measured(ENGLISH)[f"duplicate_{n}_grams"], rel=0.2
    )
    assert bool(marked) == (n < 10)
    assert n > 5 or ENGLISH[marked[0].start :].startswith("quick brown fox jumps over")


def test_the_most_frequent_ngram() -> None:
    first, *_ = found = spans("top_2_gram", ENGLISH)
    assert {ENGLISH[span.start : span.end] for span in found} == {ENGLISH[first.start : first.end]}
    assert first.what == f"most frequent 2-gram, {len(found)} times"
    assert not spans("top_3_gram", "no word is there twice")


def test_lines_and_marks() -> None:
    def texts(statistic: str) -> list[str]:
        return [ENGLISH[span.start : span.end] for span in spans(statistic, ENGLISH)]

    line = "All the small birds sing in the morning light."
    assert texts("duplicate_lines") == [line, line]
    assert texts("bullet_lines") == ["-", "•"]
    assert texts("ellipsis_lines") == texts("ellipses_per_word") == ["...", "…"]
    assert texts("hashes_per_word") == ["#"]
    assert "12" in texts("alphabetic_words") and "word" not in texts("alphabetic_words")
    assert texts("curly_bracket_lines") == ["{"]
    assert texts("lorem_ipsum_lines") == ["Lorem ipsum"]
    assert texts("short_lines") == ["- first # point ...", "• second point…", "12 {x} Lorem ipsum"]
    assert texts("words") == []


def test_the_stage_marks_what_it_dropped_for() -> None:
    stage = HeuristicsStage("heuristics", HeuristicsConfig())
    columns = {"reason": "gopher.duplicate_lines", "heuristics.script": 1}
    assert [span.what for span in stage.spans(ENGLISH, columns)] == ["line that occurred before"] * 2
    assert not list(stage.spans(ENGLISH, {"reason": "minhash.near_duplicate"}))
    assert not list(stage.spans(ENGLISH, {"reason": None}))


def test_scripts_without_spaces_by_characters() -> None:
    stage = HeuristicsStage("heuristics", HeuristicsConfig())
    batch = stage.measure(document_batch([CHINESE]))
    row = batch.append_column("reason", pa.array(["gopher.duplicate_5_grams"])).to_pylist()[0]
    found = list(stage.spans(CHINESE, row))
    assert found and CHINESE[found[0].start : found[0].end].startswith("今天天气很好")
