"""The real driver on nodes that aren't there: time passes by events, nodes come and are lost, a seed decides all."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster_model import Assumptions, Model
from benchmarks.scale_stand_ins import PROTOCOL, CountedFileSystem
from benchmarks.simulated_cluster import DriversTime, SimulatedCluster
from dspipe.pipeline.run.run import run_plan
from tests.engine import planned

SHARDS, DOCUMENT_S = 40, 1e-3
QUIET = Assumptions(cores_of_node=2, slow_share=0.0, slow_nodes=0.0, losses_per_node_hour=0.0, nodes_at_first=1.0)


def simulated(
    tmp_path: Path, assumed: Assumptions, seed: int = 0, cores: int = 8, spread: float = 0.0
) -> SimulatedCluster:
    listed = tmp_path / "wet.paths"
    listed.write_text("".join(f"crawl/{number:04d}.warc.wet.gz\n" for number in range(SHARDS)))
    (tmp_path / f"store-{seed}.sqlite").unlink(missing_ok=True)
    CountedFileSystem.use(tmp_path / f"store-{seed}.sqlite")
    source = {"name": "made", "format": "wet", "path": str(listed), "root": "s3://nowhere/"}
    plan = planned(
        {
            "output": f"{PROTOCOL}://out",
            "sources": [source],
            "stages": [{"exact_dedup": {}}],
            "engine": {"kind": "inline", "merge_above": 1},
        }
    )
    each = {
        "task_s": 0.1,
        "document_s": DOCUMENT_S / 100,
        "shard_s": 0.0,
        "document_bytes": 1,
        "document_bytes_sent": 1,
    }
    rates = {"page_s": DOCUMENT_S, "spread": spread, "phases": {phase.name: each for phase in plan.phases}}
    cluster = SimulatedCluster(plan, Model(plan, assumed, seed, rates), cores)
    result = run_plan(plan, cluster, DriversTime(cluster, assumed.summed_up_s), clock=cluster)
    assert result.tasks_run == sum(plan.tasks(phase) for phase in plan.phases)
    return cluster


def test_time_passes_as_tasks_take_it(tmp_path: Path) -> None:
    cluster = simulated(tmp_path, QUIET)
    worked = sum(figures.core_s for figures in cluster.phases.values())
    idle = sum(cluster.idle_s.values())
    assert worked + idle == pytest.approx(cluster.now() * cluster.cores)
    assert cluster.now() >= worked / cluster.cores
    texts = cluster.phases["documents"]
    assert (texts.tasks, texts.starts, texts.lost_s) == (SHARDS, SHARDS, 0)
    # 40 tasks of a tenth of the documents on 8 cores: five rounds, which take a little more than their mean
    assert 1 < (texts.last - texts.first) * cluster.cores / texts.core_s < 1.3


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    assumed = Assumptions(cores_of_node=2, losses_per_node_hour=30, back_s=20, doubles_s=5)

    def figures(seed: int) -> Any:
        cluster = simulated(tmp_path, assumed, seed, spread=0.4)
        return cluster.now(), cluster.nodes_lost, cluster.phases

    first = figures(1)
    assert figures(1) == first
    assert figures(2) != first
    assert first[1] > 0
    lost = sum(one.lost_s for one in first[2].values())
    assert lost > 0
    assert sum(one.starts for one in first[2].values()) > sum(one.tasks for one in first[2].values())


def test_a_limit_of_requests_holds_tasks_up(tmp_path: Path) -> None:
    free = simulated(tmp_path, QUIET)
    limited = simulated(tmp_path, Assumptions(**{**vars(QUIET), "reads_per_s": 8.0}))
    assert limited.now() > 1.2 * free.now()
    assert sum(one.limited_s for one in limited.phases.values()) > 0
    assert sum(one.limited_s for one in free.phases.values()) < 1
