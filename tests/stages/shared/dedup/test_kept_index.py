from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError, StorageError
from dspipe.stages.shared.dedup.kept_index import find_index, open_indexes
from tests.engine import configured
from tests.stages.dedup_corpus import run_dump, write_corpus


def test_a_place_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    config = {"name": "d1", "output": str(tmp_path / "out"), "sources": write_corpus(tmp_path, {"d1": []})}
    config["stages"] = [{"minhash": {"against": [str(tmp_path / "nothing")]}}]
    with pytest.raises(InvalidConfigError, match="nothing holds no run"):
        configured(config)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "run.json").write_text('{"name": "x", "finished": false, "artifacts": {}}')
    with pytest.raises(InvalidConfigError, match="is not finished"):
        configured(config)
    config["stages"] = [{"exact_dedup": {"against": [str(tmp_path / "nothing")]}}]
    with pytest.raises(InvalidConfigError, match="is not finished"):
        configured(config)


def test_a_run_that_was_run_anew_meanwhile_is_noticed(tmp_path: Path) -> None:
    documents = [{"id": "a", "text": "one two three"}, {"id": "b", "text": "four five six"}]
    run_dump(tmp_path, "d0", documents, "minhash")
    root = str(tmp_path / "d0" / "run")
    reference = find_index(root, "minhash").reference
    assert [index.run for index in open_indexes([list(reference)])] == ["d0"]
    run_dump(tmp_path, "d0", documents[:1], "minhash")
    with pytest.raises(StorageError, match="has been run anew since this run began"):
        open_indexes([reference])
    with pytest.raises(StorageError, match="holds no run"):
        open_indexes([reference._replace(root=str(tmp_path / "nowhere"))])


def test_a_damaged_index_is_named_before_the_run_or_in_it(tmp_path: Path) -> None:
    documents = [{"id": str(number), "text": f"text {number} of many"} for number in range(60)]
    run_dump(tmp_path, "d0", documents, "exact_dedup")
    root = tmp_path / "d0" / "run"
    path = root / find_index(str(root), "exact_dedup").files[0]
    whole = path.read_bytes()

    def run_again() -> None:
        run_dump(tmp_path, "d1", documents, "exact_dedup", against=[str(root)])

    for at, error in ((whole.index(b"dspipe.index") + 60, InvalidConfigError), (40, RunFailedError)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(error, match=path.name):
            run_again()
    path.write_bytes(whole)
    (names,) = root.glob("exact_dedup.index/done-*.names.json")
    names.write_text("[]")
    with pytest.raises(InvalidConfigError, match="is damaged, or of another version"):
        run_again()


def test_keys_and_rows_are_found_whatever_the_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.stages.shared.dedup.index_format.ROW_GROUP_ROWS", 7)
    documents = [{"id": str(number), "text": f"text {number} of many"} for number in range(60)]
    run_dump(tmp_path, "d0", documents, "minhash")
    index = find_index(str(tmp_path / "d0" / "run"), "minhash")
    stored = pa.concat_tables([pq.read_table(f"{index.root}/{name}") for name in index.files])
    keys = stored["key"].to_numpy()
    assert len(keys) == 60 * 14 and (np.diff(keys.astype(object)) >= 0).all()
    wanted = np.unique(np.concatenate([keys[::5], keys[::5] + np.uint64(1)]))
    found = pa.concat_tables(index.lookup(wanted))
    assert found.to_pylist() == [row for row in stored.to_pylist() if row["key"] in set(wanted.tolist())]
    rows = np.array([0, 3, 6, 7, 30, 59], np.uint32)
    parts = list(index.rows(0, rows))
    assert np.concatenate([positions for positions, _ in parts]).tolist() == list(range(6))
    assert [name for _, part in parts for name in part["id"].to_pylist()] == [str(row) for row in rows]
