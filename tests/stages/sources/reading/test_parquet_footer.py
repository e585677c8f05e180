"""The footer's column chunks as pyarrow itself says them, and damaged footers, on some of which pyarrow aborts."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.stages.sources import parquet
from dspipe.stages.sources.reading.parquet_footer import ColumnChunk, read_column_chunks
from dspipe.stages.sources.reading.watched import Watched
from dspipe.testing import LocalReading
from tests.stages.sources.read_shard import input_file


def write_file(rows: int = 250) -> bytes:
    table = pa.table(
        {
            "text": [f"{i} " * 30 for i in range(rows)],
            "id": range(rows),
            "plain": pa.array([bytes([i % 7]) * 9 for i in range(rows)]),
            "nested": [{"url": f"u{i}", "list": [i, None]} for i in range(rows)],
            "flag": [i % 3 == 0 for i in range(rows)],
            "map": pa.array([[("k", float(i))] for i in range(rows)], pa.map_(pa.string(), pa.float64())),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=100, use_dictionary=["text"], write_page_index=True)
    return file.getvalue()


def test_the_chunks_are_those_that_pyarrow_names() -> None:
    data = write_file()
    metadata = pq.read_metadata(io.BytesIO(data))
    expected = []
    for i in range(metadata.num_row_groups):
        columns = [metadata.row_group(i).column(j) for j in range(metadata.num_columns)]
        expected.append(
            [ColumnChunk(c.path_in_schema, c.total_uncompressed_size, c.dictionary_page_offset) for c in columns]
        )
    assert read_column_chunks(Watched(io.BytesIO(data))) == expected
    assert expected[0][0].dictionary_offset is not None and expected[0][2].dictionary_offset is None


def test_size_statistics_that_do_not_fit_are_the_files_damage(tmp_path: Path) -> None:
    """On this file `metadata.row_group(2).column(0)` would end the process."""
    pq.write_table(pa.table({"text": [f"{i} " * 30 for i in range(250)]}), tmp_path / "whole", row_group_size=100)
    data = bytearray((tmp_path / "whole").read_bytes())
    # the histograms of repetition levels, an empty list, and of definition levels, [0, 50], the other way round
    lists = b"\x19\x06", b"\x19\x26\x00\x64"
    at = data.rindex(b"".join(lists))
    data[at : at + 6] = lists[1] + lists[0]
    (tmp_path / "x").write_bytes(data)
    reading = LocalReading()
    source = parquet.ParquetSource(parquet.Config(name="s", format="parquet", path=""))
    rows = sum(batch.num_rows for batch in source.read([input_file(tmp_path / "x")], reading))
    (bad,) = reading.quarantine
    assert (rows, bad["records"]) == (200, 50)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_footers_are_decoded_or_refused(data: st.DataObject) -> None:
    file = bytearray(write_file(120))
    length = int.from_bytes(file[-8:-4], "little") + 8
    junk = data.draw(st.binary(min_size=1, max_size=20))
    at = len(file) - data.draw(st.integers(1, length))
    file[at : at + len(junk)] = junk
    try:
        chunks = read_column_chunks(Watched(io.BytesIO(file)))
    except ValueError:
        return
    for chunk in [chunk for group in chunks for chunk in group]:
        assert isinstance(chunk.uncompressed_bytes, int) and isinstance(chunk.dictionary_offset, int | None)


def test_a_footer_cut_short_is_refused() -> None:
    data = write_file(10)
    length = int.from_bytes(data[-8:-4], "little")
    with pytest.raises(ValueError, match="damaged"):
        read_column_chunks(Watched(io.BytesIO(data[:-8][: -length // 2] + length.to_bytes(4, "little") + b"PAR1")))
