import json
import subprocess
import sys
from pathlib import Path

import yaml

SCRIPT = Path(__file__).parents[2] / "examples" / "find_mixture.py"


def test_from_documents_to_a_proposed_mixture_that_is_measured(tmp_path: Path) -> None:
    sizes = ("--documents", "800", "--mixtures", "7", "--tokens", "6000")
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path), *sizes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weights = yaml.safe_load((tmp_path / "weights.yaml").read_text())["weights"]
    natural = json.loads((tmp_path / "mixtures" / "domains.json").read_text())["tokens"]
    assert {*weights} == {*natural} and abs(sum(weights.values()) - 1) < 1e-5
    assert len((tmp_path / "mixtures" / "metrics.csv").read_text().splitlines()) == 8
    assert "Error on mixtures that weren't fitted" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("proposed: ")
