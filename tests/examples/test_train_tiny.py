import subprocess
import sys
from pathlib import Path

from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents


def test_a_resumed_run_sees_the_rows_of_an_unbroken_one(tmp_path: Path) -> None:
    run_inline(make_config(tmp_path, make_documents(300), length=64))
    script = Path(__file__).parents[2] / "examples" / "train_tiny.py"
    command = [sys.executable, str(script), str(tmp_path / "run"), "--steps", "40", "--stop-after", "11"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "both saw the same 160 rows in the same order, with the same losses" in done.stdout
    first, last = (float(part.split()[-1]) for part in done.stdout.splitlines()[0].split("loss ")[1].split("->"))
    assert last < first - 1
