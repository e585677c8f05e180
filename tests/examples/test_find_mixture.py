import json
import subprocess
import sys
from pathlib import Path

import yaml

from tests.shared import shared

SCRIPT = Path(__file__).parents[2] / "examples" / "find_mixture.py"
TEXTS = ("books-speeches-reviews-en", "source-code", "de-laws")


def test_a_model_of_the_proposed_mixture_is_better_than_those_of_others(tmp_path: Path) -> None:
    files = [str(shared(f"text/{name}.jsonl.zst")) for name in TEXTS]
    sizes = ("--characters", "300000", "--mixtures", "12", "--tokens", "50000", "--draws", "1")
    done = subprocess.run([sys.executable, str(SCRIPT), *files, "--folder", str(tmp_path), *sizes], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    weights = yaml.safe_load((tmp_path / "weights.yaml").read_text())["weights"]
    assert {*weights} == {*TEXTS} and abs(sum(weights.values()) - 1) < 1e-5
    said = json.loads((tmp_path / "compared.json").read_text())
    # by 1.2 % and by 8.8 %, when this was written
    assert said["proposed"] < said["natural"]
    assert said["proposed"] < 0.95 * said["median of those drawn"]
