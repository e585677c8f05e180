"""Row columns: each has a hash of its own."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.columns import RowsWriter, column_hashes, naming_damage
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store


def test_a_columns_hash_is_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    pairs = pa.struct([("x", pa.list_(pa.string())), ("y", pa.int8())])
    schema = pa.schema([("a.b", pa.int64()), ("c.d", pa.list_(pa.string())), ("c", pairs)])

    def hashes(a: list[int], c: list[list[str]], cut: int) -> dict[str, str]:
        with store.writing("x.parquet") as file:
            writer = RowsWriter(file, schema)
            arrays = [pa.array(a), pa.array(c), pa.array([{"x": ["s"], "y": n} for n in a], pairs)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
            for piece in (batch.slice(0, cut), batch.slice(cut)):
                writer.write(piece)
            writer.close()
        assert pq.read_table(io.BytesIO(store.read_bytes("x.parquet"))).num_rows == len(a)
        return column_hashes(store, "x.parquet")

    first = hashes([1, 2, 3], [["x"], [], ["y", "z"]], 1)
    assert set(first) == {"a.b", "c.d", "c"}
    assert hashes([1, 2, 3], [["x"], [], ["y", "z"]], 1) == first
    other = hashes([1, 2, 4], [["x"], [], ["y", "z"]], 1)
    assert other["a.b"] != first["a.b"]
    assert other["c"] != first["c"]
    assert other["c.d"] == first["c.d"]
    changed = hashes([1, 2, 3], [["x"], [], ["y", "w"]], 1)
    assert [name for name in first if changed[name] != first[name]] == ["c.d"]
    assert hashes([1, 2, 3], [["x"], [], ["y", "z"]], 2) != first


class GoesAway(io.BytesIO):
    """A file of a storage that stops to answer."""

    away = False

    def read(self, size: int | None = -1) -> bytes:
        if self.away:
            raise UnavailableError("cannot read x: no answer for 15 minutes")
        return super().read(size)


@pytest.mark.parametrize("pre_buffer", [False, True])
def test_a_storage_that_does_not_answer_is_no_damage(pre_buffer: bool) -> None:
    written = io.BytesIO()
    pq.write_table(pa.table({"a": range(100_000)}), written)
    file = GoesAway(written.getvalue())
    with naming_damage("x"):
        stored = pq.ParquetFile(file, pre_buffer=pre_buffer)
    file.away = True
    asks: list[Callable[[], object]] = [
        lambda: pq.ParquetFile(file),
        lambda: stored.read_row_group(0, use_threads=False),
    ]
    for ask in asks:
        with pytest.raises(UnavailableError, match="no answer for 15 minutes"), naming_damage("x"):
            ask()


def test_damage_of_a_file_is_its_own() -> None:
    written = io.BytesIO()
    pq.write_table(pa.table({"a": range(100_000)}), written)
    with pytest.raises(DamagedFileError, match="x is cut or was changed: "), naming_damage("x"):
        pq.ParquetFile(io.BytesIO(written.getvalue()[:-7]))
    with pytest.raises(FileNotFoundError), naming_damage("x"):
        raise FileNotFoundError(2, "no such file")
