"""What is less than a row goes to the tail shard with all that is known of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from dspipe.stages.pack.remainder import received_rests, rest_records
from dspipe.stages.pack.segments import split_pieces
from tests.stages.pack.shards import LENGTHS, make_table


def test_rests_arrive_as_they_were_sent() -> None:
    table = make_table()
    table.arrays["layout"][4], table.arrays["cuts"][4] = 2, (1, 3)
    rest = split_pieces(LENGTHS, 5)
    rest = rest[int(np.searchsorted(rest.row, 4)) :]  # the last, short row
    row = np.arange(100, 105, dtype=np.uint16)
    record = rest_records(table, rest, row)
    task: Any = SimpleNamespace(received=lambda: iter([(0, record), (3, record)]))
    documents, starts, tokens, lengths = received_rests(task)
    assert documents.count == 2 * len(rest)
    expected_ids = [table.id(int(number)) for number in rest.document]
    assert [documents.id(i) for i in range(documents.count)] == expected_ids * 2
    assert starts.tolist() == rest.start.tolist() * 2
    assert lengths.tolist() == rest.length.tolist() * 2
    assert tokens.tolist() == row[: int(rest.length.sum())].tolist() * 2
    assert documents.arrays["tokens"].tolist() == LENGTHS[rest.document].tolist() * 2
    assert documents.arrays["layout"][-1] == 2 and documents.arrays["cuts"][-1].tolist() == [1, 3]
    domains = [documents.domains[code] for code in documents.arrays["domain"]]
    assert domains == [table.domains[code] for code in table.arrays["domain"][rest.document]] * 2


def test_no_rests() -> None:
    task: Any = SimpleNamespace(received=lambda: iter(()))
    documents, starts, tokens, lengths = received_rests(task)
    assert (documents.count, len(starts), len(tokens), len(lengths)) == (0, 0, 0, 0)
