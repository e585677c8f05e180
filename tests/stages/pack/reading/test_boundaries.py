from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.reading.boundaries import find_boundaries
from dspipe.stages.pack.reading.reader import PackedDataset
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents

END, PAD = 9, 8


def boundaries_slowly(row: list[int], end: int, pad: int) -> tuple[list[int], list[int]]:
    """Positions and documents of one row, token by token."""
    filled = len(row)
    while filled and row[filled - 1] == pad:
        filled -= 1
    if end == pad and 0 < filled < len(row):
        filled += 1
    positions, documents, position, document = [], [], 0, 0
    for column, token in enumerate(row):
        if column == filled:
            position = 0
        positions.append(position)
        documents.append(document if column < filled else -1)
        position += 1
        if token == end and column < filled:
            position, document = 0, document + 1
    return positions, documents


@given(st.lists(st.lists(st.sampled_from([1, 2, END, PAD]), min_size=6, max_size=6), min_size=1), st.booleans())
def test_boundaries_are_those_found_token_by_token(rows: list[list[int]], same: bool) -> None:
    end, pad = (PAD, PAD) if same else (END, PAD)
    # padding stands at the end of a row, so within it there is none
    rows = [
        [1 if token == pad != end and any(t != pad for t in row[i:]) else token for i, token in enumerate(row)]
        for row in rows
    ]
    found = find_boundaries(np.array(rows), end, pad)
    for row, positions, documents in zip(rows, found.position_ids.tolist(), found.document_ids.tolist(), strict=True):
        assert (positions, documents) == boundaries_slowly(row, end, pad)
    assert (found.loss_mask == (found.document_ids >= 0)).all()
    one = find_boundaries(np.array(rows[0]), end, pad)
    assert one.position_ids.tolist() == found.position_ids[0].tolist()


@pytest.mark.parametrize("mode", ["split", "best_fit", "aligned"])
def test_boundaries_are_those_of_the_tables(tmp_path: Path, mode: str) -> None:
    run_inline(make_config(tmp_path, make_documents(90), length=32, mode=mode, shard_bytes=65536))
    data = PackedDataset(tmp_path / "run")
    manifest, batch = data.shards.manifest, data[:]
    found = find_boundaries(batch["tokens"], manifest.end_token, manifest.pad_token)
    for name in ("position_ids", "document_ids", "loss_mask"):
        assert (getattr(found, name) == batch[name]).all(), name
