"""The configs of a made crawl are valid, and say what they should."""

from pathlib import Path

import pytest
import yaml

from benchmarks.dump import made_config
from benchmarks.engine import configured
from tests.tools.crawl.made import write_inputs
from tools.make_crawl import make_crawl, parse

SETTINGS = {"workers": 2, "memory": "1GiB", "vocab": 1000, "sample_bytes": 10_000}


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    made = ["--dumps", "2", "--shards", "2", "--bytes", "1e5", "--processes", "1"]
    options = parse([str(folder / "made"), *write_inputs(folder), *made])
    make_crawl(options.out, options)
    return folder / "made"


def test_all_dumps_at_once(crawl: Path, tmp_path: Path) -> None:
    dumps = ["CC-MAIN-2020-05", "CC-MAIN-2020-16"]
    config = made_config(crawl, tmp_path / "out", dumps, SETTINGS)
    checked = configured(yaml.safe_load(yaml.safe_dump(config)))
    assert [source.config.dump for source in checked.sources] == dumps
    assert checked.engine.workers == 2
    (tokenizer,) = [stage["tokenizer"] for stage in config["stages"] if "tokenizer" in stage]
    assert tokenizer["train"]["vocab"] == 1000
    assert "index" not in next(stage["minhash"] for stage in config["stages"] if "minhash" in stage)


def test_a_later_dump(crawl: Path, tmp_path: Path) -> None:
    more = {"index": True, "against": [str(tmp_path / "first")], "tokenizer": "t.json"}
    config = made_config(crawl, tmp_path / "out", ["CC-MAIN-2020-16"], {**SETTINGS, **more})
    stages = {name: settings for stage in config["stages"] for name, settings in stage.items()}
    assert stages["tokenizer"] == {"path": "t.json"}
    for name in ("exact_dedup", "minhash"):
        assert (stages[name]["index"], stages[name]["against"]) == (True, [str(tmp_path / "first")])
