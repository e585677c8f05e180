"""One partition's documents, in order and filled into rows: against lists, whatever the memory."""

import random
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED
from dspipe.stages.pack.fim import Layout, rearrange
from dspipe.stages.pack.partition import Partition
from dspipe.stages.pack.segments import split_documents
from dspipe.stages.pack.special_tokens import SpecialTokens

Document = dict[str, object]
SENTINELS = np.array([201, 202, 203], np.int64)


def make_batches(documents: list[Document], width: int, batch: int = 3) -> list[tuple[int, pa.RecordBatch]]:
    """The documents as they come, some at a time."""
    batches = []
    for start in range(0, len(documents), batch):
        part = documents[start : start + batch]
        tokens = [np.array(document["tokens"], f"<u{width}").tobytes() for document in part]
        columns = {
            "key": pa.array([document["key"] for document in part], pa.uint64()),
            "id": pa.array([document["id"] for document in part], pa.string()),
            "copy": pa.array([document["copy"] for document in part], pa.int32()),
            "domain": pa.array([document["domain"] for document in part], pa.string()),
            "source": pa.array(["made"] * len(part), pa.string()),
            "width": pa.array([width] * len(part), pa.uint8()),
            "tokens": pa.array(tokens, pa.large_binary()),
        }
        batches.append((start, pa.record_batch(columns)))
    return batches


def partition_of(batches: list[tuple[int, pa.RecordBatch]], shuffle: bool) -> Partition:
    def read() -> Iterator[tuple[int, pa.RecordBatch]]:
        return iter(batches)

    return Partition(read, shuffle)


DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.integers(0, 2**64 - 1),
            "id": st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
            "copy": st.integers(0, 2),
            "domain": st.sampled_from(["web", "books", "code"]),
            "tokens": st.lists(st.integers(0, 200), max_size=9),
        }
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=20 if INTERPRETED else 100)
@given(DOCUMENTS, st.booleans(), st.sampled_from([2, 4]), st.booleans(), st.sampled_from([1, 40, 1 << 20]))
def test_rows_are_the_documents_in_the_order_of_their_keys(
    documents: list[Document], shuffle: bool, width: int, begin: bool, budget: int
) -> None:
    partition = partition_of(make_batches(documents, width), shuffle)
    ordered = sorted(documents, key=lambda document: document["key"]) if shuffle else documents  # type: ignore[arg-type, return-value]
    assert len(partition) == len(ordered)
    assert partition.keys.tolist() == [document["key"] for document in ordered]
    assert [partition.documents.id(i) for i in range(len(ordered))] == [document["id"] for document in ordered]
    found, domains = partition.documents, partition.documents.domains
    assert domains == sorted({str(document["domain"]) for document in documents})
    assert [domains[code] for code in found.domain] == [document["domain"] for document in ordered]
    assert found.copy.tolist() == [document["copy"] for document in ordered]
    if not documents:
        return
    assert partition.dtype == np.dtype(f"u{width}")
    special = SpecialTokens(end=250, begin=251 if begin else -1, pad=252, sentinels=SENTINELS)
    layout = rearrange(partition.keys, found.tokens, np.ones(len(ordered), bool), 0.5, 0.5)
    stream: list[int] = []
    for document, form, (a, b) in zip(ordered, layout.layout.tolist(), layout.cuts.tolist(), strict=True):
        text: list[int] = document["tokens"]  # type: ignore[assignment]
        forms = {
            0: text,
            1: [201, *text[:a], 202, *text[b:], 203, *text[a:b]],
            2: [201, 202, *text[b:], 203, *text[:b]],
        }
        stream += [251] * begin + forms[form] + [250]
    lengths = partition.stream_lengths(special, layout)
    assert int(lengths.sum()) == len(stream)
    rows = -(-len(stream) // 4)
    blocks = list(partition.fill_blocks(split_documents(lengths, 4), rows, 4, special, layout, budget))
    assert np.concatenate(blocks).reshape(-1).tolist() == stream + [252] * (rows * 4 - len(stream))
    assert max(block.nbytes for block in blocks) <= max(budget, 4 * width)


def test_only_what_a_block_needs_is_read_again() -> None:
    """A pass over the records for the plan, and one for each block."""
    draw = random.Random(3)
    documents: list[Document] = [
        {"key": draw.getrandbits(64), "id": str(n), "copy": 0, "domain": "web", "tokens": [n] * 10} for n in range(200)
    ]
    batches = make_batches(documents, 2, 50)
    passes = 0

    def read() -> Iterator[tuple[int, pa.RecordBatch]]:
        nonlocal passes
        passes += 1
        return iter(batches)

    partition = Partition(read, shuffle=True)
    assert passes == 1
    special = SpecialTokens(end=250, begin=-1, pad=252, sentinels=np.empty(0, np.int64))
    layout = Layout(np.zeros(200, np.uint8), np.zeros((200, 2), np.int64))
    segments = split_documents(partition.stream_lengths(special, layout), 20)
    blocks = list(partition.fill_blocks(segments, 110, 20, special, layout, 20 * 2 * 30))
    assert [len(block) for block in blocks] == [30, 30, 30, 20]
    assert passes == 1 + 4


def test_documents_of_one_key_stay_in_the_order_of_their_shards() -> None:
    documents: list[Document] = [
        {"key": 7, "id": name, "copy": 0, "domain": "web", "tokens": [1]} for name in ("c", "a", "b")
    ]
    documents.insert(1, {"key": 3, "id": "first", "copy": 0, "domain": "web", "tokens": [1]})
    partition = partition_of(make_batches(documents, 2, 2), shuffle=True)
    assert [partition.documents.id(i) for i in range(4)] == ["first", "c", "a", "b"]


def test_tokens_that_are_not_those_counted_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    documents: list[Document] = [{"key": 1, "id": "a", "copy": 0, "domain": "web", "tokens": [1, 2]}]
    partition = partition_of(make_batches(documents, 2), shuffle=True)
    monkeypatch.setattr("dspipe.stages.pack.partition.join_documents", lambda *arguments: 2)
    special = SpecialTokens(end=250, begin=-1, pad=252, sentinels=np.empty(0, np.int64))
    layout = Layout(np.zeros(1, np.uint8), np.zeros((1, 2), np.int64))
    with pytest.raises(AssertionError, match="2 tokens were written where 3 were counted"):
        partition.fill_rows(split_documents(np.array([3]), 4), 0, 1, 4, special, layout)
