"""How much memory training takes, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from dspipe.kernels.jit import CHECKED, INTERPRETED
from dspipe.tokenizer.train import BYTES_PER_POSITION

PROGRAM = """
import resource, sys
import numpy as np
from dspipe.tokenizer.counting import WordCounts
from dspipe.tokenizer.train import train

def part(words, seed, length=15):
    draw = np.random.default_rng(seed)
    letters = 97 + np.minimum(draw.geometric(0.15, (words, length)), 26).astype(np.uint8)
    return WordCounts(letters.reshape(-1), np.arange(0, words * length + 1, length), draw.geometric(0.3, words))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

class Parts:
    def __iter__(self):
        return (part(50_000, seed) for seed in range(25))

train([part(100, 0)], 300)
for _ in Parts():
    pass
before = peak()
train(Parts(), 10_000)
print(peak() - before)
"""


@pytest.mark.skipif(INTERPRETED or CHECKED, reason="measures compiled kernels")
def test_training_takes_as_much_memory_as_it_says() -> None:
    root = Path(__file__).parent.parent.parent
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=True)
    positions = 25 * 50_000 * 16
    # less where compiling the kernels took some of it before
    assert int(run.stdout) < 1.2 * BYTES_PER_POSITION * positions
