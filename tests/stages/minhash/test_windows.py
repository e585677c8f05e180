import numpy as np
import pyarrow as pa
import pytest

from dspipe.kernels.dedup.minhash import band_keys
from dspipe.pipeline.stage import StageSettings
from dspipe.stages.minhash.windows import BandKeys, read_windows


class ShardTask:
    """A task over a shard, whose rows come in batches of some size."""

    def __init__(self, rows: pa.Table, batch_rows: int) -> None:
        self._batches = rows.to_batches(max_chunksize=batch_rows)

    def rows(self, columns: list[str]) -> list[pa.RecordBatch]:
        return [batch.select(columns) for batch in self._batches]


@pytest.fixture
def rows() -> pa.Table:
    """Documents with signatures of 6 numbers, some null, some dropped."""
    rng = np.random.default_rng(1)
    signatures = [None if n % 11 == 3 else rng.integers(0, 3, 6, np.uint32).tobytes() for n in range(100)]
    reasons = ["dropped" if n % 7 == 2 else None for n in range(100)]
    dumps = [None if n % 13 == 0 else f"d{n % 3}" for n in range(100)]
    columns = {"minhash.signature": pa.array(signatures, pa.binary(24)), "reason": pa.array(reasons, pa.string())}
    return pa.table(columns | {"dump": pa.array(dumps, pa.string())})


@pytest.mark.parametrize(("per_dump", "across"), [(False, True), (True, False), (True, True)])
def test_windows_are_the_same_however_batches_are_cut(
    rows: pa.Table, per_dump: bool, across: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dspipe.stages.minhash.windows.WINDOW_ROWS", 16)
    settings = {"keys": {"bands": 3, "rows": 2, "per_dump": per_dump, "across_dumps": across}}
    stage = StageSettings("minhash", 0, settings)
    found = {
        size: list(read_windows(ShardTask(rows, size), stage))  # type: ignore[arg-type]
        for size in (1, 7, 16, 100)
    }
    kept = [n for n in range(100) if n % 11 != 3 and n % 7 != 2]
    for windows in found.values():
        assert [window.rows.tolist() for window in windows] == [
            [n for n in kept if n // 16 == number] for number in range(7)
        ]
        for window, other in zip(windows, found[100], strict=True):
            assert np.array_equal(window.keys, other.keys) and np.array_equal(window.signatures, other.signatures)
            assert window.keys.shape == (len(window.rows), 3 * (per_dump + across))


def test_keys_of_a_dump_meet_those_of_no_other() -> None:
    signed = np.array([[1, 2, 3, 4]] * 4, np.uint32)
    dumps = pa.array(["a", "b", None, "a"], pa.string())
    shared = band_keys(signed, 2, 2)
    assert np.array_equal(BandKeys(2, 2).keys(signed, None), shared)
    own = BandKeys(2, 2, per_dump=True, across_dumps=False).keys(signed, dumps)
    assert np.array_equal(own[0], own[3]) and len(np.unique(own)) == 6
    both = BandKeys(2, 2, per_dump=True, across_dumps=True).keys(signed, dumps)
    assert np.array_equal(both, np.concatenate([own, shared], axis=1))
