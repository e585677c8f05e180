"""Whether copies in different dumps count: groups against plain dictionaries."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.tasks.records import Received
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy
from dspipe.stages.shared.dedup.scope import Scope
from tests.engine import rows_of, run_inline
from tests.stages.dedup_corpus import deduplicating, words

RECORDS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["d0", "d1", None]), st.integers(0, 2)), min_size=1, max_size=14
)
"""(cluster, dump, how many copies stand for the record besides itself)"""


@pytest.mark.parametrize(
    "scope", [Scope(False, None), Scope(True, None), Scope(True, 3), Scope(True, 6)], ids=lambda scope: str(scope)
)
@given(RECORDS)
def test_groups_are_clusters_or_their_dumps(scope: Scope, records: list[tuple[int, str | None, int]]) -> None:
    columns = {
        "dump": pa.array([dump for _, dump, _ in records], pa.string()),
        "copies": pa.array([[0] * copies for _, _, copies in records], pa.list_(pa.uint32())),
    }
    documents = np.arange(len(records), dtype=np.uint64) * 7
    received = Received(documents, pa.table(columns), np.empty((0, 1), np.uint32))
    cluster = np.array([number for number, _, _ in records], np.uint64)
    found = scope.group(KeepPolicy(("oldest",)), received, [cluster], [])
    sizes: dict[int, int] = defaultdict(int)
    for number, _, copies in records:
        sizes[number] += 1 + copies
    expected: dict[tuple[int, str | None], list[int]] = defaultdict(list)
    for place, (number, dump, _) in enumerate(records):
        apart = scope.per_dump and (scope.min_cluster is None or sizes[number] < scope.min_cluster)
        expected[number, dump if apart else "all"].append(place)
    groups = [found.order[a:b].tolist() for a, b in zip(found.groups[:-1], found.groups[1:], strict=True)]
    assert sorted(groups) == sorted(expected.values())  # within a group the oldest stands first
    # clusters are made of whole groups; by dump alone each dump is a cluster of its own
    assert set(found.clusters.tolist()) <= set(found.groups.tolist())
    if scope.across_dumps:
        clusters = [found.order[a:b] for a, b in zip(found.clusters[:-1], found.clusters[1:], strict=True)]
        assert sorted(sorted(cluster[members].tolist()) for members in clusters) == sorted(
            [number] * int((cluster == number).sum()) for number in set(cluster.tolist())
        )
    else:
        assert found.clusters.tolist() == found.groups.tolist()


def test_settings() -> None:
    assert Scope.of({"scope": "global", "min_cluster": None}) == Scope(False, None)
    assert Scope.of({"scope": "per_dump", "min_cluster": 7}) == Scope(True, 7)
    assert [Scope(False, None).across_dumps, Scope(True, 7).across_dumps, Scope(True, None).across_dumps] == [
        True,
        True,
        False,
    ]


def three_dumps() -> dict[str, list[dict[str, Any]]]:
    """Three dumps: a page that each of them has four times (o), one that each has twice (s), one of its own (x)."""
    rng = np.random.default_rng(12)
    often, seldom = words(rng, 60), words(rng, 60)
    # near-duplicates, but for the first of each
    return {
        dump: [
            *({"id": f"{dump}-o{n}", "text": " ".join(often) + f" {dump}" * n} for n in range(4)),
            *({"id": f"{dump}-s{n}", "text": " ".join(seldom) + f" {dump}" * n} for n in range(2)),
            {"id": f"{dump}-x", "text": " ".join(words(rng, 60))},
        ]
        for dump in ("d0", "d1", "d2")
    }


@pytest.mark.parametrize("stage", ["minhash", "exact_dedup"])
def test_within_each_dump_everything_and_across_dumps_large_clusters(tmp_path: Path, stage: str) -> None:
    dumps = three_dumps()
    if stage == "exact_dedup":
        dumps = {dump: [{**d, "text": d["text"].replace(f" {dump}", "")} for d in part] for dump, part in dumps.items()}

    def kept(**settings: Any) -> tuple[set[str], dict[str, Any]]:
        place = tmp_path / "_".join(map(str, settings.values()))
        place.mkdir()
        config = deduplicating(place, dumps, stage, **settings)
        rows = rows_of(run_inline(config), ["id", "reason", f"{stage}.cluster_size"])
        sizes = {row["id"]: row[f"{stage}.cluster_size"] for row in rows}
        return {row["id"] for row in rows if row["reason"] is None}, sizes

    own = {f"{dump}-x" for dump in dumps}
    first_of_each = {f"{dump}-{page}0" for dump in dumps for page in "os"}
    everything, sizes = kept(scope="global")
    assert everything == own | {"d0-o0", "d0-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    within, sizes = kept(scope="per_dump")
    assert within == own | first_of_each and sizes["d1-o1"] == 4 and sizes["d2-s1"] == 2
    large, sizes = kept(scope="per_dump", min_cluster=7)
    assert large == own | {"d0-o0", "d0-s0", "d1-s0", "d2-s0"} and sizes["d1-o1"] == 12 and sizes["d2-s1"] == 6
    assert kept(scope="per_dump", min_cluster=2)[0] == everything
    assert kept(scope="per_dump", min_cluster=13)[0] == within
