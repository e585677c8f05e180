"""Ensemble and remix by a quality curve over millions of documents that are little more than columns.

    python -m benchmarks.remix_quality --documents 1e6 1e7

Generated documents of a few bytes in shards of 50,000, with 24 topics of very different sizes and two scores, one of
them missing for one in a hundred. One run reads them and keeps all (a threshold below all scores); one more has
`ensemble` too, within topics; the last one has `remix` behind it, with OLMo 3's weights and a curve. What was done
before is reused, so that each figure is of its stage alone. By the engine in the benchmark's process, one worker of
256 MB. `off_by` is the distance of the topics' drawn bytes from what was asked, as a part of all.
"""

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report

SHARD = 50_000
MEMORY = 256 << 20


def write_shard(path: Path, shard: int, documents: int) -> None:
    """Generate one shard, Parquet, by its number alone."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from dspipe.stages.remix.presets import OLMO3_TOPICS

    rng = np.random.default_rng([5, shard])
    shares = 1 / np.arange(3, 3 + len(OLMO3_TOPICS))
    topics = rng.choice(len(OLMO3_TOPICS), documents, p=shares / shares.sum())
    worth = rng.normal(0, 1, documents) + topics / 20
    edu, dclm = (1 / (1 + np.exp(-(worth + rng.normal(0, 1, documents)))) for _ in range(2))
    sizes = np.exp(rng.normal(2.5, 0.9, documents)).astype(np.int32) + 1
    table = pa.table(
        {
            "text": pc.binary_repeat(pa.scalar("x"), pa.array(sizes)),
            "topic": pa.array(sorted(OLMO3_TOPICS)).take(pa.array(topics)),
            "edu": pa.array(edu.astype(np.float32), mask=rng.random(documents) < 0.01),
            "dclm": pa.array(dclm.astype(np.float32)),
        }
    )
    pq.write_table(table, path)


def dspipe(measure: Measure, paths: list[str], documents: int, directory: str) -> Result:
    """CPU seconds per million documents of each part, and how well the draw meets the weights."""
    from benchmarks.engine import run_config

    made = Path(directory)
    for shard in range(-(-documents // SHARD)):
        write_shard(made / f"{shard:05d}.parquet", shard, min(SHARD, documents - shard * SHARD))
    columns = {"topic": {"field": "topic", "type": "string"}, "edu": "edu", "dclm": "dclm"}
    keeping = {"quality": {"column": "dclm", "at_least": -1}}
    ensemble = {"ensemble": {"name": "rank", "of": ["edu", "dclm"], "within": ["topic"]}}
    curve = {"of": "rank", "drop_below": 0.4, "top": 0.05, "max_epochs": 7}
    remix = {"remix": {"by": "topic", "weights": "olmo3_topics", "curve": curve}}
    found: Result = {}
    stages: list[dict[str, Any]] = []
    for name, stage in (("reading", keeping), ("ensemble", ensemble), ("remix", remix)):
        stages = [*stages, stage]
        config = {
            "output": f"{made}/run",
            "engine": {"kind": "inline", "memory": MEMORY, "index": False},
            "sources": [{"name": "made", "format": "parquet", "path": f"{made}/*.parquet", "columns": columns}],
            "stages": stages,
        }
        result = measure(partial(run_config, config))
        found[f"{name}_s_per_million"] = measure.cpu_s / documents * 1e6
        found |= {f"{phase.name} s": phase.seconds for phase in result.phases if phase.tasks > phase.reused}
    plan = json.loads((made / "run" / "mixture.json").read_text())
    drawn = _drawn_bytes(result)
    off = sum(abs(drawn[domain["domain"]] - domain["tokens_drawn"]) for domain in plan["domains"])
    found["off_by"] = off / plan["tokens"]
    found["beyond_six_deviations"] = sum(
        abs(drawn[d["domain"]] - d["tokens_drawn"]) > d["may_miss_by"] for d in plan["domains"]
    )
    return found


def _drawn_bytes(result: Any) -> dict[str, int]:
    """By domain the bytes of what was drawn, as often as it was."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifests = {phase.name: phase.manifests for phase in result.phases}
    found: dict[str, int] = {}

    def read(phase: str, shard: int, name: str) -> Any:
        file, _ = result.store.read_json(manifests[phase][shard])["columns"][name]
        return pq.read_table(result.store.path(file), columns=[name]).column(name)

    for shard in range(len(manifests["documents"])):
        copies, sizes = (
            read("remix.draw", shard, "copies").to_numpy(),
            read("documents", shard, "text_bytes").to_numpy(),
        )
        table = pa.table(
            {"domain": read("remix.draw", shard, "remix.domain"), "bytes": copies * sizes.astype(np.int64)}
        )
        for row in table.group_by("domain").aggregate([("bytes", "sum")]).to_pylist():
            found[row["domain"]] = found.get(row["domain"], 0) + row["bytes_sum"]
    return found


def main() -> None:
    """Run every size."""
    options = parser_without_input(__doc__.splitlines()[0], "400 bytes a document")
    options.add_argument("--documents", nargs="+", type=count, default=[10**6])
    given = options.parse_args()
    result: Result = {}
    for documents in given.documents:
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            answer = contest(
                "benchmarks.remix_quality:dspipe", given, sys.executable, documents=documents, directory=directory
            )
        result[str(documents)] = answer
    parts = [f"{name}_s_per_million" for name in ("reading", "ensemble", "remix")]
    report(given, result, (*parts, "peak_mb", "off_by"), "ensemble and remix by quality")


if __name__ == "__main__":
    main()
