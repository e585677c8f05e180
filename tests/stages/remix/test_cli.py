"""`dspipe mixture`: what it prints and writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from dspipe.cli import app
from dspipe.stages.remix.mixtures import proposal
from dspipe.stages.remix.mixtures.tables import read_ratios, write_table
from tests.stages.remix.mixtures.sweeps import configured_run

W = {"web": -0.5, "books": 0.2, "code": -1.5}


@pytest.fixture(autouse=True)
def law_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposal, "can_boost", lambda: False)


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
    assert "log-linear" in shown and "at its cap" in shown and "Gain over the natural mixture" in shown
    weights = yaml.safe_load(output.read_text())
    tokens = json.loads((folder / "domains.json").read_text())["tokens"]
    # code is the best, as far as two epochs of it go
    assert weights["weights"]["code"] == pytest.approx(2 * tokens["code"] / 8000, abs=2e-3)
    assert weights["tokens"] == 8000 and weights["max_epochs"] == 2
    found = json.loads(asked("fit", *tables, "--json", "--budget", 8000, "--max-epochs", 2).stdout)
    assert found["weights"] == weights["weights"] and found["held_out"]["log_linear"]["r2"] > 0.99
    assert found["at_cap"] == ["code"] and found["mixtures"] == 20
    refused = asked("fit", *tables, "--config", config, "--available", folder / "domains.json", code=2)
    assert "give one of the two" in refused.stderr


def test_evidence_of_other_domains_is_refused(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixtures"
    asked("sample", config, "-n", 6, "--output", folder, "--tokens", "4e3")
    other = tmp_path / "other.yaml"
    other.write_text(config.read_text().replace("format: jsonl", "format: jsonl\n  domain: wiki"))
    refused = asked("fit", *measured(folder), "--config", other, code=2).stderr
    assert "no evidence for the domains of the config" in refused and "Traceback" not in refused


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
