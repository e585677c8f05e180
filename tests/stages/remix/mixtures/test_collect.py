import json
import sys
from pathlib import Path

import pytest

from dspipe.pipeline.config.run_config import parse_file
from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.remix.mixtures.collect import CollectError, collect
from dspipe.stages.remix.mixtures.sample import write_mixtures
from dspipe.stages.remix.mixtures.tables import TableError, read_ratios, read_table
from tests.stages.remix.mixtures.sweeps import configured_run, sampled

TRAIN = """
import json, sys
from pathlib import Path
index = json.loads(Path(sys.argv[1]).read_text())
print("step 1")
tokens = sum(index["domains"].values())
print(json.dumps({name: index["domains"].get(name, 0) / tokens for name in ("web", "books", "code")}))
"""


def command(folder: Path, code: str, *arguments: str) -> str:
    (folder / "train.py").write_text(code)
    return f"{sys.executable} {folder / 'train.py'} {' '.join(arguments)}"


def test_each_mixture_is_run_and_measured_once(tmp_path: Path) -> None:
    sampled(configured_run(tmp_path / "in"), tmp_path / "mixtures", count=3)
    told: list[str] = []
    train = command(tmp_path, TRAIN, "{index}")
    assert collect(tmp_path / "mixtures", train, told.append, limit=1).runs == 1
    first = (tmp_path / "mixtures/metrics.csv").read_text()
    done = collect(tmp_path / "mixtures", train, told.append)
    assert (done.runs, done.before) == (2, 1)
    assert (tmp_path / "mixtures/metrics.csv").read_text().startswith(first)
    assert told[1].startswith("mix-001 (2 of 3): web ")
    ratios, metrics = (read_ratios(tmp_path / "mixtures/ratios.csv"), read_table(tmp_path / "mixtures/metrics.csv"))
    order = [metrics.columns.index(name) for name in ratios.columns]
    assert metrics.runs == ratios.runs
    assert metrics.values[:, order] == pytest.approx(ratios.values, abs=0.06)
    # the manifests of all of them can still be opened
    packed = json.loads((tmp_path / "mixtures/packed.json").read_text())
    assert [*packed] == [*ratios.runs] and len({*packed.values()}) == 3
    assert all(len(PackedDataset(index)) > 10 for index in packed.values())
    assert collect(tmp_path / "mixtures", train, told.append).runs == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    sampled(configured_run(folder / "in"), folder / "mixtures", count=2)
    return folder


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; print('no memory'); sys.exit(3)", r"failed with exit code 3; the same command .*\nno memory"),
        ("print('done')", "is to be a JSON object of metrics; its last line is 'done'"),
        ("", "it printed nothing"),
        ("""print('{"loss": NaN}')""", "the metric 'loss' is nan, not a finite number"),
        ("""print('{"loss": "low"}')""", "the metric 'loss' is 'low'"),
        ("""print('{"run": 1}')""", "a metric can't be called 'run'"),
    ],
)
def test_commands_that_say_no_metrics(folder: Path, code: str, message: str) -> None:
    with pytest.raises(CollectError, match=f"(?s)mix-000: .*{message}"):
        collect(folder / "mixtures", command(folder, code), lambda line: None)
    assert not (folder / "mixtures/metrics.csv").exists()


def test_commands_that_can_not_be_started(folder: Path) -> None:
    for given, message in (("", "is empty"), ("'", "can't be read"), ("/no/such/program", "can't be started")):
        with pytest.raises(CollectError, match=message):
            collect(folder / "mixtures", given, lambda line: None)


def test_metrics_of_other_mixtures(folder: Path) -> None:
    table = folder / "mixtures/metrics.csv"
    try:
        table.write_text("run,loss\nmix-999,1\n")
        with pytest.raises(TableError, match="metrics of mix-999, which"):
            collect(folder / "mixtures", "true", lambda line: None)
        table.write_text("run,loss\nmix-000,1\n")
        with pytest.raises(CollectError, match="mix-001: the command gave the metrics gain, those before have loss"):
            collect(folder / "mixtures", command(folder, """print('{"gain": 1}')"""), lambda line: None)
    finally:
        table.unlink()


def test_domains_that_have_changed_since(tmp_path: Path) -> None:
    config = configured_run(tmp_path / "in")
    write_mixtures(parse_file(config), 2, tmp_path / "mixtures", (1, 1), 2000, 0)
    file = tmp_path / "mixtures/mix-000.yaml"
    file.write_text(file.read_text().replace("format: jsonl", "format: jsonl\n  domain: wiki"))
    with pytest.raises(CollectError, match=r"hold other documents now.*Draw mixtures anew"):
        collect(tmp_path / "mixtures", "true", lambda line: None)
