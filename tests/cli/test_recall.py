"""`dspipe recall`: what it prints, and exit codes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dspipe.cli import app
from tests.stages.quality.recall.world import make_run, settings, write_seeds, write_settings


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("recall")
    values = settings(make_run(folder), write_seeds(folder / "seeds.txt"), folder / "out")
    return write_settings(folder / "recall.yaml", values)


def asked(config: Path, *arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, ["recall", str(config), *arguments])
    assert done.exit_code == code, done.output
    return done


def test_it_waits_and_goes_on(config: Path) -> None:
    said = asked(config).stdout
    assert f"waiting for annotations of 1 host: {config.parent / 'out' / 'hosts-round-1.yaml'}" in said
    said = asked(config, "--accept-above", "0.3").stdout
    assert "ended: all 2 rounds are done" in said
    assert f"recalled documents: {config.parent / 'out' / 'recalled-round-2'}" in said
    assert said == asked(config).stdout


def test_mistakes_are_exit_code_2(config: Path, tmp_path: Path) -> None:
    text = config.read_text()
    for before, after, message in (
        ("rounds: 2", "roundz: 2", "unknown key; did you mean rounds"),
        ("at_least: 0.5", "at_least: 0.6", "put back what was changed, or name another output"),
        ("run: ", f"run: {tmp_path}/", f"{tmp_path}/recall.yaml:1: run: "),
        ("seeds.txt", "seedz.txt", f"{tmp_path}/recall.yaml:3: seed: no file"),
    ):
        (tmp_path / "recall.yaml").write_text(text.replace(before, after))
        assert message in asked(tmp_path / "recall.yaml", code=2).output
    assert "give one of them" in asked(config, "--accept-all", "--accept-above", "0.5", code=2).output
