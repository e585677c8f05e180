"""Batches under way: text as bytes, decoded piece by piece, and columns over them."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.pipeline.source import raw_schema
from dspipe.stages.sources.reading import batches
from dspipe.stages.sources.reading.batches import BatchBuilder, clean_utf8, decode_utf8
from dspipe.stages.sources.reading.charset import clean_if_utf8, decode
from dspipe.testing import LocalReading
from tests.stages.sources.read_shard import input_file

BYTES = st.one_of(
    st.binary(max_size=60),
    st.text(st.sampled_from("aé中\U0001f600\0\ufeff\x1b$("), max_size=30).map(str.encode),
    st.text(max_size=20).map(lambda text: text.encode("utf-16")),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BYTES, st.integers(1, 9))
def test_pieces_decode_as_the_whole(monkeypatch: pytest.MonkeyPatch, data: bytes, piece: int) -> None:
    monkeypatch.setattr(batches, "PIECE", piece)
    assert clean_utf8(data).decode() == decode_utf8(data)
    found = clean_if_utf8(bytearray(data))
    if found is not None:
        assert found.decode() == decode(data)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | st.text(max_size=9), st.none() | st.binary(max_size=9), st.booleans())))
def test_batches_hold_what_was_added(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, bytes, bool]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "x"
    path.touch()
    builder = BatchBuilder(LocalReading())
    for number, (text, content, as_bytes) in enumerate(rows):
        given = bytearray(text.encode()) if as_bytes and text is not None and "\0" not in text else text
        builder.add(input_file(path), f"line {number}", str(number), given, content)
    batch = builder.take()
    batch.validate(full=True)
    assert batch.schema == raw_schema()
    clean = [None if text is None else text.replace("\0", "\ufffd") for text, _, _ in rows]
    assert batch.column("text").to_pylist() == clean
    assert batch.column("content").to_pylist() == [content for _, content, _ in rows]
    assert builder.take().num_rows == 0
    assert isinstance(batch.column("text"), pa.LargeStringArray)
