"""Lines of CDXJ, however they are packed and whatever their values are."""

import gzip
import io
import json
from typing import Any

import pytest

from dspipe.stages.sources.reading import cdxj
from dspipe.stages.sources.reading.cdxj import NoCdxjError, cdxj_batches, fields_of_first_lines


def rows(data: bytes, fields: list[str]) -> list[dict[str, Any]]:
    return [row for batch in cdxj_batches(io.BytesIO(data), fields) for row in batch.to_pylist()]


def line(number: int, **said: Any) -> bytes:
    return f"example,a)/{number} 20240301120000 {json.dumps(said)}\n".encode()


def test_values_are_text_numbers_or_not_there() -> None:
    data = line(1, a="x", offset="7") + line(2, a=None) + line(3, offset=8, other=[1, {"b": 2}]) + line(4, a="ü\n")
    expected = [("x", "7"), (None, None), (None, "8"), ("ü\n", None)]
    assert [(row["a"], row["offset"]) for row in rows(data, ["a", "offset"])] == expected
    assert {row["timestamp"] for row in rows(data, [])} == {"20240301120000"}
    assert fields_of_first_lines(io.BytesIO(data)) == ["a", "offset", "other"]


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_blocks_end_at_lines(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(cdxj, "_BLOCK_BYTES", block)
    lines = [line(number, url=f"http://a.example/{'x' * number}") for number in range(50)]
    packed = b"".join(gzip.compress(b"".join(lines[at : at + 7])) for at in range(0, 50, 7))
    expected = [f"http://a.example/{'x' * number}" for number in range(50)]
    assert [row["url"] for row in rows(packed, ["url"])] == expected
    assert [row["url"] for row in rows(b"!meta {}\n\n" + b"".join(lines)[:-1], ["url"])] == expected


def test_a_line_that_is_none_is_named_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdxj, "_BLOCK_BYTES", 100)
    data = b"".join(line(number, a="x" * 30) for number in range(9)) + b"\n\nno line\n" + line(10)
    with pytest.raises(NoCdxjError, match="line 12 is none"):
        rows(data, ["a"])
    with pytest.raises(NoCdxjError, match="line 2 is none"):
        rows(line(1, a=1) + b'x 1 {"a": 2}}\n', ["a"])
