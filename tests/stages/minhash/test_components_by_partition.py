"""Components spread over partitions are those of a plain union-find."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.storage.columns import file_checksum
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.stages.minhash import components_by_partition as by_partition
from dspipe.stages.minhash.edges import send_edges
from tests.kernels.dedup.test_components import components_slowly


def stage(**settings: Any) -> StageSettings:
    return StageSettings("minhash", 0, settings)


class Spread:
    """As much of a task as the phases need; what is emitted is kept by partition."""

    def __init__(self, directory: str, memory: int, partitions: int, number: int, exchanges: dict[str, Any]) -> None:
        self.memory, self.partitions, self.number, self.exchanges = memory, partitions, number, exchanges
        self.store = Store(directory)
        self.emitted: list[list[pa.RecordBatch]] = [[] for _ in range(partitions)]
        self.spec = SimpleNamespace(number=number)
        self.counters: dict[str, int] = {}

    @property
    def received_bytes(self) -> int:
        return sum(batch.nbytes for sent in self.exchanges.values() for batch in sent[self.number])

    def received(self, also: str | None = None) -> Any:
        return iter([(0, batch) for batch in self.exchanges[also or "own"][self.number]])

    def emit(self, partition: Any, batch: pa.RecordBatch) -> None:
        for number in np.unique(partition):
            self.emitted[number].append(batch.filter(pa.array(partition == number)))

    def count(self, key: str, n: int) -> None:
        self.counters[key] = self.counters.get(key, 0) + n

    def make(self, name: str, suffix: str) -> Any:
        return self.store.writing(f"{name}-{self.number}{suffix}")

    def artifact(self, name: str) -> list[ArtifactFile]:
        files = [file for file in self.store.names("") if file.startswith(name)]
        return [ArtifactFile(self.store, 0, file, *file_checksum(self.store, file)) for file in files]


def spread_components(
    edges: list[tuple[int, int]], directory: str, memory: int, partitions: int
) -> tuple[dict[int, int], int]:
    """Node -> smallest of its component, by all phases in turn; and how many edges the core had."""

    def phase(exchanges: dict[str, Any], method: Any, tasks: int = partitions) -> tuple[list[Any], dict[str, int]]:
        sent: list[list[pa.RecordBatch]] = [[] for _ in range(partitions)]
        counters: dict[str, int] = {}
        for number in range(tasks):
            task = Spread(directory, memory, partitions, number, exchanges)
            method(task)
            for into, batches in zip(sent, task.emitted, strict=True):
                into += batches
            counters |= {key: counters.get(key, 0) + n for key, n in task.counters.items()}
        return sent, counters

    left, right = np.array(edges, np.uint64).reshape(-1, 2).T
    paired, _ = phase({}, lambda task: send_edges(task, left, right), 1)
    tied, _ = phase({"own": paired}, lambda task: by_partition.tie_to_smallest(task, stage(both_ways=False)))
    both_ways, _ = phase({"own": tied}, lambda task: by_partition.tie_to_smallest(task, stage(both_ways=True)))
    leaves, counters = phase({"own": both_ways}, lambda task: by_partition.trim_leaves(task, stage()))
    labels, _ = phase({}, lambda task: by_partition.label_core(task, stage()), 1)
    # the label phase sends to shards: one is enough here
    found: dict[int, int] = {}
    for number in range(partitions):
        task = Spread(directory, memory, 1, number, {"own": leaves, "minhash.core_labels": labels})
        by_partition.label_leaves(task, stage())  # type: ignore[arg-type]
        for batch in task.emitted[0]:
            for row, component in zip(*(batch.column(n).to_pylist() for n in ("row", "component")), strict=True):
                assert row not in found
                found[row] = component
    return found, counters["edges of the core"]


nodes = st.integers(0, 40)
graphs = st.lists(st.tuples(nodes, nodes).filter(lambda edge: edge[0] != edge[1]), min_size=1, max_size=80)


@settings(max_examples=60, deadline=None)
@given(graphs, st.sampled_from([200, 20_000, 1 << 30]), st.sampled_from([1, 3]))
def test_any_graph(tmp_path_factory: Any, edges: list[tuple[int, int]], memory: int, partitions: int) -> None:
    directory = str(tmp_path_factory.mktemp("spread"))
    found, _ = spread_components(edges, directory, memory, partitions)
    assert found == components_slowly(edges)


def test_of_clusters_only_the_middle_is_the_core(tmp_path: Any) -> None:
    """A hundred clusters: every document paired with the first two, or with the third, and these with the first."""
    edges = []
    for cluster in range(100):
        base = 1000 * cluster
        edges += [(base + 1, base), (base + 2, base)]
        edges += [(base + n, base + first) for n in range(3, 100) for first in ((0, 1) if n % 10 else (2,))]
    found, core = spread_components(edges, str(tmp_path), 1 << 30, 4)
    assert found == components_slowly(edges) and len(found) == 10_000
    assert core == 100


def test_a_long_chain(tmp_path: Any) -> None:
    edges = [(n, n + 1) for n in range(3000)]
    found, core = spread_components(edges, str(tmp_path), 1 << 16, 3)
    assert set(found.values()) == {0} and len(found) == 3001
    assert core == 2999
