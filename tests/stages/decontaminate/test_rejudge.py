"""What other settings would drop, against runs with them."""

import json
from pathlib import Path
from typing import Any

from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.what_if import WhatIf
from tests.engine import rows_of, run_inline
from tests.stages.decontaminate.test_stage import DUCKS, EXAM, TRAINS


def test_verdicts_are_those_of_a_run(tmp_path: Path) -> None:
    questions = [{"question": DUCKS}, {"question": TRAINS}]
    (tmp_path / "maths.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    texts = [f"{DUCKS} {'and more ' * n}" for n in range(4)] + [" ".join(TRAINS.split()[: 12 + n]) for n in range(8)]
    texts += [EXAM, EXAM + "and a text beside it. " * 9, "nothing of the kind", "x"]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"id": f"{n}", "text": t}) + "\n" for n, t in enumerate(texts))
    )

    def decided(name: str, minimum: int, **settings: Any) -> list[str | None]:
        against = {"against": str(tmp_path / "maths.jsonl"), "ngram": 8, "shortest": 8}
        stages = [{"tests.toys.lengths": {"minimum": minimum}}, {"decontaminate": {**against, **settings}}]
        sources = [{"name": "a", "format": "jsonl", "path": str(tmp_path / "in.jsonl"), "domain": "web"}]
        result = run_inline({"output": str(tmp_path / name), "sources": sources, "stages": stages})
        return [row["reason"] for row in rows_of(result, ["id", "reason"])]

    decided("run", 105)
    what_if = WhatIf(DocumentTable.open(str(tmp_path / "run")), import_own=True)
    choices: list[tuple[int, dict[str, Any]]] = [
        (5, {"coverage": 0.3, "multiple_choice": {"questions": 3}}),
        (5, {"common_documents": 5}),
        (105, {"common_documents": 3, "coverage": 0.7}),
        (5, {"of_document": 0.9}),
        (5, {"action": "mark"}),
    ]
    for number, (minimum, settings) in enumerate(choices):
        edits = [f"stages.decontaminate.{name}={json.dumps(value)}" for name, value in settings.items()]
        verdicts = what_if.verdicts([f"stages.tests.toys.lengths.minimum={minimum}", *edits])
        found = [None if code < 0 else verdicts.names.names[code] for code in verdicts.codes.tolist()]
        assert found == decided(f"edited{number}", minimum, **settings), settings
        assert not verdicts.unsure.any()
