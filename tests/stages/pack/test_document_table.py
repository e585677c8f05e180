import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.pack.document_table import load_table, make_table, take_strings
from dspipe.stages.pack.formats.safetensors import load_arrays, save_arrays
from dspipe.stages.pack.segments import split_documents
from tests.stages.pack.made_shard import IDS, LENGTHS, make_document_table, make_documents


def save(path: Path, layout: list[int] | None = None) -> Path:
    with path.open("wb") as file:
        make_document_table(layout).save(file)
    return path


def test_a_table_as_it_was_saved(tmp_path: Path) -> None:
    table = load_table(save(tmp_path / "x"))
    assert [table.documents.id(i) for i in range(len(table.documents))] == IDS
    assert table.row_segments.tolist() == [0, 1, 3, 4, 5, 8, 9]
    assert table.segment_document.tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 4]
    assert table.segment_start.tolist() == [0, 4, 0, 0, 4, 8, 0, 0, 2]
    assert table.segment_length.tolist() == [4, 1, 3, 4, 4, 1, 1, 2, 4]
    assert table.segment_column.tolist() == [0, 0, 1, 0, 0, 0, 1, 2, 0]
    assert table.segments(4) == slice(5, 8)
    assert table.find_begun().tolist() == [0, 1, 2, 3, 4]
    assert list(table.count_by_domain().items()) == [("code", 14), ("web", 10)]
    assert table.count_by_source() == {"made": 24}


def test_cuts_are_stored_where_something_is_rearranged(tmp_path: Path) -> None:
    save(tmp_path / "plain"), save(tmp_path / "fim", [0, 1, 0, 0, 2])
    assert "cuts" not in load_arrays(tmp_path / "plain")[0]
    assert load_table(tmp_path / "plain").documents.cuts.tolist() == [[0, 0]] * 5
    assert load_table(tmp_path / "fim").documents.cuts.tolist() == np.arange(10).reshape(5, 2).tolist()


def test_a_table_of_some_segments_has_their_documents_alone() -> None:
    chosen = split_documents(LENGTHS, 4)[5:7]  # the ends of the third and the fourth document
    part = make_table(make_documents(), chosen, 1)
    assert [part.documents.id(i) for i in range(len(part.documents))] == ["ccc", "für"]
    assert part.documents.tokens.tolist() == [9, 1]
    assert part.find_begun().tolist() == [1]


def test_documents_are_found_by_id() -> None:
    documents = make_documents().take(np.array([4, 3, 4, 0]))
    assert documents.find("字") == [0, 2]
    assert documents.find("a") == [3]
    assert documents.find("bb") == documents.find("") == []


@given(st.lists(st.text(max_size=3), min_size=1, max_size=8), st.data())
def test_documents_are_found_by_any_id(texts: list[str], data: st.DataObject) -> None:
    ids = [text.encode("utf-8", "replace").decode() for text in texts]
    encoded = [id.encode() for id in ids]
    offsets = np.concatenate([[0], np.cumsum([len(id) for id in encoded])]).astype(np.int64)
    count = np.zeros(len(ids), np.int64)
    documents = replace(
        make_documents(), ids=np.frombuffer(b"".join(encoded), np.uint8), id_offsets=offsets, tokens=count
    )
    assert [documents.id(i) for i in range(len(documents))] == ids
    wanted = data.draw(st.one_of(st.sampled_from(ids), st.text(max_size=3)))
    assert documents.find(wanted) == [i for i, id in enumerate(ids) if id == wanted]


def test_a_table_that_is_cut_short(tmp_path: Path) -> None:
    path = save(tmp_path / "x")
    whole = path.read_bytes()
    for size in (0, 7, 8, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut short"):
            load_table(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    save_arrays(out, {"tokens": LENGTHS}, {})
    (tmp_path / "x").write_bytes(out.getvalue())
    with pytest.raises(ValueError, match="is not a shard's table of documents: it has no 'ids'"):
        load_table(tmp_path / "x")


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=8), st.data())
def test_taking_strings(strings: list[bytes], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(strings) - 1), max_size=10))
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in strings])]).astype(np.int64)
    found, ends = take_strings(np.frombuffer(b"".join(strings), np.uint8), offsets, np.array(chosen, np.int64))
    assert [found[a:b].tobytes() for a, b in pairwise(ends)] == [strings[i] for i in chosen]
