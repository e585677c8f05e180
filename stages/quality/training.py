"""fastText's training in a process of its own: `python training.py OPTIONS`, see `train`.

A process of its own, because with one thread the package leaves nine tenths of the input matrix as it gets them from
`malloc` (DenseMatrix::uniform fills a tenth per thread), and glibc is told by the environment to make them zeros.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = 11
"""of a training that may use several: with fewer the package leaves a part of the input matrix uninitialized, as
DenseMatrix::uniformThread fills one tenth per thread, and the rest of a division by ten in the eleventh"""


_PROGRESS = re.compile(rb"Progress:\s*([\d.]+)%")


class TrainingError(Exception):
    """The package couldn't train on what it was given."""


def train(
    lines: Path, model: Path, threads: int, progress: Callable[[float], None] | None = None, **options: Any
) -> None:
    """Train on a file of fastText's lines, write the model. `options` are those of `fasttext.train_supervised`.

    progress: called with the part that is done, 0 to 1, a few times a second.

    With one thread the same lines give the same bytes (with glibc; elsewhere if fresh memory is zeros). With more there
    are at least `THREADS`, which write to the same vectors without locks: no two models are equal.
    """
    threads = 1 if threads == 1 else max(THREADS, threads)
    given = json.dumps({"input": str(lines), "model": str(model), "thread": threads, **options})
    environment = os.environ | {"MALLOC_PERTURB_": "255"}  # the complement, 0, is what fresh memory is filled with
    said = b""
    with subprocess.Popen([sys.executable, __file__, given], env=environment, stderr=subprocess.PIPE) as run:
        assert run.stderr is not None
        while part := os.read(run.stderr.fileno(), 1 << 16):
            said = (said + part)[-(1 << 16) :]
            if progress is not None and (found := _PROGRESS.findall(said)):
                progress(float(found[-1]) / 100)
    if run.returncode:
        message = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise TrainingError(message or f"exit code {run.returncode}")


def _main(given: str) -> None:
    import fasttext

    options = json.loads(given)
    path = options.pop("model")
    fasttext.train_supervised(verbose=2, **options).save_model(path)


if __name__ == "__main__":
    _main(sys.argv[1])
