"""`dspipe explain`, and what the commands import that only look at a run."""

import subprocess
import sys
from pathlib import Path

from tests.engine import run_inline
from tests.pipeline.inspection.looked_at import looked_at

HEAVY = ("numba", "llvmlite", "scipy", "sklearn", "torch", "ray", "transformers", "datasets", "starlette")
ASK = """
import sys
from typer.testing import CliRunner
from dspipe.cli import app
for words in sys.argv[2:]:
    done = CliRunner().invoke(app, words.split())
    print(words.split()[0], done.exit_code, *(name for name in sys.argv[1].split() if name in sys.modules))
    print(done.output, file=sys.stderr)
"""


def test_looking_imports_nothing_heavy(tmp_path: Path) -> None:
    """What lets them answer within a second: nothing that compiles, trains or serves is imported. `schema` imports all
    stages and formats."""
    stages = [*looked_at(tmp_path)["stages"], {"tests.toys.tokenizer": {}}, {"pack": {"length": 64}}]
    run = run_inline(looked_at(tmp_path, stages=stages)).store.root
    commands = ["--help", f"status {run}", f"stats {run}", f"explain {run} 0-20", f"explain {run} none", "schema"]
    done = subprocess.run([sys.executable, "-c", ASK, " ".join(HEAVY), *commands], capture_output=True, text=True)
    expected = ["--help 0", "status 0", "stats 0", "explain 0", "explain 2", "schema 0"]
    assert done.stdout.splitlines() == expected, done.stderr
    assert "tokens in row" in done.stderr and "has no document with the id or URL none" in done.stderr
