"""What `dspipe plan` prints."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dspipe.pipeline.report.show_plan import print_plan
from tests.engine import planned, run_inline
from tests.pipeline.report.shown import text_of


def test_the_plan_says_what_is_done(toy: dict[str, Any], tmp_path: Path) -> None:
    before = text_of(print_plan, planned(toy))
    assert "to do" in before
    assert " waits " in before
    run_inline(toy)
    after = text_of(print_plan, planned(toy))
    assert "to do" not in after
    (tmp_path / "in" / "2.jsonl").write_text('{"id": "2-0", "text": "gamma three"}\n')
    assert "2 done" in text_of(print_plan, planned(toy))


def test_the_plan_says_where_texts_are_read_again_and_how_much(toy: dict[str, Any], tmp_path: Path) -> None:
    stages = [*toy["stages"], {"host_lines": {}}, {"exact_dedup": {}}]
    before = text_of(print_plan, planned({**toy, "stages": stages}))
    again = "Read the texts again behind host_lines, then in one pass: exact_dedup; "
    assert f"{again}about 4.0 kB of text read again" in " ".join(before.split())
    assert "Texts are read 3 times more after the text pass, about 12.0 kB in all." in before
    run_inline({**toy, "stages": stages})
    after = text_of(print_plan, planned({**toy, "stages": stages}))
    kept = len("alpha one" + "beta two")
    assert f"{again}{kept} B of text read again" in " ".join(after.split())
    assert f"Texts are read 3 times more after the text pass, {3 * kept} B in all." in after
    assert "again" not in text_of(print_plan, planned(toy))


def test_inputs_that_cannot_be_listed_have_no_sizes(toy: dict[str, Any]) -> None:
    plan = planned({**toy, "stages": [*toy["stages"], {"tokenizer": {"train": {"vocab": 300}}}]})
    text = " ".join(text_of(print_plan, replace(plan, shards=(), unreachable=("cannot list",))).split())
    assert "text read again" in text and "B of text" not in text and "Texts are read" not in text
    assert "to 0 partitions" not in text
    assert "nothing is estimated. A run needs them: check the address, the network and the permissions" in text
    assert "what follows is without them" in " ".join(
        text_of(print_plan, replace(plan, unreachable=("cannot list",))).split()
    )
    assert "A run needs them" not in text_of(print_plan, plan)


def test_paths_and_messages_are_shown_as_they_are(toy: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "[bold]").mkdir()
    (tmp_path / "[bold]" / "a[x].jsonl").write_text('{"text": "a"}\n')
    source = {"name": "odd", "format": "jsonl", "path": str(tmp_path / "[[]bold]" / "a*")}
    plan = planned({**toy, "output": f"{tmp_path}/[red]out", "sources": [source]})
    text = text_of(print_plan, replace(plan, unreachable=("odd: cannot list [/y]",)))
    assert "[red]out" in text
    assert "cannot list [/y]" in text
    assert "[[]bold]/a*" in "".join(text.split())  # a long path is folded
