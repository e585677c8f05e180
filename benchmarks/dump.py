"""`configs/cc.yaml` on a made crawl, all dumps at once and one after the other: time, memory, bytes, and the truth.

    python -m tools.make_crawl CRAWL --pages PAGES.warc.gz ... --dumps 4 --shards 100 --bytes 10e9
    python -m benchmarks.dump --crawl CRAWL --directory OUT

The config is `configs/cc.yaml` with the crawl's lists of files as sources, the local engine, and a smaller tokenizer.
Dump by dump means a run for each, with `index: true`, `against` the runs before it, and the tokenizer of the first.
What is shown of a phase is from the run's own files; OUT/*.yaml are configs that `dspipe run` takes, too. A run that
was stopped goes on, one that is finished is looked at again. `benchmarks.dump_truth` compares what was removed with
what the crawl says are copies.

With `--requests N` N files of each dump are run once more, in this process, on a stand-in for an object store that
counts what it is asked (`benchmarks.scale_stand_ins`): requests by phase and task, and bytes read.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common import Measure, Result, contest, count, parser_without_input, report
from benchmarks.dump_truth import compare
from benchmarks.engine import Silent, run_config

CONFIG = Path(__file__).parent.parent / "configs" / "cc.yaml"
AT_ONCE = "at once"
PHASES = ("tasks", "wall_s", "cpu_s", "worker_s", "written_mb", "files", "peak_mb")
RUNS = ("documents", "kept", "wall_s", "cpu_s", "cores", "warc_mb_s_core", "html_mb_s_core", "text_pass_mb_s_core")
SPACE = ("tasks", "files", "on_disk_mb", "worker_peak_mb", "driver_peak_mb", "starts")


def made_config(crawl: Path, output: Path, dumps: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """`configs/cc.yaml` for some dumps of a made crawl. options: workers, memory, vocab, sample_bytes; `limit` files of
    each dump; `index`; `against` earlier runs; the path of a `tokenizer`."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    (source,) = config["sources"]
    listed = "crawl-data/{}/warc.paths.gz"
    config["sources"] = [
        {**source, "name": dump.lower(), "path": listed.format(dump), "root": str(crawl), "dump": dump}
        | ({"limit": options["limit"]} if options.get("limit") else {})
        for dump in dumps
    ]
    config |= {"name": output.name, "output": str(output)}
    config["engine"] = {"kind": "local", "workers": options["workers"], "memory": options["memory"]}
    for stage in config["stages"]:
        ((name, settings),) = stage.items()
        if name in ("exact_dedup", "minhash") and "index" in options:
            settings |= {"index": True, "against": options["against"]}
        if name == "tokenizer" and options.get("tokenizer"):
            stage[name] = {"path": options["tokenizer"]}
        elif name == "tokenizer":
            settings["train"] |= {"vocab": options["vocab"], "pad_to": None, "sample_bytes": options["sample_bytes"]}
    return config


def run(measure: Measure, paths: list[str], config: str) -> Result:
    """Run a config, or go on with it; how long each phase was under way, by the run's own account."""
    from dspipe import api

    output = Path(yaml.safe_load(Path(config).read_text())["output"])
    before = output.with_name(f"{output.name}.starts.json")
    starts = json.loads(before.read_text()) if before.exists() else []
    status = output / ".status.json"
    if status.exists():
        starts.append(_times(json.loads(status.read_text())))
        before.write_text(json.dumps(starts))
    measure(lambda: api.run(config))
    starts.append(_times(json.loads(status.read_text())))
    walls: Counter[str] = Counter()
    for start in starts:
        walls.update(start["phases"])
    return {"wall_s": sum(start["seconds"] for start in starts), "starts": len(starts), "walls": dict(walls)}


def _times(status: dict[str, Any]) -> dict[str, Any]:
    phases = {phase["name"]: phase["seconds"] for phase in status["phases"] if phase["done"] > phase["reused"]}
    return {"seconds": status["written"] - status["started"], "phases": phases}


def look(output: Path, measured: Result, warc_bytes: int, html_bytes: int) -> Result:
    """The figures of a finished run: `run`, and by phase."""
    from dspipe.pipeline.run.run_file import read_run

    _, file = read_run(str(output))
    phases: Result = {}
    for phase in file.phases:
        files = sum(1 for path in (output / phase.name).glob("*") if path.is_file())
        phases[phase.name] = {
            "tasks": phase.tasks,
            "wall_s": measured["walls"].get(phase.name, 0.0),
            "cpu_s": phase.cpu_seconds,
            "worker_s": phase.seconds,
            "written_mb": phase.bytes_written / 1e6,
            "files": files,
            "peak_mb": phase.peak_bytes / 1e6,
        }
    read, bad = file.read_counts()
    kept = file.kept()
    cpu = sum(phase["cpu_s"] for phase in phases.values())
    on_disk = [path.stat().st_size for path in output.rglob("*") if path.is_file()]
    pass_cpu = file.phases[0].cpu_seconds
    summary = {
        "documents": read - bad,
        "kept": kept.documents if kept else 0,
        "tokens": kept.tokens if kept else 0,
        "wall_s": measured["wall_s"],
        "cpu_s": cpu,
        "cpu_with_driver_s": measured["cpu_s"],
        "cores": cpu / measured["wall_s"],
        "warc_mb": warc_bytes / 1e6,
        "html_mb": html_bytes / 1e6,
        "warc_mb_s_core": warc_bytes / 1e6 / cpu,
        "html_mb_s_core": html_bytes / 1e6 / cpu,
        "text_pass_mb_s_core": html_bytes / 1e6 / pass_cpu,
        "tasks": sum(phase.tasks for phase in file.phases),
        "files": len(on_disk),
        "on_disk_mb": sum(on_disk) / 1e6,
        "worker_peak_mb": max(phase["peak_mb"] for phase in phases.values()),
        "driver_peak_mb": measured["peak_mb"],
        "starts": measured["starts"],
    }
    funnel: Result = {}
    for entry in file.funnel():  # deduplication against earlier runs is an entry of its own
        part = funnel.setdefault(entry.stage, {"in": entry.entered.documents, "dropped": {}})
        part |= {"out": entry.kept.documents, "out_mb": entry.kept.bytes / 1e6}
        part["dropped"] |= {name: dropped[0] for name, dropped in entry.dropped.items()}
    return {"run": summary, "phases": phases, "funnel": funnel}


class _ByPhase(Silent):
    """What was asked of the store until each phase ended."""

    def __init__(self, requests: Counter[str]) -> None:
        self._requests, self._before = requests, Counter[str]()
        self.phases: dict[str, dict[str, float]] = {}

    def phase_ended(self, summary: Any) -> None:
        """Note the requests since the last end."""
        asked = self._requests - self._before
        self._before = self._requests.copy()
        kinds = {kind: asked[kind] / summary.tasks for kind in ("GET", "HEAD", "PUT", "LIST", "DELETE")}
        self.phases[summary.name] = {"tasks": summary.tasks, **kinds}


def requests(measure: Measure, paths: list[str], config: dict[str, Any], directory: str) -> Result:
    """Requests by phase, a task, of a run in this process."""
    from benchmarks.scale_stand_ins import PROTOCOL, CountedFileSystem

    database = Path(directory) / "requests.sqlite"
    database.unlink(missing_ok=True)
    CountedFileSystem.use(database)
    counted = _ByPhase(CountedFileSystem.requests)
    values = {**config, "output": f"{PROTOCOL}://requests", "engine": {"kind": "inline"}}
    measure(lambda: run_config(values, counted))
    CountedFileSystem.database.execute("commit")
    database.unlink()
    return {"phases": counted.phases}


def main() -> None:
    """Run and look."""
    options = parser_without_input(__doc__.splitlines()[0], "half of the crawl's size")
    options.add_argument("--crawl", type=Path, required=True, help="what tools.make_crawl has made")
    options.add_argument("--workers", type=int, default=None, help="default: all cores")
    options.add_argument("--memory", default="2GiB", help="of a worker")
    options.add_argument("--vocab", type=count, default=32_000)
    options.add_argument("--sample-bytes", type=count, default=10**8, help="what the tokenizer is trained on")
    options.add_argument("--only", choices=("at-once", "incremental"), help="default: both")
    options.add_argument("--requests", type=int, default=0, metavar="FILES", help="count requests of so many a dump")
    given = options.parse_args()
    out, crawl = Path(given.directory).resolve(), given.crawl.resolve()
    out.mkdir(parents=True, exist_ok=True)
    made = json.loads((crawl / "crawl.json").read_text())
    settings: dict[str, Any] = {name: getattr(given, name) for name in ("workers", "memory", "vocab", "sample_bytes")}
    result: Result = {"crawl": made, "runs": {}}
    groups: dict[str, list[Path]] = {}
    if given.only != "incremental":
        groups[AT_ONCE] = [out / "at-once"]
        _run(given, result, crawl, groups[AT_ONCE][0], made["dumps"], settings)
    if given.only != "at-once":
        groups["dump by dump"] = runs = [out / dump.lower() for dump in made["dumps"]]
        for number, dump in enumerate(made["dumps"]):
            more: dict[str, Any] = {"index": True, "against": [str(path) for path in runs[:number]]}
            if number:
                more["tokenizer"] = str(runs[0] / "tokenizer.json")
            _run(given, result, crawl, runs[number], [dump], settings | more)
    result["copies"] = {name: compare(crawl, [str(path) for path in runs]) for name, runs in groups.items()}
    if given.requests:
        config = made_config(crawl, out / "requests", made["dumps"], settings | {"limit": given.requests})
        asked = contest("benchmarks.dump:requests", given, sys.executable, config=config, directory=str(out))
        result["requests"] = asked["phases"]
    (out / "dump.json").write_text(json.dumps(result, indent=1))
    _print(given, result)


def _run(given: Any, result: Result, crawl: Path, output: Path, dumps: list[str], settings: dict[str, Any]) -> None:
    """Run dumps, unless that is done, and put what it took into the result."""
    config, kept = output.with_suffix(".yaml"), output.with_name(f"{output.name}.measured.json")
    config.write_text(yaml.safe_dump(made_config(crawl, output, dumps, settings), sort_keys=False))
    if not kept.exists():
        print(f"{time.strftime('%H:%M:%S')} {output.name}", file=sys.stderr)
        answer = contest("benchmarks.dump:run", given, sys.executable, config=str(config))
        kept.write_text(json.dumps(answer))
    warc, html = sizes(crawl, dumps)
    result["runs"][output.name] = look(output, json.loads(kept.read_text()), warc, html)


def sizes(crawl: Path, dumps: list[str]) -> tuple[int, int]:
    """Bytes of the files of some dumps, and of the pages in them."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    warc = sum(path.stat().st_size for dump in dumps for path in (crawl / "crawl-data" / dump).rglob("*.warc.gz"))
    pages = [ds.dataset(crawl / "truth" / dump).to_table(columns=["html_bytes"]) for dump in dumps]
    return warc, sum(pc.sum(table.column("html_bytes")).as_py() for table in pages)


def _print(given: Any, result: Result) -> None:
    if given.json:
        print(json.dumps(result))
        return
    runs = {name: found["run"] for name, found in result["runs"].items()}
    report(given, runs, RUNS, "Runs: MB of compressed WARC and of HTML a second and core, of the run and its text pass")
    report(given, runs, SPACE, "Runs: tasks, files and memory")
    for name, found in result["runs"].items():
        report(given, found["phases"], PHASES, f"{name}: phases (they overlap)")
        report(given, found["funnel"], ("in", "out", "out_mb"), f"{name}: documents by stage")
    for name, copies in result["copies"].items():
        title = f"{name}: the share of documents removed as copies, of those that came to deduplication"
        columns = ("documents", "removed", "truth", "all captures", "recall", "precision")
        report(given, copies["by number of dumps"], columns, title)
        report(given, copies["by likeness"], ("copies", "removed"), f"{name}: copies by likeness to the original")
    if "requests" in result:
        columns = ("tasks", "GET", "HEAD", "PUT", "LIST", "DELETE")
        report(given, result["requests"], columns, "Requests a task, on an object store")


if __name__ == "__main__":
    main()
