"""What is less than a row goes to the tail shard with all that is known of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from dspipe.stages.pack.remainder import make_records, read_remainders
from dspipe.stages.pack.segments import split_documents
from tests.stages.pack.made_shard import LENGTHS, make_documents


def test_remainders_arrive_as_they_were_sent() -> None:
    documents = make_documents([0, 1, 0, 0, 2])
    segments = split_documents(LENGTHS, 5)
    remainder = segments[int(np.searchsorted(segments.row, 4)) :]  # the last, short row
    row = np.arange(100, 105, dtype=np.uint16)
    record = make_records(documents, remainder, row)
    task: Any = SimpleNamespace(received=lambda: iter([(0, record), (3, record)]))
    found = read_remainders(task)
    assert found is not None
    sent = documents.take(np.tile(remainder.document, 2))
    assert [found.documents.id(i) for i in range(len(found.documents))] == [sent.id(i) for i in range(len(sent))]
    assert found.starts.tolist() == remainder.start.tolist() * 2
    assert found.lengths.tolist() == remainder.length.tolist() * 2
    assert found.tokens.tolist() == row[: int(remainder.length.sum())].tolist() * 2
    assert found.tokens.dtype == np.uint16
    for name in ("tokens", "copy", "layout", "cuts"):
        assert getattr(found.documents, name).tolist() == getattr(sent, name).tolist()
    for one, code in ((found.documents, found.documents.domain), (sent, sent.domain)):
        assert [one.domains[number] for number in code] == ["web"] * len(sent)


def test_no_remainders() -> None:
    task: Any = SimpleNamespace(received=lambda: iter(()))
    assert read_remainders(task) is None
