"""Conditions that decide."""

import pyarrow as pa
import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.where import WhereConfig, WhereStage


def stage(**settings: object) -> WhereStage:
    return WhereStage("where", WhereConfig.model_validate(settings))


def test_the_first_condition_that_is_broken_is_the_reason() -> None:
    made = stage(keep={"low": "score > 1", "not_zh": "language = 'zh'"})
    assert made.judge_columns() == ("score", "language")
    batch = pa.record_batch({"score": [2.0, 1.0, None, 3.0], "language": ["zh", "en", "zh", None]})
    assert made.judge(batch).to_pylist() == [None, "where.low", "where.low", "where.not_zh"]


def test_one_condition_has_the_reason_not_chosen() -> None:
    made = stage(keep="score > 1")
    assert made.judge(pa.record_batch({"score": [2, 1]})).to_pylist() == [None, "where.not_chosen"]


def test_explain_says_which_condition_a_document_breaks() -> None:
    made = stage(keep={"low": "score > 1", "not_zh": "language = 'zh'"})
    limits = list(made.limits({"score": 2.0, "language": "en"}))
    assert [(limit.column, limit.asks, limit.broken) for limit in limits] == [
        ("score", "`score > 1`", False),
        ("language", "`language = 'zh'`", True),
    ]


def test_a_mistake_is_in_the_key_that_was_written() -> None:
    known = {"score": pa.float64()}
    with pytest.raises(ConfigError, match="no column scor; did you mean score") as caught:
        stage(keep="scor > 1").check_columns(known)
    assert caught.value.key == ("keep",)
    with pytest.raises(ConfigError) as caught:
        stage(keep={"low": "scor > 1"}).check_columns(known)
    assert caught.value.key == ("keep", "low")
