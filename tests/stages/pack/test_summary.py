import json
from pathlib import Path

from dspipe.stages.pack.summary import PackedCounts, PartitionSummary, ShardContents, describe_shard
from tests.stages.pack.made_shard import make_document_table
from tests.tasks import Inputs, make_task, read_made


def test_counts_add_up() -> None:
    one, two = PackedCounts(rows=1, tokens=10, dropped=3), PackedCounts(rows=2, cut=5)
    assert one.plus(two) == PackedCounts(rows=3, tokens=10, cut=5, dropped=3)


def test_a_summary_as_it_was_written(tmp_path: Path) -> None:
    contents = ShardContents("uint16", 3, {"web": 9}, {"made": 9})
    for number, summary in enumerate(
        (PartitionSummary(PackedCounts(rows=2, tokens=9), contents), PartitionSummary(PackedCounts(remainder=1), None))
    ):
        task = make_task(tmp_path / str(number), Inputs())
        summary.write(task, "summaries")
        assert PartitionSummary.from_json(json.loads(read_made(task, "summaries")[0])) == summary
        assert task.counters["tokens"] == summary.counts.tokens


def test_the_contents_of_a_shard() -> None:
    found = describe_shard(make_document_table(), "uint32")
    assert found == ShardContents("uint32", 5, {"code": 14, "web": 10}, {"made": 24})
