"""All documents of a run as one table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError
from dspipe.pipeline.inspection.document_table import DocumentTable
from tests.engine import rows_of, run_inline
from tests.pipeline.inspection.looked_at import DOCUMENTS, SHARDS, looked_at


@pytest.fixture
def table(tmp_path: Path) -> DocumentTable:
    config = looked_at(tmp_path, engine={"kind": "inline", "max_quarantined": 1, "batch_rows": 3})
    run_inline(config)
    return DocumentTable.open(config["output"])


def test_columns_are_the_newest_and_in_order(tmp_path: Path) -> None:
    config = looked_at(tmp_path, engine={"kind": "inline", "max_quarantined": 1, "batch_rows": 3})
    result = run_inline(config)
    table = DocumentTable.open(config["output"])
    names = ["id", "reason", "heuristics.words", "stage", "number"]
    parts = list(table.read(names))
    found = pa.Table.from_batches([part.batch for part in parts]).to_pylist()
    expected = rows_of(result, ["id", "reason", "heuristics.words"])
    assert [{name: row[name] for name in names[:3]} for row in found] == expected
    assert table.documents == len(found) == SHARDS * DOCUMENTS
    stages = {"gopher.too_few_words": "heuristics", "exact_dedup.duplicate": "exact_dedup", None: None}
    assert [row["stage"] for row in found] == [stages[row["reason"]] for row in found]
    assert {row["stage"] for row in found} == set(stages.values())
    numbers = [(shard << 32) + row for shard in range(SHARDS) for row in range(DOCUMENTS)]
    assert [row["number"] for row in found] == numbers
    assert [(part.shard, part.first) for part in parts] == [
        (shard, first) for shard in range(SHARDS) for first in range(0, DOCUMENTS, 3)
    ]


def test_types(table: DocumentTable) -> None:
    assert list(table.columns)[-2:] == ["stage", "number"]
    assert table.columns["heuristics.words"] == pa.int32()
    assert table.columns["origin"] == pa.uint64()
    (first,) = {name: kind for name, kind in table.columns.items() if name == "text"}.values()
    assert pa.types.is_large_string(first)


def test_some_shards_and_derived_columns_alone(table: DocumentTable) -> None:
    numbers = np.concatenate([part.batch.column("number").to_numpy() for part in table.read(["number"], [2, 0])])
    assert numbers.tolist() == [(shard << 32) + row for shard in (2, 0) for row in range(DOCUMENTS)]


def test_one_row(table: DocumentTable) -> None:
    row = table.read_row(1, 38, ["id", "stage", "number", "text"])
    assert (row["id"], row["stage"], row["number"]) == ("1-38", "exact_dedup", (1 << 32) + 38)
    assert row["text"].startswith("word0x0 word1x0")
    with pytest.raises(IndexError, match="shard 1 has 40 documents, not 41"):
        table.read_row(1, 40, ["id"])


def test_reading_may_stop_early(table: DocumentTable) -> None:
    reading = table.read(["id"])
    assert next(reading).first == 0
    reading.close()  # type: ignore[attr-defined]


def test_before_the_first_phase_has_ended_the_shards_that_are_read(table: DocumentTable) -> None:
    begun = replace(table.run, finished=False, phases=[], to_come=[])
    manifests = sorted(Path(table.store.root).glob("documents/*.manifest.json"))
    manifests[0].unlink()
    so_far = DocumentTable(table.store, begun)
    assert so_far.documents == (SHARDS - 1) * DOCUMENTS
    assert "reason" not in so_far.columns and "stage" not in so_far.columns
    for manifest in manifests[1:]:
        manifest.unlink()
    assert DocumentTable(table.store, begun).columns == {}


def test_between_phases_the_columns_of_those_that_have_ended(table: DocumentTable) -> None:
    judged = [phase for phase in table.run.phases if "exact_dedup" not in phase.name]
    between = DocumentTable(table.store, replace(table.run, finished=False, phases=judged))
    reasons = [reason for part in between.read(["reason"]) for reason in part.batch.column("reason").to_pylist()]
    assert set(reasons) == {None, "gopher.too_few_words"}


def test_files_that_are_gone_or_cut_are_named(table: DocumentTable) -> None:
    root = Path(table.store.root)
    judged = sorted(root.glob("exact_dedup.verdicts/00001-*.parquet"))[-1]
    whole = judged.read_bytes()
    judged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match=f"{judged.name} is cut or was changed"):
        list(table.read(["reason"]))
    judged.unlink()
    with pytest.raises(DamagedFileError, match=f"{judged.name}.* is gone"):
        list(table.read(["reason"]))
    first = sorted(root.glob("exact_dedup.verdicts/00000-*.parquet"))[-1]
    first.unlink()
    with pytest.raises(DamagedFileError, match="is gone"):
        _ = DocumentTable.open(str(root)).columns
    for record in [*root.glob("*/done-*.zst"), *root.glob("documents/*.manifest.json")]:
        record.unlink()
    with pytest.raises(DamagedFileError, match="is gone"):
        _ = DocumentTable.open(str(root)).shards


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="holds no run"):
        DocumentTable.open(str(tmp_path))
    (tmp_path / "run.json").write_text('{"name": "x"')
    with pytest.raises(RunNotFoundError, match="isn't whole, or another version of dspipe wrote it"):
        DocumentTable.open(str(tmp_path))
