import json
from pathlib import Path

import pyarrow as pa

from dspipe.stages.remix.draw import draw_documents, expect_copies
from tests.stages.remix.shards import make_inputs, settings
from tests.tasks import make_task, read_written, run_function

DRAWN = pa.schema([("copies", pa.int32()), ("remix.domain", pa.string()), ("reason", pa.string())])


def make_plan(web: float, code: float) -> bytes:
    """What a plan says that draws so many epochs of each domain."""
    return json.dumps({"epochs": {"code": code, "web": web}, "merged": {}}).encode()


def test_copies_are_whole_epochs_and_a_seeded_part_of_the_next(tmp_path: Path) -> None:
    task = make_task(tmp_path, make_inputs(mixture_epochs=[make_plan(2.0, 0.5)]), DRAWN)
    run_function(draw_documents, task, settings())
    rows = read_written(task).to_pylist()
    assert len(rows) == 40
    for number, row in enumerate(rows):
        assert row["remix.domain"] == ["web", "code"][number % 2]
        if number % 7 == 0:  # was dropped before
            assert (row["copies"], row["reason"]) == (0, "x.dropped")
        elif number % 2 == 0:
            assert (row["copies"], row["reason"]) == (2, None)
        else:
            assert (row["copies"], row["reason"]) in [(1, None), (0, "stage.not_drawn")]
    ones = sum(row["copies"] for row in rows[1::2])
    assert 3 < ones < 14
    assert task.counters == {"copies_drawn": 34 + ones, "tokens_drawn": 340 + 20 * ones}
    # more epochs draw the same documents and further ones; another seed draws others
    for seed, epochs, same in ((1, 0.8, True), (2, 0.5, False)):
        again = make_task(tmp_path / f"{seed}", make_inputs(mixture_epochs=[make_plan(2.0, epochs)]), DRAWN)
        run_function(draw_documents, again, settings(), seed)
        copies = read_written(again).column("copies").to_pylist()
        assert all(copies[n] >= rows[n]["copies"] for n in range(40)) == same


def test_domains_that_the_plan_does_not_name_are_not_drawn(tmp_path: Path) -> None:
    inputs = make_inputs(mixture_epochs=[make_plan(1.0, 1.0)])
    inputs.columns = [
        batch.set_column(batch.schema.get_field_index("domain"), "domain", pa.array(["law"] * batch.num_rows))
        for batch in inputs.columns
    ]
    task = make_task(tmp_path, inputs, DRAWN)
    run_function(draw_documents, task, settings())
    assert set(read_written(task).column("copies").to_pylist()) == {0}


def test_copies_that_are_expected(tmp_path: Path) -> None:
    inputs = make_inputs(expected_epochs=[make_plan(3.0, 0.0)])
    task = make_task(tmp_path, inputs, pa.schema([("remix.expected_copies", pa.int32())]))
    run_function(expect_copies, task, settings("text_bytes"))
    copies = read_written(task).column("remix.expected_copies").to_pylist()
    assert copies == [0 if n % 7 == 0 or n % 2 else 3 for n in range(40)]
