"""The largest clusters against a look at all of them."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.inspection.clusters import LargestClusters


def batch_of(clusters: list[int]) -> pa.RecordBatch:
    """Document i is of clusters[i]; of each cluster the first document is kept. Cluster 0 is none."""
    sizes, first = Counter(clusters), {cluster: at for at, cluster in reversed(list(enumerate(clusters)))}
    real = [cluster if sizes[cluster] > 1 and cluster else None for cluster in clusters]
    kept = [None if c is None or first[c] == at else first[c] for at, c in enumerate(real)]
    return pa.RecordBatch.from_pydict(
        {
            "number": pa.array(np.arange(len(clusters), dtype=np.uint64)),
            "origin": pa.array(np.arange(len(clusters), dtype=np.uint64)),
            "d.cluster": pa.array([None if c is None else first[c] for c in real], pa.uint64()),
            "d.cluster_size": pa.array([None if c is None else sizes[c] for c in real], pa.uint32()),
            "d.keeper": pa.array(kept, pa.uint64()),
            "d.similarity": pa.array([None if k is None else 0.5 for k in kept], pa.float32()),
        }
    )


@given(st.lists(st.integers(0, 12), max_size=120), st.integers(1, 6), st.integers(1, 40))
def test_the_largest_of_all(clusters: list[int], most: int, at_once: int) -> None:
    batch = batch_of(clusters)
    collector = LargestClusters("d", most, pairs=2, seed=1)
    for start in range(0, len(clusters), at_once):
        collector.add(batch.slice(start, at_once))
    sizes = Counter(c for c in batch.column("d.cluster").to_pylist() if c is not None)
    expected = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:most]
    found = collector.found()
    assert [(cluster.number, cluster.documents) for cluster in found] == expected
    for cluster in found:
        assert len(cluster.pairs) == min(2, cluster.documents - 1)
        for pair in cluster.pairs:
            assert batch.column("d.keeper")[pair.dropped].as_py() == pair.kept == cluster.number
            assert pair.similarity == 0.5
