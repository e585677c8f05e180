import json
import subprocess
import sys
from pathlib import Path

import yaml

SCRIPT = Path(__file__).parents[2] / "examples" / "find_mixture.py"


def test_the_proposed_mixture_has_more_of_the_rare_domains(tmp_path: Path) -> None:
    sizes = ("--documents", "1200", "--mixtures", "8", "--tokens", "8000")
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path), *sizes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weights = yaml.safe_load((tmp_path / "weights.yaml").read_text())["weights"]
    natural = json.loads((tmp_path / "mixtures" / "domains.json").read_text())["tokens"]
    rare = sum(weights[name] for name in ("code", "math"))
    assert rare > 1.3 * (natural["code"] + natural["math"]) / sum(natural.values())
    assert len((tmp_path / "mixtures" / "metrics.csv").read_text().splitlines()) == 9
    assert "Error on mixtures that weren't fitted" in done.stdout
