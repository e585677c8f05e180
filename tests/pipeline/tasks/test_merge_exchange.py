"""Merged exchange files give receivers what the senders' own files gave."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.storage.exchange import LAYOUT
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks import merge_exchange as merging
from tests.pipeline.storage.exchanges import RECORDS, Batches, arrived, sent, written


class Merging:
    """As much of a task as merging needs."""

    name = "merge 00000"

    def __init__(self, store: Store, memory: int) -> None:
        self.store, self.memory = store, memory
        self.spec = SimpleNamespace(file=lambda name: f"merged-{len(self.kept)}{name}")
        self.kept: list[dict[str, Any]] = []

    def keep_file(self, kind: str, name: str, file: str, **described: Any) -> None:
        self.kept.append({"kind": kind, "name": name, "file": file, **described})

    def merge(self, files: Sequence[dict[str, Any]], first: int, width: int) -> None:
        """Merge the files of senders 0, 1, ..., those without records left out."""
        sent = [(sender, file) for sender, file in enumerate(files) if file["records"]]
        places = [[sender, file["file"], *(file[name] for name in LAYOUT)] for sender, file in sent]
        schema = sent[0][1]["schema"] if sent else None
        task: Any = self
        merging.run(task, {"exchange": "x", "files": places, "schema": schema, "first": first, "width": width})


@given(
    st.lists(RECORDS, min_size=1, max_size=4),
    st.sampled_from([1, 100, 1 << 20]),
    st.sampled_from([4, 4000, 1 << 22]),
    st.sampled_from([1, 2, 4, 16]),
)
def test_merged_files_give_what_the_senders_gave(
    tmp_path_factory: pytest.TempPathFactory, senders: list[Batches], segment_bytes: int, memory: int, width: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    # a file that was made when there were fewer shards has fewer partitions
    files = [written(store, f"{sender}", batches, 7 + sender, segment_bytes) for sender, batches in enumerate(senders)]
    task = Merging(store, memory)
    for first in range(0, 7 + len(senders), width):
        task.merge(files, first, width)
    assert sum(merged["records"] for merged in task.kept) == sum(file["records"] for file in files)
    for partition in range(7 + len(senders)):
        expected = [(sender, *record) for sender, batches in enumerate(senders) for record in sent(batches, partition)]
        of_range = task.kept[partition // width]
        assert arrived(store, of_range, partition) == expected
        others = [merged for merged in task.kept if merged is not of_range]
        assert not any(arrived(store, merged, partition) for merged in others)


@pytest.mark.parametrize(
    ("senders", "partitions", "sizes"),
    [
        (0, 100, (1, 128)),
        (1, 100, (1, 128)),
        (2, 100, (2, 128)),
        (1000, 1000, (128, 256)),
        (4096, 90_000, (2048, 1024)),
        (90_000, 4096, (256, 512)),
        (90_000, 65_536, (1024, 2048)),
    ],
)
def test_a_task_copies_what_about_32_senders_sent(senders: int, partitions: int, sizes: tuple[int, int]) -> None:
    assert merging.merge_sizes(senders, partitions) == sizes


@given(st.integers(2, 10**6), st.integers(1, 10**6))
def test_merging_and_receiving_ask_for_little_more_than_the_least(senders: int, partitions: int) -> None:
    group, width = merging.merge_sizes(senders, partitions)
    files, ranges = -(-senders // group), -(-partitions // width)
    asked = 2 * senders * ranges + 2 * partitions * files
    least = 4 * senders * (partitions / merging.SENDERS_A_TASK) ** 0.5
    # of few senders or partitions the one or the other can't be divided further
    assert asked <= 2.2 * least + 4 * (senders + partitions)
