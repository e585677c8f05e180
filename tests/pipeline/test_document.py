"""A document's columns: its own, and those that stages add or make of another type."""

import pyarrow as pa

from dspipe.pipeline.document import DOCUMENT, document_batch, document_schema, example_batch, measured_schema
from dspipe.pipeline.source import raw_schema
from tests.toys.lengths import Lengths, LengthsConfig


class Numbers(Lengths):
    def measured_columns(self) -> tuple[pa.Field, ...]:
        return (pa.field("language", pa.dictionary(pa.int32(), pa.string())), pa.field("numbers.count", pa.int8()))


def test_stages_add_columns_and_may_give_known_ones_another_type() -> None:
    lengths, numbers = Lengths("lengths", LengthsConfig()), Numbers("numbers", LengthsConfig())
    schema = document_schema([lengths, numbers])
    assert schema.names == [*DOCUMENT.names, "lengths.length", "numbers.count"]
    assert schema.field("language").type == pa.dictionary(pa.int32(), pa.string())
    assert document_schema([]) == DOCUMENT


def test_batches_for_stages_have_what_the_engine_gives_them() -> None:
    batch = document_batch(["one", "zwölf"], language=["en", "de"])
    assert batch.schema == measured_schema()
    assert set(measured_schema().names) == set(DOCUMENT.names) | set(raw_schema().names)
    assert batch.column("text_bytes").to_pylist() == [3, 6]
    assert batch.column("language").to_pylist() == ["en", "de"]
    assert batch.column("url").null_count == 2
    batch.validate(full=True)
    assert example_batch().num_rows == 2
