"""`dspipe mixture`: what it prints and writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from dspipe.cli import app
from dspipe.stages.remix.mixtures import propose
from dspipe.stages.remix.mixtures.tables import read_ratios, write_table
from tests.stages.remix.mixtures.sweeps import configured_run

W = {"web": -0.5, "books": 0.2, "code": -1.5}


@pytest.fixture(autouse=True)
def law_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose, "can_boost", lambda: False)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return configured_run(tmp_path_factory.mktemp("run"), max_epochs=2)


def asked(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["mixture", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done


def measured(folder: Path) -> tuple[Path, Path]:
    """The tables of a folder, with metrics by a known law."""
    ratios = read_ratios(folder / "ratios.csv")
    loss = 2 + np.exp(ratios.values @ [W[name] for name in ratios.columns])
    rows = [(run, {"loss": value}) for run, value in zip(ratios.runs, loss.tolist(), strict=True)]
    write_table(folder / "metrics.csv", ["loss"], rows)
    return folder / "ratios.csv", folder / "metrics.csv"


def test_from_a_config_to_weights(config: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "mixtures", tmp_path / "weights.yaml"
    said = asked("sample", config, "-n", 20, "--output", folder, "--tokens", "8e3").stdout
    assert f"{folder}: 20 mixtures of 3 domains, 8,000 tokens each" in said
    tables = measured(folder)
    shown = asked("fit", *tables, "--config", config, "--budget", "8e3", "--output", output).stdout
    assert "the most that was tried" in shown and "Gain over the natural mixture" in shown
    weights = yaml.safe_load(output.read_text())
    tried = read_ratios(folder / "ratios.csv")
    # code is the best, as far as it was tried
    assert weights["weights"]["code"] == pytest.approx(tried.values[:, tried.columns.index("code")].max(), abs=2e-3)
    assert weights["tokens"] == 8000 and weights["max_epochs"] == 2
    found = json.loads(asked("fit", *tables, "--json", "--budget", 8000, "--max-epochs", 2).stdout)
    assert found["weights"] == weights["weights"] and found["held_out"]["law"]["r2"] > 0.99
    assert found["at_most_tried"] == ["code"] and found["mixtures"] == 20
    refused = asked("fit", *tables, "--config", config, "--available", folder / "domains.json", code=2)
    assert "give one of the two" in refused.stderr


def test_evidence_of_other_domains_is_refused(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixtures"
    asked("sample", config, "-n", 6, "--output", folder, "--tokens", "4e3")
    other = tmp_path / "other.yaml"
    other.write_text(config.read_text().replace("format: jsonl", "format: jsonl\n  domain: wiki"))
    refused = asked("fit", *measured(folder), "--config", other, code=2).stderr
    assert "no evidence for the domains of the config" in refused and "Traceback" not in refused


def test_metrics_that_say_nothing_are_refused(config: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "mixtures", tmp_path / "weights.yaml"
    asked("sample", config, "-n", 20, "--output", folder, "--tokens", "4e3")
    ratios = read_ratios(folder / "ratios.csv")
    noise = np.random.default_rng(2).normal(3, 0.1, len(ratios.runs)).tolist()
    rows = [(run, {"loss": value, "change": value - 3}) for run, value in zip(ratios.runs, noise, strict=True)]
    write_table(folder / "metrics.csv", ["loss", "change"], rows)
    tables = (folder / "ratios.csv", folder / "metrics.csv")
    (tmp_path / "objective.yaml").write_text("loss: 1\n")
    only = ("--objective", tmp_path / "objective.yaml", "--output", output)
    refused = asked("fit", *tables, *only, code=2)
    assert "Error on mixtures that weren't fitted" in refused.stdout
    assert "Nothing is proposed. Run more mixtures" in refused.stderr
    assert not output.exists()
    assert "only numbers above 0 change by per cents: give --scale usual" in asked("fit", *tables, code=2).stderr
    missing = tmp_path / "none" / "weights.yaml"
    assert f"there is no folder {missing.parent}" in asked("fit", *tables, "--output", missing, code=2).stderr
    assert "give relative, usual or own" in asked("fit", *tables, "--scale", "log", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--concentration", "5..1"), "the smaller first"),
        (("--concentration", "few"), "give two numbers"),
        (("--tokens", "many"), "no number of tokens"),
        (("--tokens", "1e9"), "the largest weights that the caps allow sum to"),
        (("--set", "stages.remix.by=source"), "mixed by domain, the config mixes by source"),
    ],
)
def test_what_sample_refuses(config: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in asked("sample", config, "--output", tmp_path / "m", *arguments, code=2).stderr
    assert not (tmp_path / "m").exists()


def test_what_run_and_fit_refuse(config: Path, tmp_path: Path) -> None:
    assert "can't be read" in asked("run", tmp_path, "--command", "true", code=2).stderr
    folder = tmp_path / "mixtures"
    asked("sample", config, "-n", 4, "--output", folder, "--tokens", "4e3")
    assert "4 mixtures can't say" in asked("fit", *measured(folder), code=2).stderr
    (folder / "metrics.csv").unlink()
    assert "failed: mix-000: nonesuch can't be started" in asked("run", folder, "--command", "nonesuch", code=1).stderr
