"""The table of what was packed, against the funnel before it and what a trainer reads behind it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.report.stats import print_funnel, training_data_table
from dspipe.pipeline.run.run_file import read_run
from dspipe.stages.pack.accounting import training_data
from dspipe.stages.pack.drawn import DrawnCounts
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.summary import PackedCounts
from tests.engine import rows_of, run_inline
from tests.stages.pack.runs import BEGIN, END, PAD, make_config, make_documents


def lines_of(output: Path) -> dict[str, tuple[int | None, int]]:
    """The table in a run's record, by what a line is of."""
    _, run = read_run(str(output))
    (note,) = [phase.notes["training data"] for phase in run.phases if "training data" in phase.notes]
    return {line["what"]: (line["number"], line["tokens"]) for line in note}


@pytest.mark.parametrize(
    "settings",
    [
        {"remix": {"multipliers": {"web": 2.5, "books": 0.4}}},
        {"remix": {"multipliers": {"web": 2.5}}, "remainder": "drop", "begin": True},
        {"shuffle": False},
        {"mode": "aligned", "remix": {"multipliers": {"code": 3}}},
    ],
    ids=lambda settings: " ".join(settings),
)
def test_sums_are_those_of_the_funnel_and_of_what_is_read_back(tmp_path: Path, settings: dict[str, Any]) -> None:
    result = run_inline(make_config(tmp_path, make_documents(), length=32, **settings))
    lines = lines_of(tmp_path / "run")
    copies_column = ["copies"] if "remix" in settings else []
    kept = [row for row in rows_of(result, ["tokens", *copies_column, *(["reason"] if copies_column else [])])
            if row.get("reason") is None]  # fmt: skip
    copies = [row.get("copies", 1) for row in kept]
    last = [phase for phase in result.phases if phase.funnel][-1:] if copies_column else []
    for phase in last:
        assert phase.funnel[-1].kept.documents == len(kept)
        assert phase.funnel[-1].kept.tokens == sum(row["tokens"] for row in kept)
    assert lines["documents kept, each once"] == (len(kept), sum(row["tokens"] for row in kept))
    drawn = sum(n * row["tokens"] for n, row in zip(copies, kept, strict=True))
    assert lines["copies of them that are drawn"] == (sum(copies), drawn)
    assert lines["copies without tokens, in no row"] == (
        sum(n for n, row in zip(copies, kept, strict=True) if not row["tokens"]), 0
    )  # fmt: skip

    data = PackedDataset(tmp_path / "run")
    samples = list(data)
    tokens = np.concatenate([sample["tokens"][sample["loss_mask"]] for sample in samples])
    assert lines["rows of 32 tokens"] == (len(samples), 32 * len(samples))
    assert lines["padding"] == (None, 32 * len(samples) - len(tokens))
    in_rows = lines["copies in rows, with special tokens"]
    assert in_rows[1] == len(tokens)
    special = int(np.isin(tokens, [BEGIN, END]).sum())
    left_out = lines.get("copies, or parts, in a last row left out", (0, 0))
    cropped = lines.get("tokens cropped from documents' ends", (None, 0))[1]
    if not left_out[1] and not cropped:
        assert (
            in_rows[0]
            == int((tokens == END).sum())
            == sum(n for n, row in zip(copies, kept, strict=True) if row["tokens"])
        )
        assert lines["special tokens added"] == (None, special)
        assert drawn + special == len(tokens)
    assert drawn + lines["special tokens added"][1] - left_out[1] - cropped == len(tokens)
    assert PAD not in tokens


def test_lines_of_nothing_are_left_out() -> None:
    lines = training_data(
        DrawnCounts(2, 5, 3, 7, 0), PackedCounts(rows=2, tokens=10, padding=6, documents=3, added=3), 8
    )
    assert [(line["what"], line["number"], line["tokens"]) for line in lines] == [
        ("documents kept, each once", 2, 5),
        ("copies of them that are drawn", 3, 7),
        ("special tokens added", None, 3),
        ("copies in rows, with special tokens", 3, 10),
        ("padding", None, 6),
        ("rows of 8 tokens", 2, 16),
    ]


def test_the_end_of_a_run_shows_it(tmp_path: Path) -> None:
    from rich.console import Console

    run_inline(make_config(tmp_path, make_documents(20), length=32, shuffle=False))
    _, run = read_run(str(tmp_path / "run"))
    table = training_data_table(run)
    assert table is not None and table.columns == ["what", "number", "tokens"] and table.numbers == {1, 2}
    console = Console(width=80, record=True)
    print_funnel(run, console)
    shown = console.export_text()
    assert "Training data" in shown and "copies in rows, with special tokens" in shown
    assert max(map(len, shown.splitlines())) <= 80
