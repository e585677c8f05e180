"""Tests of pipeline/threshold.py, and that the stages' thresholds say what their verdicts do."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.decontaminate.stage import DecontaminateConfig, DecontaminateStage
from dspipe.stages.extract.stage import ExtractConfig, ExtractStage
from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage
from dspipe.stages.language import LanguageConfig, LanguageStage
from dspipe.stages.perplexity.stage import PerplexityConfig, PerplexityStage
from dspipe.stages.quality.stage import QualityConfig, QualityStage

NAN = float("nan")


@pytest.mark.parametrize(
    ("asks", "broken"),
    [
        ("at least", [True, False, False, False]),
        ("at most", [False, False, True, False]),
        ("below", [False, True, True, False]),
        ("above", [True, True, False, False]),
    ],
)
def test_what_breaks_a_threshold(asks: Any, broken: list[bool]) -> None:
    threshold = Threshold(("x",), "c", asks, "s.reason", 5)
    numbers = threshold.numbers(None, 4)
    values = pa.array([4, 5, 6, None], pa.int32())
    assert threshold.broken(values, numbers).tolist() == broken
    np.testing.assert_array_equal(threshold.above(values, numbers), [-1, 0, 1, NAN])


def test_single_precision_unless_it_says_double() -> None:
    values = pa.array([np.float32(0.7)], pa.float32())
    for double in (False, True):
        threshold = Threshold(("x",), "c", "at least", "s.reason", 0.7, double=double)
        assert threshold.broken(values, threshold.numbers(None, 1)).tolist() == [double]


def test_a_number_for_each_group() -> None:
    threshold = Threshold(("x",), "c", "at least", "s.reason", 5, ("language",), {"zh": 3, "th": None})
    numbers = threshold.numbers(pa.array(["zh", "th", "en", ""]), 4)
    assert numbers.to_pylist() == [3, None, 5, 5]
    assert threshold.on
    assert not Threshold(("x",), "c", "at least", "s.reason").on
    assert Threshold(("x",), "c", "at least", "s.reason", values={"zh": 1.0}).on


def test_a_null_may_count_as_a_value() -> None:
    threshold = Threshold(("x",), "c", "at least", "s.reason", 0.5, null_counts_as=0)
    assert threshold.broken(pa.array([None, 0.6], pa.float32()), threshold.numbers(None, 2)).tolist() == [True, False]


def test_words() -> None:
    threshold = Threshold(("x",), "c", "at most", "s.reason")
    assert [threshold.in_words(n) for n in (100_000, 0.65, 3.0)] == ["at most 100,000", "at most 0.65", "at most 3"]


def broken_by_thresholds(stage: MapStage[Any], batch: pa.RecordBatch) -> list[set[str]]:
    """For each document the reasons of all thresholds that it breaks."""
    found: list[set[str]] = [set() for _ in range(batch.num_rows)]
    for threshold in stage.thresholds():
        broken = threshold.broken(batch.column(threshold.column), stage.in_force(threshold, batch))
        for row in np.flatnonzero(broken).tolist():
            found[row].add(threshold.reason)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"like": "datatrove"},
        {"gopher": {"min_words": 30, "languages": {"zh": {"min_words": 12, "max_words": None}}}},
        {"rules": ["gopher"], "domains": ["web"], "gopher": {"max_hashes_per_word": None}},
    ],
)
def test_thresholds_of_heuristics_are_what_it_judges_by(settings: dict[str, Any]) -> None:
    stage = HeuristicsStage("heuristics", HeuristicsConfig.model_validate(settings))
    random = np.random.default_rng(0)
    rows = 400
    columns: dict[str, pa.Array] = {
        "domain": pa.array(random.choice(["web", "code"], rows)),
        "language": pa.array(random.choice(["en", "zh", "th", "de", "xx"], rows), mask=random.random(rows) < 0.1),
    }
    # most values lie near a number, some are equal to one
    near = {t.column: t.value for t in stage.thresholds() if t.value is not None}
    for field in stage.measured_columns():
        number = near.get(field.name, 1.0)
        values = number * random.choice([0.5, 1.0, 1.5], rows, p=[0.01, 0.98, 0.01])
        if field.name == "heuristics.script":
            values = random.choice([1, 2, 9, 10], rows)
        if field.name == "heuristics.stop_words":
            values = random.choice([-1, 0, 1, 2, 5, 5, 5, 5], rows)
        columns[field.name] = pa.array(values.astype(field.type.to_pandas_dtype()))
    batch = pa.RecordBatch.from_pydict(columns)
    verdicts = stage.verdicts(batch).to_pylist()
    found = broken_by_thresholds(stage, batch)
    assert {reason for reason in verdicts if reason} and None in verdicts
    order = [t.reason for t in stage.thresholds()]
    for row, (verdict, reasons) in enumerate(zip(verdicts, found, strict=True)):
        assert verdict == min(reasons, key=order.index, default=None)
        if settings.get("domains") is None:
            limits = list(stage.limits(batch.slice(row, 1).to_pylist()[0]))
            assert {limit.reason for limit in limits if limit.broken} == reasons


def test_thresholds_of_heuristics_are_the_settings() -> None:
    config = {"rules": ["gopher"], "gopher": {"min_words": 30, "languages": {"zh": {"min_words": 12}}}}
    stage = HeuristicsStage("heuristics", HeuristicsConfig.model_validate(config))
    by_key = {threshold.key: threshold for threshold in stage.thresholds()}
    words = by_key["gopher", "min_words"]
    assert (words.column, words.asks, words.reason) == ("heuristics.words", "at least", "gopher.too_few_words")
    assert (words.value, dict(words.values)) == (30, {"zh": None})
    assert dict(by_key["gopher", "languages", "zh", "min_words"].values) == {"zh": 12}
    # of the papers' number languages have their own
    assert by_key["gopher", "min_mean_word_length"].values
    assert by_key["gopher", "max_words"].columns == ("heuristics.words",)


def test_thresholds_of_language() -> None:
    stage = LanguageStage("language", LanguageConfig(keep={"en": 0.65, "zh": 0.5}))
    batch = pa.RecordBatch.from_pydict(
        {
            "language": ["en", "en", "zh", "de", None],
            "language_score": pa.array([0.65, 0.6, 0.6, 0.1, None], pa.float32()),
        }
    )
    assert broken_by_thresholds(stage, batch) == [set(), {"language.low_score"}, set(), set(), set()]
    assert [t.key for t in stage.thresholds()] == [("keep", "en"), ("keep", "zh")]
    assert not list(LanguageStage("language", LanguageConfig(keep=["en"])).thresholds())


def test_thresholds_of_extract() -> None:
    stage = ExtractStage("extract", ExtractConfig(min_confidence=0.3))
    values = {"extract.confidence": pa.array([0.3, 0.2, None], pa.float32()), "extract.characters": [5, 5, 5]}
    batch = pa.RecordBatch.from_pydict(values)
    (threshold,) = stage.thresholds()
    broken = threshold.broken(batch.column("extract.confidence"), stage.in_force(threshold, batch))
    assert (
        broken.tolist() == [verdict is not None for verdict in stage.judge(batch).to_pylist()] == [False, True, False]
    )
    assert not next(ExtractStage("extract", ExtractConfig()).thresholds()).on


def test_thresholds_of_quality() -> None:
    stage = QualityStage(
        "quality", QualityConfig(model="x", at_least={"en": 0.5, "*": 0.7}, drop_lowest=0.1, by="dump")
    )
    batch = pa.RecordBatch.from_pydict(
        {
            "language": ["en", "en", "de", None, "de"],
            "dump": ["a", "b", None, "b", "a"],
            "quality": pa.array([0.5, None, 0.6, 0.7, 0.8], pa.float32()),
        }
    )
    english, others, quantile = stage.thresholds({"thresholds": {"a": 0.75, "": 0.6}})
    assert (english.key, others.key, quantile.key) == (("at_least", "en"), ("at_least", "*"), ("drop_lowest",))
    assert stage.in_force(english, batch).to_pylist() == [0.5, 0.5, None, None, None]
    assert stage.in_force(others, batch).to_pylist() == [None, None, 0.7, 0.7, 0.7]
    assert stage.in_force(quantile, batch).to_pylist() == [0.75, None, 0.6, None, 0.75]
    quality = batch.column("quality")
    assert english.broken(quality, stage.in_force(english, batch)).tolist() == [False, True, False, False, False]
    assert others.broken(quality, stage.in_force(others, batch)).tolist() == [False, False, True, False, False]
    assert quantile.found and len(list(stage.thresholds())) == 2


def test_thresholds_of_perplexity() -> None:
    notes = {"perplexities": [{"language": "en", "documents": 9, "middle from": 100.0, "tail from": 300.0}]}

    def found(*keep: Any) -> list[tuple[Any, ...]]:
        stage = PerplexityStage("perplexity", PerplexityConfig(models="{language}", keep=keep or None))
        return [(t.key, t.asks, t.values["en"], t.reason) for t in stage.thresholds(notes)]

    assert found() == []
    assert found("head", "middle") == [(("middle",), "below", 300, "perplexity.tail")]
    assert found("head") == [(("head",), "below", 100, "perplexity.middle")]
    assert found("middle") == [
        (("head",), "at least", 100, "perplexity.head"),
        (("middle",), "below", 300, "perplexity.tail"),
    ]


def test_thresholds_of_decontaminate() -> None:
    config = DecontaminateConfig.model_validate({"against": "x", "multiple_choice": {}, "of_document": 0.01})
    coverage, choices, apart = DecontaminateStage("decontaminate", config).thresholds()
    assert (coverage.asks, coverage.value, coverage.alone) == ("below", 0.5, False)
    assert (choices.column, choices.value) == ("decontaminate.choices", 3)
    assert (apart.asks, apart.value, apart.double) == ("above", 1500, True)
    marking = DecontaminateConfig.model_validate({"against": "x", "action": "mark", "multiple_choice": {}})
    assert not list(DecontaminateStage("decontaminate", marking).thresholds())
