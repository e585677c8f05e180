import json
from pathlib import Path

import pyarrow as pa

from dspipe.stages.tokenizer.merge import merge_words
from dspipe.stages.tokenizer.words import SCHEMA
from dspipe.tokenizer.counting import MAX_RARE_COUNT
from tests.tasks import Inputs, make_task, read_made, run_function


def words(**counts: int) -> pa.RecordBatch:
    return pa.record_batch([[word.encode() for word in counts], list(counts.values())], schema=SCHEMA)


def test_counts_of_each_word_are_added_up(tmp_path: Path) -> None:
    received = [words(the=5, sea=1), words(moon=2, the=7), words(sea=MAX_RARE_COUNT)]
    task = make_task(tmp_path, Inputs(received=received))
    run_function(merge_words, task)
    found = pa.ipc.open_file(read_made(task, "tokenizer_words")[0]).read_all().to_pylist()
    assert {row["word"]: row["count"] for row in found} == {b"the": 12, b"sea": MAX_RARE_COUNT + 1, b"moon": 2}
    positions = json.loads(read_made(task, "tokenizer_word_sizes")[0])
    # a word's bytes and the border after it, by how often it is seen
    assert {seen: count for seen, count in enumerate(positions) if count} == {12: 4, 2: 5, MAX_RARE_COUNT: 4}
    assert task.counters == {"words": 3}


def test_a_partition_without_words(tmp_path: Path) -> None:
    task = make_task(tmp_path, Inputs(received=[]))
    run_function(merge_words, task)
    assert pa.ipc.open_file(read_made(task, "tokenizer_words")[0]).read_all().num_rows == 0
