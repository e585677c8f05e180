"""An estimate beside a real run: within a factor of three of its CPU time, and half as much again of its bytes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dspipe import api
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.estimate.estimate import PriceError, estimate, parse_prices
from dspipe.pipeline.estimate.rates import Rates, UnfitRatesError, shipped_rates

STAGES: list[dict[str, Any]] = [
    {"language": {"keep": {"en": 0.1}}},
    {"heuristics": {"rules": ["gopher"], "gopher": {"min_words": 10}}},
    {"exact_dedup": {}},
    {"minhash": {}},
]
WORDS = "the be to of and a in that have it for not on with he as you do at this but his by from they we say her she or"


def config(directory: Path, name: str, shards: int) -> dict[str, Any]:
    """A config of so many shards of 400 short documents, which are written."""
    folder, draw = directory / name, random.Random(name)
    folder.mkdir()
    for shard in range(shards):
        texts = [" ".join(draw.choices(WORDS.split(), k=draw.randint(40, 200))) + "." for _ in range(400)]
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (folder / f"{shard}.jsonl").write_text(lines)
    source = {"name": "made", "format": "jsonl", "path": f"{folder}/*.jsonl"}
    return {
        "name": name,
        "output": f"{directory}/{name}.out",
        "engine": "inline",
        "sources": [source],
        "stages": STAGES,
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rates]:
    directory = tmp_path_factory.mktemp("estimate")
    # the first run of a process loads kernels and the model
    api.run(config(directory, "warm", 1))
    api.run(config(directory, "small", 2))
    return directory, api.rates(directory / "small.out")


def test_a_run_s_rates_say_what_a_larger_one_takes(measured: tuple[Path, Rates]) -> None:
    directory, rates = measured
    larger = config(directory, "larger", 5)
    found = estimate(api.plan(larger), rates, 1)
    run = api.run(larger)
    cpu = sum(phase.cpu_seconds for phase in run.file.phases)
    written = sum(phase.bytes_written for phase in run.file.phases)
    assert cpu / 3 < found.cpu_seconds < 3 * cpu
    assert written / 1.5 < found.bytes_written < 1.5 * written
    assert found.documents == pytest.approx(2000, rel=0.05)
    assert found.wall_seconds == pytest.approx(found.cpu_seconds)
    assert {phase.name: phase.tasks for phase in found.phases} == {p.name: p.tasks for p in run.file.phases}
    assert all(phase.known for phase in found.phases)


def test_workers_share_what_can_be_shared(measured: tuple[Path, Rates]) -> None:
    directory, rates = measured
    planned = api.plan(directory / "small.out" / "config.yaml")
    one, two, many = (estimate(planned, rates, workers) for workers in (1, 2, 1000))
    assert one.wall_seconds > two.wall_seconds >= many.wall_seconds > 0
    assert two.wall_seconds > one.wall_seconds / 2.2


def test_rates_survive_json(measured: tuple[Path, Rates]) -> None:
    assert Rates.from_json(json.loads(json.dumps(measured[1].as_json()))) == measured[1]


def test_a_run_that_says_nothing_gives_no_rates(measured: tuple[Path, Rates]) -> None:
    folder = measured[0] / "warm.out"
    said = json.loads((folder / "run.json").read_text())
    said["phases"][0]["cpu_by_stage"] = {}
    (folder / "run.json").write_text(json.dumps(said))
    with pytest.raises(UnfitRatesError, match="isn't finished"):
        api.rates(folder)


@pytest.mark.parametrize("content", ["stages: [", "7", None])
def test_a_run_whose_config_is_not_whole_gives_no_rates(measured: tuple[Path, Rates], content: str | None) -> None:
    config = measured[0] / "warm.out" / "config.yaml"
    config.unlink(missing_ok=True)
    if content is not None:
        config.write_text(content)
    with pytest.raises(InvalidConfigError, match=r"config\.yaml: is (gone|cut or was changed); `dspipe run` with"):
        api.rates(config.parent)


def test_the_shipped_rates_are_whole() -> None:
    rates = shipped_rates()
    assert rates.measured
    assert set(rates.extracting) == {"extract"}
    assert {"language", "heuristics", "exact_dedup", "minhash"} <= rates.stages.keys()
    assert rates.text_per_document > 100
    for rate in rates.phases.values():
        assert rate.cpu_seconds >= 0 <= rate.bytes_written


def test_prices_are_read_and_refused() -> None:
    assert parse_prices(["core-hour=0.04", "tb-month=23"]) == {"core-hour": 0.04, "tb-month": 23.0}
    for bad in ("core-hour", "core-hour=x", "nothing=1", "core-hour=-1", "core-hour=nan"):
        with pytest.raises(PriceError, match=bad.split("=")[0]):
            parse_prices([bad])
    with pytest.raises(PriceError, match="-1 dollars are no price"):
        parse_prices(["core-hour=-1"])


def test_dollars_are_amounts_times_prices(measured: tuple[Path, Rates]) -> None:
    directory, rates = measured
    found = estimate(api.plan(directory / "small.out" / "config.yaml"), rates, 4)
    dollars = found.dollars({"core-hour": 3600.0, "tb-month": 1e12})
    assert dollars == {"core-hour": pytest.approx(found.cpu_seconds), "tb-month": pytest.approx(found.bytes_written)}
