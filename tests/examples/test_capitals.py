"""The example of a map stage."""

import json
from pathlib import Path

from dspipe.pipeline.document import document_batch
from dspipe.testing import check_stage
from examples.capitals import CapitalsConfig, CapitalsStage
from tests.engine import rows_of, run_inline, tasks_run

SHOUTING = "BUY NOW! " * 20
PROSE = "The quick brown fox jumps over the lazy dog. " * 5
CHINESE = "这是一个没有大写字母的文档。" * 10


def test_measures_and_judges() -> None:
    stage = CapitalsStage("capitals", CapitalsConfig(max_share=0.2, min_letters=10))
    measured = stage.measure(document_batch([SHOUTING, PROSE, CHINESE, "NO", "ÄÖÜ äöü"]))
    assert measured.column("capitals.letters").to_pylist() == [120, 175, 0, 2, 6]
    assert [round(x, 3) if x is not None else None for x in measured.column("capitals.share").to_pylist()] == [
        1.0, 0.029, None, 1.0, 0.5,
    ]  # fmt: skip
    reasons = stage.judge(measured.select(list(stage.judge_columns())))
    assert reasons.to_pylist() == ["capitals.too_many", None, None, None, None]


def test_a_run_and_another_threshold(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in (SHOUTING, PROSE)))
    config = {
        "output": str(tmp_path / "run"),
        "sources": [{"name": "x", "format": "jsonl", "path": str(tmp_path / "in.jsonl")}],
        "stages": [{"examples.capitals": {}}],
    }
    result = run_inline(config)
    assert [row["reason"] for row in rows_of(result, ["reason"])] == ["capitals.too_many", None]
    again = run_inline(config, stages=[{"examples.capitals": {"max_share": 0.01}}])
    assert [row["reason"] for row in rows_of(again, ["reason"])] == ["capitals.too_many", "capitals.too_many"]
    assert tasks_run(again) == {"judge": 1}  # the text isn't read again


def test_keeps_the_contract() -> None:
    check_stage(CapitalsStage, {"max_share": 0.2, "min_letters": 1})
