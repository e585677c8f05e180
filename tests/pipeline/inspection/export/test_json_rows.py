"""JSON lines against Python's reading of them."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.inspection.export.json_rows import json_lines

ROW = st.fixed_dictionaries(
    {
        'a "name"': st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
        "b.c": st.none() | st.integers(-(2**63), 2**63 - 1),
        "d": st.none() | st.floats(),
        "e": st.none() | st.booleans(),
        "f": st.none() | st.lists(st.none() | st.text("aé\n", max_size=3), max_size=3),
        "g": st.none(),
    }
)
SCHEMA = pa.schema(
    [
        ('a "name"', pa.string()),
        ("b.c", pa.int64()),
        ("d", pa.float64()),
        ("e", pa.bool_()),
        ("f", pa.list_(pa.string())),
        ("g", pa.null()),
    ]
)


@given(st.lists(ROW, max_size=6))
def test_lines_say_what_the_rows_are(rows: list[dict[str, Any]]) -> None:
    data = bytes(json_lines(pa.RecordBatch.from_pylist(rows, schema=SCHEMA)))
    assert data.endswith(b"\n") or not rows
    found = [json.loads(line, parse_constant=lambda word: word) for line in data.decode().split("\n")[:-1]]
    finite = [row if row["d"] is not None and math.isfinite(row["d"]) else {**row, "d": None} for row in rows]
    assert found == finite


def test_numbers_with_a_fraction_keep_a_point() -> None:
    batch = pa.record_batch(
        {"x": pa.array([5, 0.1, -2.0, 1e20], pa.float32()), "n": pa.array([1, 2, 3, None], pa.uint64())}
    )
    assert bytes(json_lines(batch)) == b'{"x":5.0,"n":1}\n{"x":0.1,"n":2}\n{"x":-2.0,"n":3}\n{"x":1e+20,"n":null}\n'
    assert np.float32(0.1) == batch.column("x")[1].as_py()
