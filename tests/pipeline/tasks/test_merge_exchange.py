"""Merged exchange files give receivers what the senders' own files gave."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks import merge_exchange as merging
from tests.pipeline.storage.exchanges import RECORDS, Batches, arrived, sent, written


class Merging:
    """As much of a task as merging needs."""

    name = "merge 00000"

    def __init__(self, store: Store, memory: int) -> None:
        self.store, self.memory = store, memory
        self.spec = SimpleNamespace(file=lambda name: f"merged{name}")
        self.kept: list[dict[str, Any]] = []

    def keep_file(self, kind: str, name: str, file: str, **described: Any) -> None:
        self.kept.append({"kind": kind, "name": name, "file": file, **described})


@given(
    st.lists(RECORDS, min_size=1, max_size=4), st.sampled_from([1, 100, 1 << 20]), st.sampled_from([4, 4000, 1 << 22])
)
def test_merged_files_give_what_the_senders_gave(
    tmp_path_factory: pytest.TempPathFactory, senders: list[Batches], segment_bytes: int, memory: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("exchange")))
    # a file that was made when there were fewer shards has fewer partitions
    files = [written(store, f"{sender}", batches, 7 + sender, segment_bytes) for sender, batches in enumerate(senders)]
    files = [{**file, "sender": sender} for sender, file in enumerate(files) if file["records"]]
    task: Any = Merging(store, memory)
    merging.run(task, {"exchange": "x", "files": files})
    (merged,) = task.kept
    for partition in range(7 + len(senders)):
        expected = [(sender, *record) for sender, batches in enumerate(senders) for record in sent(batches, partition)]
        assert arrived(store, merged, partition) == expected
    if files:
        with pytest.raises(ConservationError, match="records were sent"):
            merging.run(
                task, {"exchange": "x", "files": [*files[1:], {**files[0], "records": files[0]["records"] + 1}]}
            )


def test_groups_are_about_the_square_root() -> None:
    assert [merging.group_size(senders) for senders in (0, 1, 2, 4, 1000, 4096, 90_000)] == [1, 1, 1, 2, 32, 64, 256]
