"""The table of documents beside a shard."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.document_table import SUFFIX, Documents, load_documents, with_pieces
from dspipe.stages.pack.segments import split_pieces
from tests.stages.pack.shards import LENGTHS, make_table, write_rows


def test_the_table_of_documents(tmp_path: Path) -> None:
    write_rows(tmp_path, "megatron", np.uint16)
    documents = load_documents(tmp_path / f"shard{SUFFIX}")
    assert [documents.id(i) for i in range(documents.count)] == ["a", "bb", "ccc", "für", "字"]
    assert documents.arrays["row_pieces"].tolist() == [0, 1, 3, 4, 5, 8, 9]
    assert documents.arrays["piece_column"].tolist() == [0, 0, 1, 0, 0, 0, 1, 2, 0]
    assert documents.begun().tolist() == [0, 1, 2, 3, 4]
    assert documents.tokens_by(documents.domains, "domain") == {"code": 14, "web": 10}
    assert "cuts" not in documents.arrays


def test_part_of_a_make_table() -> None:
    pieces = split_pieces(LENGTHS, 4)
    chosen = pieces[5:7]  # the ends of the third and the fourth document
    part = with_pieces(make_table(), chosen, 1)
    assert [part.id(i) for i in range(part.count)] == ["ccc", "für"]
    assert part.begun().tolist() == [1]


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8), st.data())
def test_documents_are_found_by_their_ids(ids: list[str], data: st.DataObject) -> None:
    ids = [id.encode("utf-8", "replace").decode() for id in ids]
    encoded = [id.encode() for id in ids]
    arrays: dict[str, np.ndarray] = {
        "tokens": np.ones(len(ids), np.int64),
        "ids": np.frombuffer(b"".join(encoded), np.uint8),
        "id_offsets": np.concatenate([[0], np.cumsum([len(id) for id in encoded])]).astype(np.int64),
    }
    documents = Documents(arrays, [], [])
    assert [documents.id(i) for i in range(documents.count)] == ids
    wanted = data.draw(st.one_of(st.sampled_from(ids), st.text(max_size=3)))
    assert documents.find(wanted) == [i for i, id in enumerate(ids) if id == wanted]


def test_a_table_that_is_cut_short(tmp_path: Path) -> None:
    write_rows(tmp_path, "megatron", np.uint16)
    path = tmp_path / f"shard{SUFFIX}"
    whole = path.read_bytes()
    for size in (0, 7, 8, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut short"):
            load_documents(path)
