"""A run of a whole dump on a cluster of a thousand and of ten thousand cores, simulated.

    python -m benchmarks.cluster --cores 1000 10000 --shards 90000

The plan, the driver and its scheduler are the real ones, of `configs/cc.yaml`; nodes are not, and time jumps from event
to event (`benchmarks.simulated_cluster`). What tasks take is measured where it could be, the rest is assumed
(`benchmarks.cluster_model`): `--assume NAME=VALUE` changes an assumption. The same seed gives the same run.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report

CONFIG = Path(__file__).parent.parent / "configs" / "cc.yaml"
TOP = ("wall_s", "core_hours", "utilisation", "least_wall_s", "driver_s", "driver_cpu_s", "nodes_lost", "second_starts")


def simulated(
    measure: Measure, paths: list[str], cores: int, shards: int, seed: int, directory: str, assume: dict[str, float]
) -> Result:
    """Run the plan of so many WARC files on a cluster of so many cores."""
    import yaml

    from benchmarks.cluster_model import Assumptions, Model
    from benchmarks.engine import configured
    from benchmarks.scale_stand_ins import PROTOCOL, CountedFileSystem
    from benchmarks.simulated_cluster import DriversTime, SimulatedCluster
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.run.run import run_plan

    listed = Path(directory) / "warc.paths"
    listed.write_text("".join(f"crawl/{number:06d}.warc.gz\n" for number in range(shards)))
    values = yaml.safe_load(CONFIG.read_text())
    values["sources"] = [{**values["sources"][0], "path": str(listed), "root": "s3://nowhere/"}]
    engine = {"kind": "inline", "memory": values["engine"]["memory"]}
    CountedFileSystem.use(Path(directory) / "store.sqlite")
    plan = make_plan(configured({**values, "output": f"{PROTOCOL}://out", "engine": engine}))
    assumed = Assumptions(**{name: type(getattr(Assumptions, name))(value) for name, value in assume.items()})
    cluster = SimulatedCluster(plan, Model(plan, assumed, seed), cores)
    start = time.process_time()
    result = run_plan(plan, cluster, DriversTime(cluster, assumed.summed_up_s), clock=cluster)
    cpu_s = time.process_time() - start - cluster.cpu_s
    wall = cluster.now()
    worked = sum(figures.core_s for figures in cluster.phases.values())
    lost = sum(figures.lost_s for figures in cluster.phases.values())
    starts = sum(figures.starts for figures in cluster.phases.values())
    return {
        "wall_s": wall,
        "tasks": result.tasks_run,
        "core_hours": worked / 3600,
        "utilisation": (worked - lost) / (wall * cores),
        "least_wall_s": (worked - lost) / cores,
        "driver_s": cluster.driver_s,
        "driver_cpu_s": cpu_s,
        "nodes_lost": cluster.nodes_lost,
        "second_starts": starts - result.tasks_run,
        "idle_share": {cause: seconds / (wall * cores) for cause, seconds in cluster.idle_s.items()},
        "waiting_for_request_limits": sum(f.limited_s for f in cluster.phases.values()) / (wall * cores),
        "phases": {
            name: {
                "tasks": figures.tasks,
                "began_s": figures.first,
                "seconds": figures.last - figures.first,
                "core_hours": figures.core_s / 3600,
                "used": figures.core_s / max(1e-9, (figures.last - figures.first) * cores),
                "limits": figures.limited_s / max(1e-9, figures.core_s),
            }
            for name, figures in cluster.phases.items()
        },
    }


def main() -> None:
    """Simulate every size."""
    options = parser_without_input(__doc__.splitlines()[0], "30 kB a shard")
    options.add_argument("--cores", nargs="+", type=count, default=[1000])
    options.add_argument("--shards", type=count, default=9000, help="WARC files of a GB")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--assume", nargs="+", default=[], metavar="NAME=VALUE", help="of benchmarks.cluster_model")
    given = options.parse_args()
    assume = {name: float(value) for name, _, value in (one.partition("=") for one in given.assume)}
    found: Result = {}
    for cores in given.cores:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            settings: dict[str, Any] = {"cores": cores, "shards": given.shards, "seed": given.seed, "assume": assume}
            contestant = "benchmarks.cluster:simulated"
            found[f"{cores:,} cores"] = contest(contestant, given, sys.executable, directory=directory, **settings)
    if given.json:
        print(json.dumps(found))
        return
    report(given, found, TOP, f"{given.shards:,} WARC files")
    for name, row in found.items():
        print(f"\n{name}: where the core seconds went")
        print(f"  at work {row['utilisation']:.1%}, of that waiting for limits {row['waiting_for_request_limits']:.1%}")
        for cause, share in row["idle_share"].items():
            print(f"  no task, {cause} {share:.1%}")
        phases = sorted(row["phases"].items(), key=lambda phase: phase[1]["began_s"])
        report(given, dict(phases), tuple(phases[0][1]), f"{name}, by phase")


if __name__ == "__main__":
    main()
