"""Packed rows as people read them, against what trainers read."""

from pathlib import Path

import numpy as np
import pytest

from dspipe.serve.packed_rows import open_rows, read_row
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.reading.shard_files import ShardError
from tests.serve.conftest import RUN


def test_every_row_is_what_the_reader_gives(runs: Path) -> None:
    rows, data = open_rows(str(runs / RUN)), PackedDataset(runs / RUN)
    assert rows.shards.rows == len(data) > 3
    whole: dict[tuple[str, int], int] = {}
    for number in range(len(data)):
        row, sample = read_row(rows, number), data[number]
        text = "".join(segment.text for segment in row.segments)
        # a token is a byte: ids above are special tokens; a character may be cut at a row's ends
        said = bytes(sample["tokens"][sample["tokens"] < 256].astype(np.uint8)).decode("utf-8", "replace")
        assert text.replace("</s>", "") == said
        borders = [segment.column for segment in row.segments if segment.id]
        assert borders == np.flatnonzero(np.diff(sample["document_ids"], prepend=-2) > 0).tolist()
        for segment in row.segments:
            if segment.id:
                key = (segment.id, segment.copy)
                whole[key] = whole.get(key, 0) + segment.length - segment.whole * (segment.start == 0)
    assert whole and not any(whole.values())


def test_a_row_that_is_not_there(runs: Path) -> None:
    rows = open_rows(str(runs / RUN))
    for number in (-1, rows.shards.rows):
        with pytest.raises(IndexError, match="there is no row"):
            read_row(rows, number)
    with pytest.raises(ShardError, match="no packed shards"):
        open_rows(str(runs / "begun"))
