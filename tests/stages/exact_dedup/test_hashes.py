import pyarrow as pa
import pytest

from dspipe.pipeline.stage import StageSettings
from dspipe.stages.exact_dedup.hashes import address_hashes, measure, stored_hashes


@pytest.mark.parametrize(
    ("some", "other", "same"),
    [
        ("http://x.example/page", "https://x.example/page/", True),
        ("http://x.example/page", "http://x.example/page#top", True),
        ("http://x.example", "x.example///", True),
        ("http://x.example/page", "http://x.example/Page", False),
        ("http://x.example/page", "http://x.example/page?q", False),
        ("http://x.example/", "http://www.x.example/", False),
    ],
)
def test_addresses_that_are_the_same(some: str, other: str, same: bool) -> None:
    high, low = address_hashes(pa.array([some, other]))
    assert (high[0] == high[1], low[0] == low[1]) == (same, same)


def test_hashes_of_texts_are_stored_as_they_are_read() -> None:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(["a b", "a  b", "c", "a b"], pa.large_string())})
    column = measure(batch, StageSettings("exact_dedup", 0, {"text": True})).column("exact_dedup.hash")
    high, low = stored_hashes(column.slice(1))
    whole = stored_hashes(column)
    assert high.tolist() == whole.high[1:].tolist() and low.tolist() == whole.low[1:].tolist()
    assert whole.high[0] == whole.high[1] == whole.high[3] != whole.high[2]
    assert [value.as_py() for value in column] == [
        int(low).to_bytes(8, "little") + int(high).to_bytes(8, "little") for high, low in zip(*whole, strict=True)
    ]
    assert measure(batch, StageSettings("exact_dedup", 0, {"text": False})) is batch
