"""Questions of benchmarks."""

import json
from pathlib import Path

from dspipe.stages.decontaminate.questions import questions

DUCKS = "Janet has ducks that lay sixteen eggs per day and she eats three of them for breakfast every morning"
TRAINS = "Two trains leave the station at noon in opposite directions and travel at ninety kilometres per hour each"
EXAM = "1. Which is right?\nA. one\nB. two\nC. three\n" * 4


def test_fields(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    item = {"passage": "None", "question": "why", "choices": ["x", "y"], "text": "unused"}
    path.write_text(json.dumps(item) + "\n" + json.dumps({**item, "passage": "long", "task_id": "b/2"}))
    assert list(questions(path, None)) == [("line 1", "why"), ("b/2", "long\nwhy")]
    assert list(questions(path, ("question", "choices"))) == [("line 1", "why\nx\ny"), ("b/2", "why\nx\ny")]
